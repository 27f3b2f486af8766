"""The simulated outside, each part by itself: time, network, Valkey, database."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from datetime import datetime, timezone
from random import Random
from typing import Any

import pytest

from bench.simulation.outside.loop import ProcessLoop, World
from bench.simulation.outside.store import Database, SimulatedStore
from bench.simulation.outside.stream import SimulatedStream
from bench.simulation.outside.valkey import Valkey
from bench.simulation.outside.wire import Wire
from lobby_server.backplane.errors import BackplaneAway, EpochGone
from lobby_server.protocol.framing.frames import server_frame
from lobby_server.service.ports import StoreUnavailable

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


class Process:
    """A process, and what comes of the coroutines that it runs."""

    def __init__(self, world: World) -> None:
        self.faults: list[str] = []
        self.loop = ProcessLoop(world, booted_s=500.0, on_fault=self.faults.append)
        self.outcomes: list[Any] = []

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        async def noting() -> None:
            try:
                self.outcomes.append(await coroutine)
            except (BackplaneAway, EpochGone, StoreUnavailable) as fault:
                self.outcomes.append(type(fault))

        self.loop.call_soon(lambda: self.loop.create_task(noting()))


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def process(world: World) -> Process:
    return Process(world)


# -- time -------------------------------------------------------------------------------------------------------------


def test_coroutines_sleep_in_virtual_time(world: World, process: Process) -> None:
    async def wait() -> float:
        await asyncio.sleep(3600.0)
        return world.now_s

    process.run(wait())
    world.run(10_000.0)
    assert process.outcomes == [3600.0]
    assert process.loop.time() == world.now_s + 500.0


def test_calls_of_one_moment_are_made_in_the_order_in_which_they_were_asked_for(world: World) -> None:
    made: list[int] = []
    for number in range(50):
        world.call_at(1.0, made.append, number)
    world.run(1.0)
    assert made == list(range(50))


def test_frozen_process_does_late_what_fell_due(world: World, process: Process) -> None:
    made: list[float] = []
    process.loop.call_later(1.0, lambda: made.append(world.now_s))
    process.loop.freeze()
    world.run(5.0)
    assert made == []
    process.loop.thaw()
    world.run(6.0)
    assert made == [5.0]


def test_ended_process_does_nothing_more(world: World, process: Process) -> None:
    made: list[int] = []
    process.loop.call_later(1.0, made.append, 1)
    process.loop.end()
    world.run(5.0)
    assert made == []


def test_exception_that_nobody_catches_is_told(world: World, process: Process) -> None:
    process.loop.call_soon(lambda: 1 / 0)
    world.run(1.0)
    (fault,) = process.faults
    assert "ZeroDivisionError" in fault


def test_calls_that_go_round_in_circles_are_noticed(world: World, process: Process) -> None:
    def again() -> None:
        process.loop.call_soon(again)

    again()
    with pytest.raises(RuntimeError, match="circles"):
        world.run(1.0)


# -- network ----------------------------------------------------------------------------------------------------------


class Client:
    def __init__(self, wire: Wire) -> None:
        self.heard_: list[bytes] = []
        self.ending: tuple[str, int | None] | None = None
        wire.inbox = self

    def opened(self) -> None:
        pass

    def heard(self, heard: list[tuple[int, bytes]]) -> None:
        self.heard_ += [payload for _, payload in heard]

    def over(self, why: str, code: int | None) -> None:
        self.ending = (why, code)


class Server:
    def __init__(self, wire: Wire) -> None:
        self.got: list[bytes] = []
        self.endings: list[bool] = []
        self.received = self.got.append
        wire.accept(self)

    def ponged(self) -> None:
        pass

    def ended(self, *, abrupt: bool) -> None:
        self.endings.append(abrupt)


@pytest.fixture
def wire(world: World, process: Process) -> Wire:
    return Wire(world, process.loop, Random(1), window=2000)


def test_messages_keep_their_order_both_ways(world: World, wire: Wire) -> None:
    client, server = Client(wire), Server(wire)
    sent = [b"%d" % number for number in range(100)]
    for text in sent:
        wire.send(server_frame(text))
        wire.say(text)
    world.run(5.0)
    assert client.heard_ == sent
    assert server.got == sent


def test_full_window_takes_no_more_until_the_client_has_read(world: World, wire: Wire) -> None:
    client = Client(wire)
    Server(wire)
    wire.lane_out.is_stalled = True
    frame = b"\x81\x7e" + (2996).to_bytes(2, "big") + b"x" * 2996
    assert wire.send(frame) == 2000
    with pytest.raises(BlockingIOError):
        wire.send(b"x")
    writable: list[float] = []

    def note() -> None:
        writable.append(world.now_s)
        wire.watch_writable(None)

    wire.watch_writable(note)
    world.run(1.0)
    assert writable == []
    wire.lane_out.go_on()
    world.run(2.0)
    assert len(writable) == 1
    assert client.ending is None


def test_chunk_is_read_the_same_whether_another_connection_has_read_it_or_not(world: World, process: Process) -> None:
    chunks: dict[bytes, list[tuple[int, bytes]]] = {}
    wires = [Wire(world, process.loop, Random(1), window=window, chunks=chunks) for window in (2000, 2000, 50)]
    clients = [Client(wire) for wire in wires]
    frame = server_frame(b"x" * 100)
    whole, again, cut = wires
    for wire in (whole, again):
        Server(wire)
        wire.send(frame)
    Server(cut)
    sent = 0
    while sent < len(frame):
        sent += cut.send(frame[sent:])
        world.run(world.now_s + 1.0)
    cut.send(frame[:50])
    world.run(world.now_s + 1.0)
    cut.send(frame[50:100])
    world.run(world.now_s + 1.0)
    cut.send(frame[100:])
    world.run(world.now_s + 1.0)
    assert [client.heard_ for client in clients] == [[b"x" * 100], [b"x" * 100], [b"x" * 100] * 2]
    assert list(chunks) == [frame]


def test_what_is_on_its_way_to_a_client_is_known_until_it_arrives(world: World, wire: Wire) -> None:
    Client(wire)
    Server(wire)
    wire.send(server_frame(b"hello"))
    assert wire.is_sending(b"hello")
    assert not wire.is_sending(b"goodbye")
    world.run(5.0)
    assert not wire.is_sending(b"hello")


def test_half_open_connection_tells_nobody(world: World, wire: Wire) -> None:
    client, server = Client(wire), Server(wire)
    wire.lane_in.is_cut = wire.lane_out.is_cut = True
    wire.send(server_frame(b"lost"))
    wire.say(b"lost")
    world.run(60.0)
    assert (client.heard_, client.ending, server.got, server.endings) == ([], None, [], [])


def test_reset_ends_both_ends(world: World, wire: Wire) -> None:
    client, server = Client(wire), Server(wire)
    wire.break_off()
    world.run(1.0)
    assert client.ending == ("reset", None)
    assert server.endings == [True]


def test_close_frame_comes_after_what_was_sent_before(world: World, wire: Wire) -> None:
    client, server = Client(wire), Server(wire)
    wire.send(server_frame(b"last words"))
    wire.close(4003, "enough", before=b"")
    world.run(3.0)
    assert client.heard_ == [b"last words"]
    assert client.ending == ("enough", 4003)
    assert server.endings == [False]


# -- Valkey -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def valkey(world: World) -> Valkey:
    server = Valkey(world)
    server.may_seed("a", 30.0)
    server.seed("a", "e1", 0, b"snapshot")
    return server


@pytest.fixture
def stream(valkey: Valkey, process: Process) -> SimulatedStream:
    return SimulatedStream(valkey, process.loop, Random(1))


def test_append_is_read(world: World, process: Process, stream: SimulatedStream) -> None:
    process.run(stream.read("e1", "0-0"))
    process.run(stream.append("e1", b"batch"))
    world.run(1.0)
    none, ((_, entry),) = sorted(process.outcomes, key=lambda each: each is not None)
    assert none is None
    assert (entry.number, entry.batch) == (1, b"batch")


def test_read_without_entries_comes_back_empty(world: World, process: Process, stream: SimulatedStream) -> None:
    process.run(stream.read("e1", "0-0"))
    world.run(1.5)
    assert process.outcomes == [[]]


def test_lost_answer_fails_though_it_was_done(
    world: World, process: Process, stream: SimulatedStream, valkey: Valkey
) -> None:
    stream.loses_answers = 1
    process.run(stream.append("e1", b"batch"))
    world.run(3.0)
    assert process.outcomes == [BackplaneAway]
    assert valkey.data.number == 1


def test_call_to_a_server_that_hangs_fails_and_is_done_later(
    world: World, process: Process, stream: SimulatedStream, valkey: Valkey
) -> None:
    valkey.hang()
    process.run(stream.append("e1", b"batch"))
    world.run(3.0)
    assert process.outcomes == [BackplaneAway]
    assert valkey.data.number == 0
    valkey.go_on()
    assert valkey.data.number == 1


@pytest.mark.parametrize(("keeps", "numbers"), [("all", 2), ("nothing", 0), ("saved", 1)])
def test_restart_keeps_data_and_ends_the_epoch(
    world: World, process: Process, stream: SimulatedStream, valkey: Valkey, keeps: str, numbers: int
) -> None:
    valkey.append("e1", b"saved")
    valkey.save()
    valkey.append("e1", b"later")
    assert valkey.epoch == "e1"
    valkey.go_down()
    valkey.come_up(keeps=keeps)
    process.run(stream.append("e1", b"batch"))
    world.run(1.0)
    assert process.outcomes == [BackplaneAway], "the connection was to the server before"
    process.run(stream.append("e1", b"batch"))
    world.run(2.0)
    assert process.outcomes == [BackplaneAway, EpochGone]
    assert (valkey.epoch, valkey.data.number) == (None, numbers)
    assert valkey.may_seed("a", 1.0)
    assert valkey.seed("a", "e2", 7, b"snapshot")
    assert (valkey.epoch, valkey.append("e2", b"batch")) == ("e2", 8)


def test_entries_before_a_snapshot_are_trimmed_away(valkey: Valkey) -> None:
    for _ in range(3):
        valkey.append("e1", b"batch")
    second = valkey.data.log[1][0]
    valkey.put_snapshot("e1", b"later", second)
    assert [entry.number for _, _, entry in valkey.data.log] == [2, 3]


def test_ids_go_up_though_the_clock_is_set_back(valkey: Valkey) -> None:
    valkey.append("e1", b"one")
    valkey.ahead_s = -100.0
    valkey.append("e1", b"two")
    (one, _, _), (two, _, _) = valkey.data.log
    assert two > one


# -- database ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fault", "is_kept"), [("fails_before", False), ("fails_after", True)])
def test_store_fails_before_its_commit_or_after_it(world: World, process: Process, fault: str, is_kept: bool) -> None:
    database = Database()
    store: Any = SimulatedStore(database, process.loop, Random(1))
    setattr(store, fault, 1)
    process.run(store.revoke_token("t", NOW))
    world.run(1.0)
    assert process.outcomes == [StoreUnavailable]
    assert database.is_revoked("t") is is_kept


def test_slow_store_takes_its_time(world: World, process: Process) -> None:
    store: Any = SimulatedStore(Database(), process.loop, Random(1))
    store.slow_s = 3.0
    process.run(store.rooms())
    world.run(2.9)
    assert process.outcomes == []
    world.run(3.1)
    assert process.outcomes == [[]]


@pytest.mark.parametrize("fails", [False, True])
def test_no_loop_runs_once_time_has_passed(world: World, fails: bool) -> None:
    """Else no other loop could run in this process from then on."""
    process, running = Process(world), []

    def look() -> None:
        running.append(asyncio.get_running_loop())
        if fails:
            raise KeyboardInterrupt

    process.loop.call_soon(look)
    with contextlib.suppress(KeyboardInterrupt):
        world.run(1.0)
    assert len(running) == 1
    with pytest.raises(RuntimeError, match="no running event loop"):
        asyncio.get_running_loop()
