"""What every Python peer shares: tokens that hold and those that do not, messages, orders on standard input."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.load.sockets.tokens import mint_receiver
from bench.peers import messages
from lobby_server.protocol.messages import RoomsChanged, encode

SECRET = "of the peers, which is 32 bytes long"


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEER_SECRET", SECRET)


def test_user_of_a_token_is_the_one_that_it_was_made_for() -> None:
    player = mint_receiver(SECRET, 7)
    assert messages.user_of(player.token) == {"user_id": player.user_id, "username": player.username}


@pytest.mark.parametrize("token", ["", "not a token", mint_receiver("another secret, thirty-two bytes long", 7).token])
def test_token_that_does_not_hold_is_of_nobody(token: str) -> None:
    assert messages.user_of(token) is None


def test_announcement_is_the_lobby_s_own_to_the_byte() -> None:
    assert messages.ROOMS_CHANGED.encode() == encode(RoomsChanged())


def test_pong_has_the_time_in_whole_milliseconds() -> None:
    before = int(time.time() * 1000)
    said = json.loads(messages.pong())
    assert said["type"] == "pong"
    assert before <= said["data"]["ts"] <= int(time.time() * 1000)


def test_list_is_the_file_that_was_named_or_empty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    body = tmp_path / "rooms.json"
    body.write_bytes(b"the list")
    monkeypatch.setattr("sys.argv", ["peer", str(body)])
    assert messages.rooms_body() == b"the list"
    monkeypatch.setattr("sys.argv", ["peer"])
    assert json.loads(messages.rooms_body()) == {"count": 0, "rooms": []}


@pytest.fixture
def standard_input(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The end that orders are written into."""
    reading, writing = os.pipe()
    monkeypatch.setattr("sys.stdin", SimpleNamespace(fileno=lambda: reading))
    yield writing
    os.close(reading)


def test_each_line_is_an_order_and_the_end_is_the_end(standard_input: int) -> None:
    os.write(standard_input, b"\n\n\n")
    assert messages.orders() == 3
    os.write(standard_input, b"not whole")
    assert messages.orders() == 0
    os.close(standard_input)
    assert messages.orders() == -1
