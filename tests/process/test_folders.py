"""The data folder: who may read it, and what is said when it cannot be written. Root may write anywhere, so for the
server a folder is mounted read-only, or it runs without the capability to pass over the rights of files."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.processes.target import Target, TargetFailed
from tests.installed import program
from tests.process.clients import call, register, token_of
from tests.store.postgres import Postgres

pytestmark = pytest.mark.system

NOBODY_USER_ID = 65534
READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" "$0" && exec "$@"'
WITHOUT_ROOTS_RIGHTS = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]


def read_only(folder: Path) -> list[str]:
    """A command before the server's, for which the folder is read-only."""
    prefix = ["unshare", "--mount", "sh", "-c", READ_ONLY, str(folder)]
    return _usable(prefix)


def _usable(prefix: list[str]) -> list[str]:
    program(prefix[0], package="util-linux")
    done = subprocess.run([*prefix, "true"], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("this user may not do that")
    return prefix


def target_on(folder: Path, log_dir: Path, *, prefix: Sequence[str] = (), **environment: str) -> Target:
    log_dir.mkdir(exist_ok=True)
    flags = ["--data-dir", str(folder)]
    return Target(data_dir=log_dir, flags=flags, environment=environment, prefix=prefix)


def is_refused(target: Target, *, because: str) -> None:
    with pytest.raises(TargetFailed, match=rf"(?s)exit code 2\): +lobby-server: [^\n]*{because}[^\n]*\.\s*$"):
        target.start()
    target.stop()
    assert "Traceback" not in target.log_path.read_text()


@pytest.mark.parametrize("secret", ["s" * 40, ""])
def test_data_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path, secret: str) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    target = target_on(folder, tmp_path / "log", prefix=read_only(folder), LOBBY_JWT_SECRET=secret)
    is_refused(target, because="data.* (cannot be written|cannot be used)")


def test_lock_file_of_another_user_is_one_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    lock = folder / "lobby.sqlite3-server-lock"
    lock.touch(mode=0o600)
    try:
        lock.chmod(0o600)
        os.chown(lock, NOBODY_USER_ID, NOBODY_USER_ID)
    except PermissionError:
        pytest.skip("only root gives files away")
    target = target_on(folder, tmp_path / "log", prefix=_usable(WITHOUT_ROOTS_RIGHTS), LOBBY_JWT_SECRET="s" * 40)
    is_refused(target, because="cannot be written")


def test_postgres_and_a_secret_of_ones_own_need_no_data_folder(
    postgres: Postgres, postgres_name: str, tmp_path: Path
) -> None:
    parent = tmp_path / "read only"
    parent.mkdir()
    target = target_on(parent / "data", tmp_path / "log", prefix=read_only(parent))
    target.flags += ["--database-url", postgres.url(postgres_name)]
    with target.running():
        room = call(target, "POST", "/api/rooms", {"gamemode": "ctf"}, token=token_of(target, 1, "ann"))
        assert room.status == 201
    assert list(parent.iterdir()) == []
    assert target.log_path.read_text().count("kept in memory only") == 1


def test_data_folder_and_all_in_it_are_made_for_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    target = target_on(folder, tmp_path / "log", LOBBY_JWT_SECRET="")
    with target.running():
        assert register(target, "ann").status == 201
        modes = {path.name: oct(path.stat().st_mode & 0o777) for path in folder.iterdir()}
    assert oct(folder.stat().st_mode & 0o777) == "0o700"
    assert {"lobby.sqlite3", "jwt-secret", "waiting-writes.jsonl"} <= set(modes)
    assert set(modes.values()) == {"0o600"}
    assert "other users can look" not in target.log_path.read_text()


def test_data_folder_that_others_can_read_is_said_and_left_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o755)
    target = target_on(folder, tmp_path / "log")
    with target.running():
        pass
    assert target.log_path.read_text().count(f"other users can look into the data folder {folder} (mode 755)") == 1
    assert oct(folder.stat().st_mode & 0o777) == "0o755"
