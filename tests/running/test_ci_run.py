"""`.ci/run` with programs that only say that they ran: what it prints, and how it ends."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
KEPT = Path(".pytest_cache/v/cache/lastfailed")
"""Where pytest keeps, in the environment of tox, which tests failed."""
PYTHON = """#!/bin/sh
case "$*" in
    *reports/sample) echo "what the audit says of the sample"; exit "$AUDIT_ENDS_WITH";;
esac
"""
"""Of the environment in which reports are made."""
TOX = f"""#!/bin/sh
case "$*" in
    *--notest*) mkdir -p "$TOX_WORK_DIR/report/bin"
        cat >"$TOX_WORK_DIR/report/bin/python" <<'END'
{PYTHON}END
        printf '#!/bin/sh\\n' >"$TOX_WORK_DIR/report/bin/lobby-bench"
        chmod +x "$TOX_WORK_DIR"/report/bin/*;;
    *--last-failed*-n\\ 0) echo "alone: $*"; exit "$ALONE_ENDS_WITH";;
    "-e system --") if [ -n "$FAILED" ]; then
            mkdir -p "$TOX_WORK_DIR/system/{KEPT.parent}"
            printf '%s' "$FAILED" >"$TOX_WORK_DIR/system/{KEPT}"
        fi
        exit "$SYSTEM_ENDS_WITH";;
    "-e browser -- tests/browser") exit "$BROWSER_ENDS_WITH";;
    *--smoke*) for last; do :; done # the folder
        mkdir "$last"
        for file in run.json report.html report.md figures.json; do echo "$file" >"$last/$file"; done;;
esac
"""
APT_GET = """#!/bin/sh
echo "apt-get $*" >&2
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A clean one, whose tests pass at once; beside it, in `bin`, what the script calls of the system."""
    folder = tmp_path / "checkout"
    (folder / ".ci").mkdir(parents=True)
    shutil.copy(ROOT / ".ci/run", folder / ".ci/run")
    (folder / "README.md").write_text("    echo the tests run  # run the tests, the linter and the type checker\n")
    put(folder / ".venv/bin/tox", TOX)
    for name in ("bash", "sh", "cat", "chmod", "dirname", "mkdir", "mktemp", "nice", "rm", "sed", "wc"):
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / name).symlink_to(str(shutil.which(name)))
    put(tmp_path / "bin/apt-get", APT_GET)
    return folder


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def run(
    checkout: Path, *, system: int = 0, browser: int = 0, audit: int = 0, failed: Sequence[str] = (), alone: int = 0
) -> tuple[int, str]:
    """The exit code, and all that was said. `failed`: the names of the tests of whole programs that failed."""
    done = subprocess.run(
        [checkout / ".ci/run"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=PATIENCE_S, check=False,
        env={**os.environ, "PATH": str(checkout.parent / "bin"), "LOBBY_TEST_CHROMIUM": "chromium",
             "TMPDIR": str(checkout.parent), "SYSTEM_ENDS_WITH": str(system),
             "BROWSER_ENDS_WITH": str(browser), "AUDIT_ENDS_WITH": str(audit),
             "FAILED": json.dumps(dict.fromkeys(failed, True), indent=2) if failed else "",
             "ALONE_ENDS_WITH": str(alone)},
    )  # fmt: skip
    assert [path.name for path in checkout.parent.iterdir() if path.name.startswith("tmp.")] == []
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("system", "browser", "audit", "code"), [(0, 0, 0, 0), (1, 0, 0, 1), (3, 0, 0, 3), (0, 2, 0, 2), (0, 0, 1, 1)]
)
def test_each_suite_and_the_audit_of_the_sample_fail_the_run(
    checkout: Path, system: int, browser: int, audit: int, code: int
) -> None:
    ended, said = run(checkout, system=system, browser=browser, audit=audit)
    assert ended == code, said
    assert ("what the audit says of the sample" in said) == (system == browser == 0)
    assert ("== all gates passed" in said) == (code == 0)


@pytest.mark.parametrize("number", [1, 3])
def test_the_few_that_fail_beside_other_tests_are_decided_alone_and_named_at_the_end(
    checkout: Path, number: int
) -> None:
    names = [f"tests/a.py::test_{name}[a b]" for name in "abc"[:number]]
    ended, said = run(checkout, system=1, failed=names)
    assert ended == 0, said
    assert "alone: -e system -- --last-failed" in said
    *_, last = said.split("== what the server costs")
    assert [line.rpartition(": ")[2] for line in last.splitlines() if "passed alone" in line] == names


@pytest.mark.parametrize(
    ("system", "number", "alone", "code"),
    [(1, 1, 1, 1), (1, 4, 0, 1), (2, 1, 0, 2)],
    ids=["failed again", "too many", "was interrupted"],
)
def test_what_fails_alone_and_what_is_no_matter_of_load_fails_the_run(
    checkout: Path, system: int, number: int, alone: int, code: int
) -> None:
    ended, said = run(checkout, system=system, failed=[f"test_{index}" for index in range(number)], alone=alone)
    assert ended == code, said
    assert "== the pages in Chromium" not in said
    assert "== all gates passed" not in said


def test_pytest_keeps_what_failed_where_it_is_looked_for(tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text(
        "import pytest\n@pytest.mark.parametrize('at', ['a b', '\"q\"'])\ndef test_fails(at): assert False\n"
        "def test_passes(): pass\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", "--rootdir", tmp_path, tmp_path]
    environment = {**os.environ, "TOX_ENV_DIR": str(tmp_path / "system")}
    for alone, said in (([], "2 failed, 1 passed"), (["--last-failed", "-n", "0"], "2 failed in")):
        done = subprocess.run(
            [*command, *alone], capture_output=True, text=True, timeout=PATIENCE_S, check=False, env=environment,
            cwd=tmp_path,
        )  # fmt: skip
        assert (done.returncode, said in done.stdout) == (1, True), done.stdout + done.stderr
    head, first, last, tail = (tmp_path / "system" / KEPT).read_text().splitlines()
    assert (head, tail) == ("{", "}")
    names = sorted([first.removesuffix(": true,"), last.removesuffix(": true")])
    assert names == ['  "test_one.py::test_fails[\\"q\\"]"', '  "test_one.py::test_fails[a b]"']


def test_programs_that_are_missing_are_installed_and_no_others(checkout: Path) -> None:
    put(checkout.parent / "bin/nginx", "#!/bin/sh\n")
    _, said = run(checkout)
    [installs] = [line.split() for line in said.splitlines() if "apt-get install" in line]
    assert {"poppler-utils", "nodejs", "prometheus", "iproute2"} <= set(installs)
    assert "nginx" not in installs
    assert "chromium" not in installs
