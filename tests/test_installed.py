"""What is missing skips a test, or fails it where it has to be there; and `.ci/run` installs it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import installed
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[1]
NEED_PROGRAMS = [
    "tests/bench/processes/test_certificate.py::test_certificate_goes_with_its_key_and_both_are_gone_after_the_block",
    "tests/bench/processes/test_namespaces.py::test_link_counts_what_a_network_would_carry",
    "tests/browser/test_accessibility.py::test_nothing_keeps_anybody_out",
    "tests/browser/test_report_page.py::test_print_has_all_tables_page_numbers_and_no_heading_alone",
    "tests/clients/test_coming_back.py::test_client_of_another_library_comes_back_and_is_signed_out[ws]",
    "tests/docs/test_clients.py::test_godot_3_client_lives_through_a_restart",
    "tests/loadtest/run/test_conclusions.py::test_a_server_of_the_base_protocol_alone_is_accepted_and_judged",
    "tests/loadtest/run/test_profiles.py::test_the_server_of_the_specification_needs_no_profile",
]
OF_DEBIAN_ALWAYS = {"util-linux"}
COME_WITH_OTHERS = {"erlang-base": "tsung"}
"""Packages of which a test wants a program, and what needs them, too."""


def test_test_that_lacks_something_is_skipped_and_fails_where_it_has_to_be_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    lacking = [
        (lambda: installed.missing("no registry answers"), "no registry answers"),
        (lambda: installed.needed("no Valkey"), "no Valkey"),
        (lambda: installed.program("nginx", package="nginx"), r"nginx is not installed \(Debian package nginx\)"),
        (lambda: installed.module("no_such_client"), "no_such_client cannot be imported: No module named"),
    ]
    for required, outcome in (("", pytest.skip.Exception), ("required", pytest.fail.Exception)):
        monkeypatch.setenv(installed.REQUIRED, required)
        for asks, reason in lacking:
            with pytest.raises(outcome, match=reason):
                asks()


def test_what_is_there_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "nginx").write_text("#!/bin/sh\n")
    (tmp_path / "nginx").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv(installed.REQUIRED, "required")
    assert installed.program("nginx", package="nginx") == str(tmp_path / "nginx")
    assert installed.module("os") is os
    installed.needed(None)


@pytest.mark.system
def test_no_test_is_skipped_for_want_of_a_program_where_they_are_required(tmp_path: Path) -> None:
    """With no program on the path: each of them fails for it, or could not begin."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-m", "", "-p", "no:cacheprovider", "--tb=line", *NEED_PROGRAMS],
        cwd=ROOT, capture_output=True, text=True, timeout=4 * PATIENCE_S,
        env={**os.environ, "PATH": str(tmp_path), installed.REQUIRED: "required"},
    )  # fmt: skip
    last = done.stdout.splitlines()[-1]
    kinds = {kind: int(count) for count, kind in re.findall(r"(\d+) (\w+)", last.partition(" in ")[0])}
    assert set(kinds) <= {"failed", "error", "errors"}, done.stdout
    assert sum(kinds.values()) == len(NEED_PROGRAMS), done.stdout


def packages_wanted() -> set[str]:
    """By tests, of Debian."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py") if path != Path(__file__)]
    return {found for text in texts for found in re.findall(r'program\([^()]*\bpackage="([^"]+)"\)', text)}


def test_what_tests_want_is_installed_by_ci_run() -> None:
    [pairs] = re.findall(r"for pair in (.*?); do", (ROOT / ".ci/run").read_text(encoding="utf-8"), re.DOTALL)
    put = {pair.partition(":")[2] for pair in pairs.replace("\\\n", " ").split()}
    wanted = packages_wanted()
    assert {"poppler-utils", "nodejs", "iproute2", "haproxy"} <= wanted
    assert {COME_WITH_OTHERS.get(package, package) for package in wanted} - OF_DEBIAN_ALWAYS <= put


def test_what_tests_want_is_in_the_guide_of_contributors() -> None:
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    wanted = {COME_WITH_OTHERS.get(package, package) for package in packages_wanted()} - OF_DEBIAN_ALWAYS
    assert {package for package in wanted if f"`{package}`" not in guide} == set()


def test_no_test_says_itself_that_a_program_is_missing() -> None:
    """A skip of its own is for what this user, kernel or machine cannot do, or for what other work has disturbed."""
    mark = re.compile(r"skipif\(.*(?:which|find_engine|find_postgres|express_command|why_not\(\) is not|can_have)\b")
    call = re.compile(r"pytest\.skip\(.*(?:there is no|not installed|npm|Node)")
    said = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if mark.search(line) or call.search(line)
    ]
    assert [line for line in said if not line.startswith("tests/test_installed.py")] == []
