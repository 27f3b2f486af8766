"""The source distribution: whoever has it and no clone can run the tests, and has the files that the pages name."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.deploy.test_files import ROOT
from tests.installed import program
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.system

OF_THE_REPOSITORY_ALONE = {".ci/run", ".gitignore"}
SECRETS = ("deploy/docker/jwt-secrets", "deploy/jwt-secrets", "deploy/tokens.txt")
"""What the guides have their readers make, where they may stand as they do so."""
BUILD = "import sys; from setuptools.build_meta import build_sdist; build_sdist(sys.argv[1])"


def tracked() -> set[str]:
    if not (ROOT / ".git").exists():
        pytest.skip("this is no clone")
    options = ["-C", str(ROOT), "-c", f"safe.directory={ROOT}", "-c", "core.quotePath=false"]
    git = [program("git", package="git"), *options, "ls-files"]
    try:
        listed = subprocess.run(git, capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    except subprocess.CalledProcessError:
        pytest.skip("this is no clone of its own")
    return {path for path in listed.stdout.splitlines() if (ROOT / path).is_file()}


def test_source_distribution_holds_every_file_of_the_repository_and_no_secret(tmp_path: Path) -> None:
    """Built from a copy: what it leaves behind is not to lie in the checkout."""
    pytest.importorskip("setuptools")
    files = tracked()
    for path in files:
        (tmp_path / "copy" / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / "copy" / path)
    for path in SECRETS:
        (tmp_path / "copy" / path).write_text("a secret\n")
    subprocess.run(
        [sys.executable, "-c", BUILD, str(tmp_path)],
        cwd=tmp_path / "copy", capture_output=True, text=True, timeout=PATIENCE_S, check=True,
    )  # fmt: skip
    (built,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(built) as archive:
        packed = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    assert files - packed == OF_THE_REPOSITORY_ALONE
    assert packed.isdisjoint(SECRETS)
