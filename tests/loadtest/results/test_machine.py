"""Machine facts: what a run says of where it ran."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from loadtest.results import machine
from tests.patience import PATIENCE_S


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE_S).stdout.strip()


def test_a_checkout_has_its_whole_commit_and_says_whether_it_was_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(machine, "_GIT_TIMEOUT_S", PATIENCE_S)
    git(tmp_path, "init", "-q")
    (tmp_path / "file").write_text("one")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-qm", "first")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert machine.read_checkout(tmp_path) == machine.Checkout(commit, is_dirty=False)
    (tmp_path / "file").write_text("two")
    assert machine.read_checkout(tmp_path) == machine.Checkout(commit, is_dirty=True)


def test_outside_of_git_there_is_no_checkout(tmp_path: Path):
    assert machine.read_checkout(tmp_path) is None
    assert machine.read_checkout(tmp_path / "missing") is None


def test_packages_that_are_not_installed_are_left_out():
    versions = machine.package_versions(("msgspec", "no-such-package-of-this-project"))
    assert list(versions) == ["msgspec"]


def test_the_machine_has_a_processor_and_memory():
    assert machine.cpu_model()
    assert machine.memory_bytes() > 1 << 26
    assert machine.operating_system().count(" ") == 1
