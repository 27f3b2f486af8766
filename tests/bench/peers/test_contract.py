"""What the lobby is compared with does the same job: every peer speaks the specification's messages, as a process."""

from __future__ import annotations

import signal
import socket
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from bench.load.sockets.tokens import mint_receiver
from bench.processes.peer import Peer, python_peer, start_peer
from lobby_server.protocol.messages import RoomsChanged, encode_frame
from tests.bench.peers.client import TIMEOUT_S, Client
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.system

SECRET = "of the peers, which is 32 bytes long"
SPEAKING = ("naive_tornado", "python_websockets", "starlette_uvicorn")
LISTING = ("naive_tornado", "starlette_uvicorn", "plain_rooms")
ANN, BOB, CLEO = (mint_receiver(SECRET, number) for number in range(3))
BODY = b'{"count":1,"rooms":[{"id":"r1"}]}'


class Running(NamedTuple):
    name: str
    peer: Peer


@pytest.fixture(scope="module")
def body(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("peers") / "rooms.json"
    found.write_bytes(BODY)
    return found


def started(name: str, body: Path) -> Iterator[Running]:
    with start_peer(python_peer(name, str(body)), cpus=None, environment={"PEER_SECRET": SECRET}) as peer:
        yield Running(name, peer)


@pytest.fixture(scope="module", params=SPEAKING)
def speaking(request: pytest.FixtureRequest, body: Path) -> Iterator[Running]:
    yield from started(request.param, body)


@pytest.fixture(scope="module", params=LISTING)
def listing(request: pytest.FixtureRequest, body: Path) -> Iterator[Running]:
    yield from started(request.param, body)


@pytest.fixture(scope="module")
def floor(body: Path) -> Iterator[Running]:
    yield from started("floor", body)


# -- those that speak ----------------------------------------------------------------------------------------------


def test_login_is_accepted_with_its_user_and_told_to_itself(speaking: Running) -> None:
    with Client(speaking.peer.port) as ann:
        ann.log_in(ANN.token)
        told = ann.hears("handshake_accepted")
        assert (told["user_id"], told["username"]) == (ANN.user_id, ANN.username)
        assert ann.hears("user_online") == {"user_id": ANN.user_id, "username": ANN.username}


def test_login_is_told_to_everybody_who_is_connected(speaking: Running) -> None:
    """Also to who has not logged in: that is the plain way, and figures are those of an event."""
    with Client(speaking.peer.port) as ann, Client(speaking.peer.port) as stranger, Client(speaking.peer.port) as bob:
        ann.log_in(ANN.token)
        ann.hears("handshake_accepted")
        for each in (ann, stranger, bob):
            assert each.hears("user_online")["user_id"] == ANN.user_id
        bob.log_in(BOB.token)
        bob.hears("handshake_accepted")
        for each in (ann, stranger, bob):
            assert each.hears("user_online")["user_id"] == BOB.user_id


def test_token_that_does_not_hold_is_refused_and_told_to_nobody(speaking: Running) -> None:
    with Client(speaking.peer.port) as ann, Client(speaking.peer.port) as bob:
        ann.log_in("not a token")
        assert ann.hears("error") == {"reason": "invalid_token"}
        bob.log_in(BOB.token)
        bob.hears("handshake_accepted")
        assert ann.hears("user_online")["user_id"] == BOB.user_id, "nothing came before"


def test_ping_is_answered_with_the_time(speaking: Running) -> None:
    with Client(speaking.peer.port) as ann:
        before = int(time.time() * 1000)
        ann.ping()
        assert before <= ann.hears("pong")["ts"] <= int(time.time() * 1000)


def test_order_is_one_announcement_at_everybody(speaking: Running) -> None:
    with Client(speaking.peer.port) as ann, Client(speaking.peer.port) as bob:
        for each in (ann, bob):
            each.ping()
            each.hears("pong")  # so that it is known to be connected
        for _ in range(2):
            speaking.peer.fire()
        for each in (ann, bob):
            assert [each.hears("rooms_changed") for _ in range(2)] == [{}, {}]
            each.ping()
            each.hears("pong")  # and not a third one before


def test_client_that_has_gone_takes_no_other_with_it(speaking: Running) -> None:
    with Client(speaking.peer.port) as ann:
        with Client(speaking.peer.port) as bob:
            bob.log_in(BOB.token)
            bob.hears("handshake_accepted")
            ann.hears("user_online")
        ann.log_in(CLEO.token)
        ann.hears("handshake_accepted")
        assert ann.hears("user_online")["user_id"] == CLEO.user_id
        speaking.peer.fire()
        ann.hears("rooms_changed")


# -- those that serve a list ---------------------------------------------------------------------------------------


def test_list_is_the_file_to_the_byte(listing: Running) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{listing.peer.port}/api/rooms", timeout=TIMEOUT_S) as answer:
        assert answer.read() == BODY
        assert answer.headers["Content-Type"].lower().startswith("application/json")


# -- the floor -----------------------------------------------------------------------------------------------------


def test_floor_sends_the_lobby_s_own_frame_once_per_order_to_whoever_is_in(floor: Running) -> None:
    frame = encode_frame(RoomsChanged())
    address = ("127.0.0.1", floor.peer.port)
    with (
        socket.create_connection(address, timeout=TIMEOUT_S) as one,
        socket.create_connection(address, timeout=TIMEOUT_S) as other,
    ):
        for each in (one, other):
            _wait_until_in(floor, each, frame)
        for each in (one, other):
            _drain(each)
        for _ in range(3):
            floor.peer.fire()
        assert [_read(each, 3 * len(frame)) for each in (one, other)] == [frame * 3] * 2


def _wait_until_in(floor: Running, connection: socket.socket, frame: bytes) -> None:
    """Order until it hears one: who connects is accepted a moment later."""
    connection.settimeout(0.05)
    deadline_s = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline_s:
        floor.peer.fire()
        try:
            assert connection.recv(len(frame)) == frame
        except TimeoutError:
            continue
        return
    raise AssertionError("the floor sends nothing")


def _drain(connection: socket.socket) -> None:
    """Until nothing more of the orders of before comes."""
    connection.settimeout(0.3)
    try:
        while connection.recv(65_536):
            pass
    except TimeoutError:
        connection.settimeout(TIMEOUT_S)


def _read(connection: socket.socket, size: int) -> bytes:
    came = b""
    while len(came) < size:
        piece = connection.recv(size - len(came))
        assert piece, "the floor has hung up"
        came += piece
    return came


# -- their end -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["floor", *dict.fromkeys((*SPEAKING, *LISTING))])
def test_peer_ends_with_its_standard_input(name: str, body: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`start_peer` closes it, and would kill what does not end."""
    monkeypatch.setattr("bench.processes.peer.END_TIMEOUT_S", PATIENCE_S)
    with start_peer(python_peer(name, str(body)), cpus=None, environment={"PEER_SECRET": SECRET}) as peer:
        pid = peer.pid
    assert not psutil.pid_exists(pid)
    assert peer._process.returncode != -signal.SIGKILL, "it ended by itself"
