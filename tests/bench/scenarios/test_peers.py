"""Other ways to build it: what a storm, a broadcast and a fetch of a peer come to, and who takes part."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.load.sockets.http_client import Response
from bench.load.sockets.sinks import Heard, Sinks
from bench.measures import COLD_BROADCAST, CPU_PER_EVENT, CPU_PER_RECIPIENT, CPU_PER_REQUEST, LAST_ACCEPTED, UNTIL_ALL
from bench.record.book import Book
from bench.record.findings import Findings
from bench.record.profiles.sizes import PeersSizes
from bench.record.vocabulary import FLOOR, LOBBY, LOBBY_EMPTY, NAIVE_TORNADO, NODE_EXPRESS, STARLETTE, WEBSOCKETS
from bench.scenarios import peers
from bench.scenarios.engine import fanout, rooms_get
from bench.scenarios.engine.fanout import Party
from bench.scenarios.engine.rooms_get import Askers
from bench.scenarios.peers import Peer
from tests.bench.fake_lab import Stage, a_stage, a_stretch, readings, value

STRANGE = Peer("strange", ("true",))
SHY = Peer("shy", ("true",), tells_strangers=False)
STORM = 4


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    sizes = PeersSizes(clients=10, repeats=1, broadcasts=3, storm=STORM, get_s=0.2)
    found = a_stage(monkeypatch, peers, fanout, rooms_get, peers=sizes)

    @contextlib.contextmanager
    def start_peer(command: object, **_: object) -> Iterator[Any]:
        yield SimpleNamespace(port=4712, pid=1, fire=lambda: None)

    monkeypatch.setattr(peers, "start_peer", start_peer)
    monkeypatch.setattr(fanout, "start_peer", start_peer)
    return found


# -- the storm -----------------------------------------------------------------------------------------------------


def a_storm(
    stage: Stage, peer: Peer | None, *, heard: int, accepted_s: tuple[float, ...] = (0.1, 0.4, 0.3, 0.2)
) -> Findings:
    at_s = [100.0 + each if each else 0.0 for each in accepted_s]
    told = Heard([], [], at_s, 0.0, 0, [], [])
    stage.script(Sinks, say_hello=100.0, hear=heard, heard=told)
    stage.stretches = [a_stretch(server_cpu_s=0.16)]
    book = Book()
    peers._storm(stage.lab, peer, book)
    return book.result("peers", ())


@pytest.mark.parametrize(
    ("peer", "party", "events"), [(None, LOBBY, 10), (STRANGE, "strange", 16), (SHY, "shy", 10)], ids=str
)
def test_cost_is_of_an_event_and_who_tells_strangers_has_more_of_them(
    stage: Stage, peer: Peer | None, party: str, events: int
) -> None:
    """Four logins: each told to all four, or to those who were accepted before."""
    found = a_storm(stage, peer, heard=events)
    assert value(found, CPU_PER_EVENT, party) == pytest.approx(0.16 / events * 1e6)
    assert value(found, LAST_ACCEPTED, party) == pytest.approx(0.4)
    assert found.faults == []


def test_storm_that_was_not_told_whole_is_a_fault_and_its_cost_no_figure(stage: Stage) -> None:
    """A server that leaves out half of its work is not twice as cheap."""
    found = a_storm(stage, STRANGE, heard=8)
    assert found.faults == ["strange: 4 clients heard 8 events instead of 16"]
    [reading] = readings(found, CPU_PER_EVENT, "strange")
    assert reading.invalid == "8 of 16 events were heard"


@pytest.mark.parametrize("accepted_s", [(0.1, 0.0, 0.3, 0.0), (0.0, 0.0, 0.0, 0.0)], ids=["two", "nobody"])
def test_last_one_accepted_is_no_figure_where_somebody_was_not(stage: Stage, accepted_s: tuple[float, ...]) -> None:
    [reading] = readings(a_storm(stage, STRANGE, heard=16, accepted_s=accepted_s), LAST_ACCEPTED, "strange")
    assert "of 4 clients were not accepted" in reading.invalid
    assert reading.value == 0.0


# -- the broadcast -------------------------------------------------------------------------------------------------


def test_broadcast_of_the_lobby_is_without_the_price_of_its_room(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn costs the lobby 0.003 s, of which 0.001 s are the room's; ten clients."""
    costs_s = {LOBBY_EMPTY: 0.001, LOBBY: 0.003, "strange": 0.004}

    def party(name: str) -> Party:
        stage.script(Sinks, heard=Heard([1], [], [], 0.0, 0, [], []))
        sinks: Any = stage.lab.generator(Sinks, port=1, pattern=b"")
        it = Party(name, 1, lambda: None, sinks, 10)
        it.turns, it.walls_ms, it.cold_ms = [a_stretch(server_cpu_s=costs_s[name])] * 3, [7.0, 9.0, 8.0], 50.0
        monkeypatch.setattr(it, "turn", lambda: None)
        it.fired = 1
        return it

    monkeypatch.setattr(peers, "lobby_party", lambda lab, stack, name, clients: party(name))
    monkeypatch.setattr(peers, "peer_party", lambda lab, stack, name, command, clients: party(name))
    book = Book()
    peers._broadcasts(stage.lab, random.Random(1), [STRANGE], book)
    found = book.result("peers", ())
    assert value(found, CPU_PER_RECIPIENT, LOBBY) == pytest.approx(200.0)
    assert value(found, CPU_PER_RECIPIENT, "strange") == pytest.approx(400.0)
    assert value(found, UNTIL_ALL, "strange") == 8.0
    assert value(found, COLD_BROADCAST, LOBBY) == 50.0
    assert readings(found, CPU_PER_RECIPIENT, LOBBY_EMPTY) == []


def test_party_whose_broadcasts_nobody_heard_has_no_cost_and_the_others_keep_theirs(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A party that does nothing would be the cheapest of all."""

    def party(name: str, events: int) -> Party:
        stage.script(Sinks, heard=Heard([events] * 10, [], [], 0.0, 0, [], []))
        it = Party(name, 1, lambda: None, stage.lab.generator(Sinks, port=1, pattern=b""), 10)
        it.turns, it.walls_ms, it.fired = [a_stretch(server_cpu_s=0.001)] * 3, [7.0], 4
        monkeypatch.setattr(it, "turn", lambda: None)
        return it

    monkeypatch.setattr(peers, "lobby_party", lambda lab, stack, name, clients: party(name, 4))
    monkeypatch.setattr(peers, "peer_party", lambda lab, stack, name, command, clients: party(name, 0))
    book = Book()
    peers._broadcasts(stage.lab, random.Random(1), [STRANGE], book)
    found = book.result("peers", ())
    for measure in (CPU_PER_RECIPIENT, UNTIL_ALL, COLD_BROADCAST):
        [own], [other] = (readings(found, measure, name) for name in (LOBBY, "strange"))
        assert own.invalid == ""
        assert other.invalid == "10 of 10 clients did not hear each broadcast exactly once"
    assert found.faults == ["strange, 10 clients: 10 did not hear each broadcast exactly once"]


# -- the list ------------------------------------------------------------------------------------------------------


def test_list_of_the_lobby_is_what_the_others_serve(stage: Stage, tmp_path: Path) -> None:
    stage.script(Askers, get=Response(200, b"", b"the list", 0.0))
    peers._write_list(stage.lab, tmp_path / "rooms.json")
    assert (tmp_path / "rooms.json").read_bytes() == b"the list"
    assert stage.publisher.filled == [peers.ROOMS]


@pytest.mark.parametrize(("peer", "party"), [(None, LOBBY), (STRANGE, "strange")], ids=str)
def test_fetches_are_counted_of_who_serves_the_list(
    stage: Stage, peer: Peer | None, party: str, tmp_path: Path
) -> None:
    stage.script(Askers, ask_for=200, end={200})
    stage.stretches = [a_stretch(server_cpu_s=0.1)]
    book = Book()
    peers._fetches(stage.lab, peer, tmp_path / "rooms.json", book)
    assert value(book.result("peers", ()), CPU_PER_REQUEST, party) == pytest.approx(500.0)


# -- who takes part ------------------------------------------------------------------------------------------------


def test_all_that_are_installed_take_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "find_spec", lambda name: object())
    monkeypatch.setattr(peers, "express_command", lambda: ["node", "server.js"])
    book = Book()
    found = peers.installed(book)
    assert [peer.name for peer in found] == [FLOOR, NAIVE_TORNADO, WEBSOCKETS, STARLETTE, NODE_EXPRESS]
    assert [peer.name for peer in found if not peer.speaks] == [FLOOR], "it only broadcasts"
    assert [peer.name for peer in found if not peer.lists] == [FLOOR, WEBSOCKETS]
    assert book.skipped == []


def test_what_is_not_installed_is_skipped_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "find_spec", lambda name: None if name == "uvicorn" else object())
    monkeypatch.setattr(peers, "express_command", lambda: None)
    book = Book()
    assert [peer.name for peer in peers.installed(book)] == [FLOOR, NAIVE_TORNADO, WEBSOCKETS]
    assert [sentence.partition(":")[0] for sentence in book.skipped] == [STARLETTE, NODE_EXPRESS]
    assert "uvicorn is not installed" in book.skipped[0]
