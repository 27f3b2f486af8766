"""The wheel in an empty folder: the command, the plans and the profiles are there, and a run of it measures."""

import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from bench.processes.target import Target
from tests.installed import missing
from tests.loadtest.swarms import ROOT, run_program_until

pytestmark = pytest.mark.system

INSTALL_TIMEOUT_S = 300.0
RUN_TIMEOUT_S = 90.0


def run(*command: object, cwd: Path, timeout_s: float = RUN_TIMEOUT_S) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command], cwd=cwd, capture_output=True, text=True, timeout=timeout_s, check=False,
        env=environment(cwd),
    )  # fmt: skip


def environment(folder: Path) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "HOME": str(folder)}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with nothing but the wheel in it; its libraries are those of this one, lest the test download
    them. The folder of its programs."""
    folder = tmp_path_factory.mktemp("wheel")
    sources = folder / "sources"  # a build leaves things beside its sources
    sources.mkdir()
    for name in ("lobby_server", "loadtest", "bench"):
        shutil.copytree(ROOT / name, sources / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    for path in (path for path in ROOT.iterdir() if path.is_file() and not path.name.startswith(".")):
        shutil.copy(path, sources / path.name)
    built = run(
        sys.executable, "-m", "pip", "wheel", sources, "--no-deps", "-q", "-w", folder,
        cwd=folder, timeout_s=INSTALL_TIMEOUT_S,
    )  # fmt: skip
    if "No matching distribution found for setuptools" in built.stderr:
        missing("the builder of wheels cannot be had: no package index answers")
    assert built.returncode == 0, built.stderr[-2000:]
    [wheel] = folder.glob("lobby_server-*.whl")
    venv.create(folder / "env", with_pip=False)
    [packages] = (folder / "env/lib").glob("python*/site-packages")
    libraries = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "libraries.pth").write_text("\n".join(libraries) + "\n")
    done = run(
        sys.executable, "-m", "pip", "--python", folder / "env/bin/python", "install", "-q", "--no-deps",
        "--ignore-installed", f"{wheel}[loadtest]", cwd=folder, timeout_s=INSTALL_TIMEOUT_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return folder / "env/bin"


def test_the_command_of_the_wheel_lists_plans_and_profiles(installed: Path, tmp_path: Path):
    plans = run(installed / "lobby-swarm", "--plan", "list", cwd=tmp_path)
    assert plans.returncode == 0, plans.stderr
    assert "launch-day" in plans.stdout
    assert str(installed.parent) in plans.stdout, "of the wheel, not of a checkout"
    profiles = run(installed / "lobby-swarm", "--protocol", "list", cwd=tmp_path)
    assert "colyseus" in profiles.stdout


def test_the_command_of_the_wheel_runs_in_an_empty_folder(installed: Path, tmp_path: Path):
    with Target() as target:
        done = run_program_until(
            lambda found: found["events"].get("connections established", 0) >= 12, tmp_path,
            installed / "lobby-swarm", "--plan", "launch-day", "--host", target.http_url, "--jwt-secret",
            target.jwt_secret, "--headless", "-u", 12, "-r", 20, "--shape", "none", "--run-dir", "run",
            "--accept-invalid", "--only-summary", environment=environment(tmp_path),
        )  # fmt: skip
    assert "Traceback" not in done.errors, done.errors[-3000:]
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"run.json", "run.html", "junit.xml"}
    assert "Results of this run: run" in done.errors
