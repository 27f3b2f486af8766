"""Every setting is checked before anything is made on disk."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lobby_server.process.checking import check_settings
from lobby_server.server import LobbyServer
from lobby_server.service.ports import StoreError
from lobby_server.settings import Settings, SettingsError

MAIL = {"smtp_url": "smtp://mail.example", "mail_from": "a@b.example", "public_url": "https://b.example"}
SECRET = "s" * 40
SHARED = {"database_url": "postgresql://u:p@127.0.0.1:1/lobby", "jwt_secret": SECRET}
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "an origin": ({"allowed_origins": "https://good.example, game.example"}, "--allowed-origins"),
    "a mail server": ({**MAIL, "smtp_url": "mail.example"}, "--smtp-url"),
    "a sender": ({**MAIL, "mail_from": "nobody"}, "--mail-from"),
    "a certificate": ({"tls_cert": "{folder}/none", "tls_key": "{folder}/none"}, "--tls-cert"),
    "a secret": ({"jwt_secret": "ssh-ed25519 " + "A" * 60}, "another kind"),
    "a file of secrets": ({"jwt_secret_file": "{folder}/none"}, "--jwt-secret-file"),
    "a kind of database": ({"database_url": "mysql://u@db/lobby"}, "--database-url"),
    "a parameter of the database": ({"database_url": "postgresql://u@db/lobby?colour=blue"}, "--database-url"),
    "the folder of a database": ({"database_url": "sqlite:///{folder}/none/lobby.sqlite3"}, "--database-url"),
    "a database that is a folder": ({"database_url": "sqlite:///{folder}"}, "is a folder"),
    "a backplane": ({**SHARED, "backplane_url": "redis://valkey:port/0"}, "--backplane-url"),
}
"""Settings that only looking can tell are wrong, and what the sentence says."""
each_fault = pytest.mark.parametrize("what", WRONG)


def settings_of(folder: Path, *, what: str = "", **given: Any) -> Settings:
    wrong = WRONG[what][0] if what else given
    filled = {name: text.format(folder=folder) if isinstance(text, str) else text for name, text in wrong.items()}
    return Settings(**{"data_dir": folder / "new" / "data", "port": 0, **filled})


async def refused(settings: Settings) -> str:
    """Why a server with these settings does not start."""
    with pytest.raises((SettingsError, StoreError)) as fault:
        await LobbyServer(settings).start()
    return str(fault.value)


def file_in(folder: Path) -> None:
    (folder / "file").touch()


def made_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@each_fault
async def test_setting_that_is_wrong_is_told_and_nothing_was_made(tmp_path: Path, what: str) -> None:
    assert WRONG[what][1] in await refused(settings_of(tmp_path, what=what))
    assert made_in(tmp_path) == []


@each_fault
def test_it_is_told_by_looking_alone(tmp_path: Path, what: str) -> None:
    with pytest.raises((SettingsError, StoreError)):
        check_settings(settings_of(tmp_path, what=what))
    assert made_in(tmp_path) == []


@pytest.mark.parametrize("is_named", [True, False], ids=["by the URL", "the data folder"])
async def test_folder_that_may_not_be_looked_into_is_told_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_named: bool
) -> None:
    closed = tmp_path / "closed"

    def shut_in(look: Callable[[Path], bool]) -> Callable[[Path], bool]:
        def looked(path: Path) -> bool:
            if closed in path.parents:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return look(path)

        return looked

    for name in ("exists", "is_dir", "is_file"):
        monkeypatch.setattr(Path, name, shut_in(getattr(Path, name)))
    inside = closed / "deeper"
    given: dict[str, Any] = {"database_url": f"sqlite:///{inside}/x.sqlite3"} if is_named else {"data_dir": inside}
    said = await refused(settings_of(tmp_path, jwt_secret=SECRET, **given))
    assert "(Permission denied): give this user the right to look into its folders, or " in said
    assert ("--database-url" if is_named else "--data-dir") in said
    assert made_in(tmp_path) == []


async def test_port_that_is_taken_is_told_and_nothing_was_made(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "--port" in await refused(settings_of(tmp_path, port=taken.getsockname()[1]))
    assert made_in(tmp_path) == []


async def test_database_that_nobody_answers_for_leaves_no_data_folder(tmp_path: Path) -> None:
    url = "postgresql://u:p@127.0.0.1:1/lobby"  # no port that anybody gets
    await refused(settings_of(tmp_path, database_url=url, database_wait_s=0.0))
    assert made_in(tmp_path) == []


async def test_data_folder_that_cannot_be_made_leaves_no_database(tmp_path: Path) -> None:
    file_in(tmp_path)
    elsewhere = f"sqlite:///{tmp_path}/lobby.sqlite3"
    said = await refused(settings_of(tmp_path, database_url=elsewhere, data_dir=tmp_path / "file" / "data"))
    assert "--data-dir" in said
    assert made_in(tmp_path) == ["file"]


def test_what_can_be_used_is_let_pass_and_makes_nothing(tmp_path: Path) -> None:
    for given in ({}, MAIL, SHARED, {**SHARED, "backplane_url": "redis://valkey:6379/0"}, {"allowed_origins": "*"}):
        check_settings(settings_of(tmp_path, **given))
    assert made_in(tmp_path) == []
