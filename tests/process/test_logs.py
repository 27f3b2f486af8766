"""What a real process logs: one line an event, in the format asked for, and never a secret."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

import jwt
import pytest

from bench.processes.target import Target
from lobby_server.logs import JsonFormatter, LogFile
from tests.process.clients import call, connect, register, shake_hands, token_of

pytestmark = pytest.mark.system

PASSWORD = "correct horse battery staple"
FORGING_NAME = "ann\n2026-01-01 00:00:00,000 ERROR   lobby: forged \x1b[31m"


def a_session_of_activity(target: Target) -> list[str]:
    """Everything that has to do with secrets; those that must not be found in the log."""
    ann = register(target, "ann", PASSWORD).body["token"]
    body = {"username": "ann", "password": PASSWORD}
    bob = call(target, "POST", "/api/auth/login", body).body["token"]
    call(target, "POST", "/api/auth/login", {**body, "password": "a wrong password"})
    call(target, "POST", "/api/auth/register", {**body, "password": "short", "email": "no email"})
    fresh = call(target, "POST", "/api/auth/refresh", token=ann).body["token"]
    forged = jwt.encode({"userId": 1, "username": "eve", "exp": 9_999_999_999}, "x" * 32, "HS256")
    call(target, "GET", "/api/auth/verify", token=forged)
    call(target, "GET", f"/api/rooms/{forged}?token={fresh}")
    call(target, "PUT", "/api/rooms", {"token": ann}, token=ann)
    client = connect(target)
    for token in (forged, ann):
        shake_hands(client, token)
    client.send(json.dumps({"type": "handshake", "data": {"version": 5, "token": bob}}))
    client.send("nonsense " + bob)
    call(target, "POST", "/api/rooms", {"gamemode": "ctf"}, token=ann)
    call(target, "POST", "/api/auth/logout", token=ann)
    client.shutdown()
    connect(target, token_of(target, 2, FORGING_NAME)).shutdown()
    return [PASSWORD, "a wrong password", "$argon2", target.jwt_secret, ann, bob, fresh, forged, ann.split(".")[2]]


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_log_tells_what_happened_and_no_secret(log_format: str, tmp_path: Path) -> None:
    target = Target(data_dir=tmp_path, flags=["--log-level", "debug", "--log-format", log_format])
    with target.running():
        hidden = a_session_of_activity(target)
    log = target.log_path.read_text()
    assert [secret for secret in hidden if secret in log] == []
    assert "authenticated user" in log
    assert "Broadcasting user_online" in log
    assert "forged" in log
    assert "\x1b" not in log
    assert not any(line.startswith("2026-01-01 00:00:00,000") for line in log.splitlines())
    lines = log.splitlines()
    assert len(lines) > 5
    if log_format == "text":
        assert all(line[:4].isdigit() for line in lines), "a line that is none of the log's"
        return
    for line in lines:
        entry = json.loads(line)
        assert {"ts", "level", "logger", "message"} <= set(entry)
        assert entry["ts"].endswith("+00:00")


def test_log_file_on_a_full_disk_is_told_once_and_the_server_goes_on(tmp_path: Path) -> None:
    target = Target(data_dir=tmp_path, flags=["--log-file", "/dev/full"])
    with target.running():
        for number in range(3):
            assert register(target, f"user{number}", PASSWORD).status == 201
            connect(target, token_of(target, number, f"user{number}")).close()
        assert target.stop() == 0
    assert target.log_path.read_text() == "lobby-server: /dev/full takes no lines: No space left on device.\n"


def test_log_file_that_takes_lines_again_says_how_many_were_lost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "lobby")
    name, there = tmp_path / "lobby.log", tmp_path / "there"
    name.symlink_to("/dev/full")
    handler, lobby = LogFile(str(name), encoding="utf-8"), logging.getLogger("lobby")
    lobby.addHandler(handler)
    try:
        for number in range(3):
            lobby.info("line %d", number)
        name.unlink()
        name.symlink_to(there)
        handler.reopen()
        for number in range(3, 5):
            lobby.info("line %d", number)
    finally:
        lobby.removeHandler(handler)
        handler.close()
    assert capsys.readouterr().err == f"lobby-server: {name} takes no lines: No space left on device.\n"
    lost = "up to 3 lines were lost while the log file took none"
    assert there.read_text().splitlines() == ["line 3", lost, "line 4"]


def test_log_file_that_cannot_be_opened_again_fails_nobody_who_logs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "lobby")
    folder, lobby = tmp_path / "logs", logging.getLogger("lobby")
    folder.mkdir()
    handler = LogFile(str(folder / "lobby.log"), encoding="utf-8")
    lobby.addHandler(handler)
    try:
        folder.rename(tmp_path / "moved")  # by somebody who tidies up
        for number in range(3):
            lobby.info("line %d", number)
        folder.mkdir()
        lobby.info("line 3")
    finally:
        lobby.removeHandler(handler)
        handler.close()
    assert capsys.readouterr().err.count("takes no lines") == 1
    lost = "up to 3 lines were lost while the log file took none"
    assert (folder / "lobby.log").read_text().splitlines() == ["line 3", lost]


def test_entry_is_one_object_on_one_line_whatever_is_logged() -> None:
    try:
        raise RuntimeError("several\nlines")
    except RuntimeError:
        record = logging.makeLogRecord(
            {
                "name": "lobby",
                "levelname": "ERROR",
                "msg": "a %s of \u2028 \ud800 %s",
                "args": ("kind", b"bytes"),
                "exc_info": sys.exc_info(),
                "session_id": 7,  # as given by extra=
                "place": Path("/tmp"),
            }
        )
    line = JsonFormatter().format(record)
    assert line.isascii()
    assert len(line.splitlines()) == 1
    entry = json.loads(line)
    assert (entry["level"], entry["logger"], entry["session_id"], entry["place"]) == ("error", "lobby", 7, "/tmp")
    assert entry["message"] == "a kind of \u2028 \ud800 b'bytes'"
    assert entry["exception"].endswith("RuntimeError: several\nlines")
