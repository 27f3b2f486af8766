"""The image, as far as it can be had without Docker: its build stage is done in a folder that has what the Dockerfile
copies and nothing else, and the server that comes of it runs under the image's user id and variables."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.processes.target import Target
from tests.deploy.test_files import ROOT, instructions
from tests.patience import PATIENCE_S
from tests.process.clients import call, register

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Where other users may look: pytest's own is for this one."""
    with tempfile.TemporaryDirectory(prefix="lobby-image-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.fixture(scope="module")
def site(folder: Path) -> Path:
    """What the build stage installs, without the packages that it needs: those are here."""
    context = folder / "src"
    context.mkdir()
    for what, rest in instructions():
        if what == "COPY" and "--from" not in rest:
            *sources, target = rest.split()
            for source in sources:
                copy(ROOT / source, context / target / (source if (ROOT / source).is_file() else ""))
    command = ["pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    done = subprocess.run(
        [sys.executable, "-m", *command, "--target", str(folder / "site"), "."],
        cwd=context, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "site"


def copy(source: Path, target: Path) -> None:
    if source.is_file():
        shutil.copy(source, target)
    else:
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)


def user_of_the_image() -> list[str]:
    """A command that becomes the image's user, where this one may do that."""
    rest = next(rest for what, rest in instructions() if what == "RUN" and "useradd" in rest)
    user_id = rest.split("--uid ")[1].split()[0]
    prefix = ["setpriv", "--reuid", user_id, "--regid", user_id, "--clear-groups"]
    try:
        can = subprocess.run([*prefix, sys.executable, "-c", ""], capture_output=True, check=False).returncode == 0
    except OSError:
        can = False
    return prefix if can else []


def test_server_of_the_build_stage_runs_as_the_images_user_and_serves_its_pages(folder: Path, site: Path) -> None:
    data = folder / "data"
    data.mkdir(mode=0o700)
    prefix = user_of_the_image()
    if prefix:
        os.chown(data, int(prefix[2]), int(prefix[2]))
    variables = dict(pair.split("=", 1) for what, rest in instructions() if what == "ENV" for pair in rest.split())
    own = {name: value for name, value in variables.items() if name.startswith("LOBBY_")}
    assert own.pop("LOBBY_ADDRESS") == "0.0.0.0"  # in here no other machine is to reach it
    assert own.pop("LOBBY_DATA_DIR") == "/data"
    target = Target(
        data_dir=folder / "log", flags=["--data-dir", str(data)], environment=own, prefix=prefix, checkout=site
    )
    with target.running():
        assert register(target, "ann").status == 201
        assert call(target, "GET", "/readyz").status == 200
        for path in ("/", "/ops", "/static/lobby.js", "/static/lobby/server/api.js", "/static/grafana/lobby.json"):
            with urllib.request.urlopen(target.http_url + path, timeout=PATIENCE_S) as answer:
                assert (answer.status, len(answer.read()) > 100) == (200, True), path
        assert target.stop() == 0
    assert (data / "lobby.sqlite3").exists()
    assert "Traceback" not in target.log_path.read_text()
