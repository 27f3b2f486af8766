"""Clients of the lab against a fake lobby: what they hold, what they count, and what they do when it is gone."""

from __future__ import annotations

import asyncio
import os
import random
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import perf_counter

import jwt
import numpy as np
import pytest

from bench.load.changes.change_stream import ChangeStream
from bench.load.changes.changes import Changes, Place
from bench.load.changes.ledger import Log
from bench.load.changes.publisher import MARKER, Publisher, PublishFailed, schedule
from bench.load.clients import population as clients_population
from bench.load.clients.fetcher import Fetcher
from bench.load.clients.population import Group, Population
from bench.load.clients.ways import PollClient, PushClient
from bench.load.sockets.http_client import HttpFailed, Response, get_request, open_http
from bench.load.sockets.receivers import Receiver, join
from bench.load.sockets.sinks import Sinks
from bench.load.sockets.tcp_info import TcpCounters, read_tcp_counters
from bench.load.sockets.tokens import (
    HOSTS_FROM,
    NEWCOMERS_FROM,
    RECEIVERS_FROM,
    mint_host,
    mint_newcomer,
    mint_receiver,
)
from bench.processes.lab import HOST
from tests.bench.fake_lobby import SECRET, FakeLobby, fake_lobby
from tests.nobody import refusing_port
from tests.patience import PATIENCE_S

DEADLINE_S = PATIENCE_S


@pytest.fixture
async def lobby() -> AsyncIterator[FakeLobby]:
    """Ended before the loop of the test is, so that every connection is closed by then."""
    with fake_lobby() as found:
        yield found
        await asyncio.to_thread(found.stop)
        await until(lambda: not open_sockets(found.port))


def open_sockets(port: int) -> list[object]:
    """Connections of this process to a port that the event loop still reads."""
    selector = asyncio.get_running_loop()._selector  # type: ignore[attr-defined]
    return [each for each in selector.get_map().values() if peer_of(each.fd) == port]


def peer_of(fd: int) -> int | None:
    try:
        with socket.socket(fileno=os.dup(fd)) as copy:
            name = copy.getpeername()
    except OSError:
        return None
    return int(name[1]) if isinstance(name, tuple) else None


async def until(condition: object) -> None:
    """Wait for a condition, with a deadline."""
    end_s = perf_counter() + DEADLINE_S
    while not condition():  # type: ignore[operator]
        assert perf_counter() < end_s, "it did not come true in time"
        await asyncio.sleep(0.01)


def publish(lobby: FakeLobby, *names: str) -> None:
    with Publisher(lobby.port, SECRET) as publisher:
        for name in names:
            publisher._create(name, perf_counter())


# -- users ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mint", "first_id", "name"),
    [
        (mint_receiver, RECEIVERS_FROM, "player0007"),
        (mint_host, HOSTS_FROM, "hoster0007"),
        (mint_newcomer, NEWCOMERS_FROM, "newone0007"),
    ],
)
def test_user_has_a_token_of_the_servers_own_kind(mint: object, first_id: int, name: str) -> None:
    player = mint(SECRET, 7)  # type: ignore[operator]
    claims = jwt.decode(player.token, SECRET, algorithms=["HS256"])
    assert (player.user_id, player.username) == (first_id + 7, name)
    assert (claims["userId"], claims["username"]) == (player.user_id, player.username)
    assert claims["exp"] > claims["iat"]
    assert len(player.username) == 10, "as long as in the specification's example"


def test_no_two_users_share_a_token() -> None:
    assert mint_receiver(SECRET, 1).token != mint_receiver(SECRET, 1).token


# -- changes -------------------------------------------------------------------------------------------------------


def test_times_are_an_interval_apart_and_moved_by_at_most_a_tenth() -> None:
    times = schedule(3, interval_s=2.0, start_s=100.0, jitters=[0.0, 1.0, 0.5])
    assert times == pytest.approx([100.0, 102.2, 104.1])


def test_publisher_makes_numbered_rooms_at_their_times_and_deletes_them(lobby: FakeLobby) -> None:
    with Publisher(lobby.port, SECRET) as publisher:
        publisher.fill(2)
        at_s = perf_counter() + 0.05
        rooms = [publisher.publish(at_s), publisher.publish(0.0)]
        assert publisher.next_number == 2
        names = [room["map_name"] for room in lobby.rooms.values()]
        assert names == ["background", "background", f"{MARKER}000000", f"{MARKER}000001"]
        assert rooms[0].sent_s >= at_s
        assert all(room.answered_s > room.sent_s for room in rooms)
        publisher.delete(rooms)
        assert len(lobby.rooms) == 2


def test_publisher_reads_size_and_revision_of_the_list(lobby: FakeLobby) -> None:
    with Publisher(lobby.port, SECRET) as publisher:
        empty_bytes, before = publisher.list_bytes(), publisher.revision()
        publisher.fill(1)
        assert publisher.list_bytes() > empty_bytes
        assert publisher.revision() == before + 1


def test_change_that_the_server_does_not_take_is_an_error(lobby: FakeLobby) -> None:
    with Publisher(lobby.port, SECRET) as publisher, pytest.raises(PublishFailed, match="was answered 405"):
        publisher._send("DELETE", "/api/rooms", {}, None, expected=200)


async def test_stream_makes_a_room_or_ends_the_oldest_at_every_time(lobby: FakeLobby) -> None:
    stream = ChangeStream(lobby.port, SECRET, living=2, first_room=5)
    start_s = perf_counter()
    changes = await stream.run([start_s + 0.02 * n for n in range(7)])
    assert [change.room for change in changes] == [5, 6, 7, None, 8, None, 9]
    assert [change.number for change in changes] == list(range(7))
    assert all(change.sent_s >= change.intended_s for change in changes)
    assert all(change.answered_s > change.sent_s for change in changes)
    assert len(lobby.rooms) == 3


async def test_stream_goes_on_where_it_left_off(lobby: FakeLobby) -> None:
    stream = ChangeStream(lobby.port, SECRET, living=0)
    await stream.run([perf_counter()])
    [change] = await stream.run([perf_counter()])
    assert (change.number, change.room) == (1, None), "one room lives, so the next change ends it"
    await until(lambda: not lobby.rooms)


async def test_changes_fill_each_server_with_as_many_rooms_as_it_is_to_have(lobby: FakeLobby) -> None:
    with fake_lobby() as other:
        changes = Changes(places=[Place(lobby.port, SECRET), Place(other.port, SECRET)], living=[2, 2])
        sizes = await changes.fill([3, 5])
        assert (len(lobby.rooms), len(other.rooms)) == (3, 5)
        assert sizes[0] < sizes[1]
        made = await changes.run([[perf_counter()], []])
        assert [len(each) for each in made] == [1, 0]


async def test_changes_read_the_contract_of_the_first_server(lobby: FakeLobby) -> None:
    contract = await Changes(places=[Place(lobby.port, SECRET)], living=[0]).contract()
    assert contract.rooms_notify_interval_s == 0.25


# -- HTTP ----------------------------------------------------------------------------------------------------------


class Owner:
    """Whom a fetcher tells."""

    def __init__(self, port: int) -> None:
        self.list_request = get_request("/api/rooms", host=HOST, port=port)
        self.lists: list[Response] = []

    def on_list(self, index: int, response: Response) -> None:
        self.lists.append(response)


async def test_changes_during_a_fetch_lead_to_exactly_one_more(lobby: FakeLobby) -> None:
    owner = Owner(lobby.port)
    fetcher = Fetcher(owner, 0, lobby.port)
    await fetcher.open()
    for _ in range(4):
        fetcher.changed(owner.list_request)
    await until(lambda: len(owner.lists) == 2)
    await asyncio.sleep(0.05)
    assert len(owner.lists) == 2


async def test_fetcher_opens_another_connection_where_the_first_was_closed(lobby: FakeLobby) -> None:
    owner = Owner(lobby.port)
    fetcher = Fetcher(owner, 0, lobby.port)
    assert not fetcher.is_open
    fetcher.changed(owner.list_request)
    await until(lambda: owner.lists)
    assert fetcher.is_open


async def test_fetcher_without_a_server_is_left_without_the_list() -> None:
    with refusing_port() as port:
        owner = Owner(port)
        fetcher = Fetcher(owner, 0, port)
        fetcher.changed(owner.list_request)
        assert fetcher._opening is not None
        await fetcher._opening
    assert not fetcher.is_open
    assert not fetcher._busy, "the next change has it try again"
    assert owner.lists == []


async def test_connection_that_is_gone_takes_no_request(lobby: FakeLobby) -> None:
    connection = await open_http(HOST, lobby.port, lambda _: None)
    lobby.stop()
    await until(lambda: connection.lost)
    with pytest.raises(HttpFailed):
        connection.send(get_request("/api/rooms", host=HOST, port=lobby.port))


async def test_kernel_counts_what_went_over_a_socket(lobby: FakeLobby) -> None:
    answers: list[Response] = []
    connection = await open_http(HOST, lobby.port, answers.append)
    assert connection.transport is not None
    counted = connection.transport.get_extra_info("socket")
    before = read_tcp_counters(counted)
    request = get_request("/api/rooms", host=HOST, port=lobby.port)
    connection.send(request)
    await until(lambda: answers)
    after = read_tcp_counters(counted)
    connection.close()
    assert before is not None
    assert after is not None
    added = after.since(before)
    assert (added.sent_bytes, added.received_bytes) == (len(request), len(answers[0].head) + len(answers[0].body))


def test_counters_since_earlier_ones_are_what_was_added() -> None:
    assert TcpCounters(10, 20, 3, 4).since(TcpCounters(1, 2, 3, 0)) == TcpCounters(9, 18, 0, 4)


# -- ways to the list ----------------------------------------------------------------------------------------------


@asynccontextmanager
async def polling(lobby: FakeLobby, way: str) -> AsyncIterator[tuple[PollClient, Log]]:
    log = Log()
    client = PollClient(3, way, HOST, lobby.port, log)
    await client.open()
    client.reset()
    yield client, log
    client._http.let_go()


async def polled(client: PollClient, times: int = 1) -> None:
    for _ in range(times):
        client.act()
        assert client._waiting is not None
        await client._waiting


async def test_polling_client_holds_a_change_from_the_list_that_has_it(lobby: FakeLobby) -> None:
    async with polling(lobby, "polling") as (client, log):
        await polled(client)
        await asyncio.to_thread(publish, lobby, f"{MARKER}000004")
        await polled(client, 2)
    receipts = log.receipts()
    assert receipts.client.tolist() == [3]
    assert receipts.what.tolist() == [8], "told once, however often the list comes: five makings and four ends"


async def test_polling_counts_every_exchange_to_the_byte(lobby: FakeLobby) -> None:
    async with polling(lobby, "polling") as (client, _):
        await polled(client, 3)
        client.look()
        assert client.agrees()
        taken = client.taken()
    assert taken.requests == 3
    assert taken.framed_up_bytes == 3 * len(client.request)
    assert taken.header_bytes + taken.payload_bytes == taken.framed_bytes, "a poll has no heartbeat"
    assert (taken.kernel_sent_bytes, taken.kernel_received_bytes) == (taken.framed_up_bytes, taken.framed_down_bytes)


async def test_polling_with_etag_asks_whether_it_changed_and_gets_no_body(lobby: FakeLobby) -> None:
    async with polling(lobby, "polling_etag") as (client, _):
        assert b'If-None-Match: "0"' in client.request
        await polled(client, 2)
        assert client.taken().message_bytes == 0
        await asyncio.to_thread(publish, lobby, "background")
        await polled(client)
        assert client.taken().message_bytes > 0


async def test_client_whose_server_is_gone_is_lost(lobby: FakeLobby) -> None:
    async with polling(lobby, "polling") as (client, _):
        lobby.stop()
        await until(lambda: client._http.is_lost)
        client.act()
        assert client.lost == 1


def a_push_client(lobby: FakeLobby, log: Log, texts: Counter[tuple[str, int]], way: str = "push") -> PushClient:
    return PushClient(
        5, way, HOST, lobby.port, log, player=mint_receiver(SECRET, 5), texts=texts, chance=random.Random(1)
    )


async def test_push_client_begins_with_the_list_and_fetches_after_an_announcement(lobby: FakeLobby) -> None:
    log, texts = Log(), Counter[tuple[str, int]]()
    client = a_push_client(lobby, log, texts)
    await client.open()
    assert log.receipts().what.tolist() == [-1], "an empty list"
    await asyncio.to_thread(publish, lobby, f"{MARKER}000000")
    await until(lambda: log.receipts().what.tolist()[-1] == 0)
    client.close()
    assert texts["rooms_changed", len('{"type":"rooms_changed","data":{}}')] == 1


async def test_push_client_that_hears_of_a_change_as_it_comes_fetches_over_one_connection(
    lobby: FakeLobby, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two fetches at once would take each other's answer, and the client count as lost."""

    async def join_amid_changes(client: PushClient, url: str) -> None:
        await join(client, url)
        client.on_text(b'{"type":"rooms_changed","data":{}}', perf_counter())

    monkeypatch.setattr("bench.load.clients.ways.join", join_amid_changes)
    log = Log()
    client = a_push_client(lobby, log, Counter())
    await client.open()
    assert log.receipts().what.tolist() == [-1]
    assert client.lost == 0
    assert len(open_sockets(lobby.port)) == 2, "the WebSocket, and one connection for lists"
    client.close()


async def test_heartbeat_is_counted_with_its_answer(lobby: FakeLobby) -> None:
    log, texts = Log(), Counter[tuple[str, int]]()
    client = a_push_client(lobby, log, texts)
    await client.open()
    client.rest()
    await until(lambda: any(name == "user_online" for name, _ in texts))
    client.reset()
    client.act()
    await until(lambda: client.count.requests == 1)
    client.look()
    taken = client.taken()
    client.close()
    assert (taken.requests, taken.events) == (1, 0)
    assert taken.message_bytes == 25 + 43
    assert taken.framed_bytes == 31 + 45
    assert taken.wire_bytes == 31 + 45 + 3 * 52
    assert (taken.header_bytes, taken.payload_bytes) == (0, 0)


async def test_bytes_of_a_connection_that_was_let_go_stay_in_the_count(lobby: FakeLobby) -> None:
    log, texts = Log(), Counter[tuple[str, int]]()
    client = a_push_client(lobby, log, texts)
    await client.open()
    client.reset()
    await asyncio.to_thread(publish, lobby, f"{MARKER}000000")
    await until(lambda: log.receipts().what.tolist()[-1] == 0)
    client.rest()
    client.look()
    assert client.agrees(), "what the kernel counted of the closed connection is kept"
    assert client.taken().requests == 1
    client.close()


async def test_getting_in_is_what_is_not_frames(lobby: FakeLobby) -> None:
    log, texts = Log(), Counter[tuple[str, int]]()
    client = a_push_client(lobby, log, texts)
    await client.open()
    found = client.connect()
    client.close()
    assert found is not None
    assert found.handshake_message_bytes == len(client.handshake_message)
    assert 100 < found.upgrade_request_bytes < 400
    assert 100 < found.upgrade_response_bytes < 400


async def test_socket_that_closes_unasked_is_a_loss_and_one_that_parts_is_none(lobby: FakeLobby) -> None:
    log, texts = Log(), Counter[tuple[str, int]]()
    parted, lost = (a_push_client(lobby, log, texts, "delta") for _ in range(2))
    await parted.open()
    await lost.open()
    parted.close()
    await until(lambda: len(lobby.sockets) == 1)
    lobby.stop()
    await until(lambda: lost.lost)
    assert (parted.lost, lost.lost) == (0, 1)


# -- populations ---------------------------------------------------------------------------------------------------


async def test_population_acts_as_often_as_its_intervals_say(lobby: FakeLobby, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where an answer comes before the next poll is due, which else is left out: nobody acts before all have theirs."""
    groups = [Group(way, HOST, lobby.port, SECRET, 4, 4 * number) for number, way in enumerate(("polling", "push"))]
    population = Population(groups=groups, poll_s=0.2, heartbeat_s=0.3, seed=1)
    await population.connect()
    pollers = [client for client in population._everybody() if isinstance(client, PollClient)]

    async def when_all_are_answered(at_s: float) -> None:
        await asyncio.sleep(max(0.0, at_s - perf_counter()))
        await until(lambda: all(client._waiting is None or client._waiting.done() for client in pollers))

    monkeypatch.setattr(clients_population, "_until", when_all_are_answered)
    await population.begin(0.6, 0.05, True)
    polling_window, push_window = await population.end()
    await population.part()
    assert [client.requests for client in polling_window.clients] == [3] * 4
    assert [client.requests for client in push_window.clients] == [2] * 4
    assert (polling_window.losses, push_window.losses) == (0, 0)


async def test_population_reads_its_counts_at_two_moments(lobby: FakeLobby, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each comes when the test says so: three polls before the first, two between them, four after."""
    asked_for: list[float] = []
    has_come = asyncio.Event()

    async def moment(at_s: float) -> None:
        asked_for.append(at_s)
        await has_come.wait()
        has_come.clear()

    monkeypatch.setattr(clients_population, "_until", moment)
    group = Group("polling", HOST, lobby.port, SECRET, 1, 0)
    population = Population(groups=[group], poll_s=0.1, heartbeat_s=1.0, seed=1)
    await population.connect()
    [client] = population._everybody()
    assert isinstance(client, PollClient)
    client.reset()
    first_s = perf_counter()
    await population.read_at(first_s, first_s + 1.0)
    await polled(client, 3)
    assert asked_for == [first_s]
    has_come.set()
    await until(lambda: len(asked_for) == 2)
    await polled(client, 2)
    has_come.set()
    [between] = await population.between()
    last_s = perf_counter()
    await polled(client, 4)
    await population.part()
    client._http.let_go()
    assert asked_for == [first_s, first_s + 1.0]
    assert between.count.requests == 2
    assert first_s <= between.start_s <= between.end_s <= last_s


# -- receivers and sinks -------------------------------------------------------------------------------------------


class Heard(Receiver):
    """Keeps what it hears."""

    def __init__(self, index: int) -> None:
        super().__init__(index, mint_receiver(SECRET, index))
        self.texts: list[bytes] = []
        self.stamps_s: list[float] = []

    def on_text(self, payload: bytes, stamp_s: float) -> None:
        self.texts.append(payload)
        self.stamps_s.append(stamp_s)


async def test_receiver_is_accepted_and_stamps_what_it_hears(lobby: FakeLobby) -> None:
    receiver = Heard(1)
    start_s = perf_counter()
    await join(receiver, lobby.ws_url)
    await asyncio.to_thread(publish, lobby, "background")
    await until(lambda: any(b"rooms_changed" in text for text in receiver.texts))
    receiver.close()
    assert receiver.stamps_s == sorted(receiver.stamps_s)
    assert all(start_s < stamp_s < perf_counter() for stamp_s in receiver.stamps_s)


async def test_sinks_count_a_pattern_in_what_comes(lobby: FakeLobby) -> None:
    sinks = Sinks(port=lobby.port, pattern=b'"rooms_changed"', secret=SECRET, users=2)
    await sinks.open(3)
    await sinks.say_hello()
    assert await sinks.accepted(3) == 3
    await asyncio.to_thread(publish, lobby, "background", "background")
    assert await sinks.hear(6, DEADLINE_S) == 6
    heard = await sinks.heard()
    await sinks.close()
    assert heard.events == [2, 2, 2]
    assert heard.lost == 0
    assert len(heard.accepted_s) == 3


async def test_sinks_that_hear_too_little_say_how_much_after_their_time(lobby: FakeLobby) -> None:
    sinks = Sinks(port=lobby.port, pattern=b'"rooms_changed"', secret=SECRET, users=2)
    await sinks.open(2)
    await sinks.say_hello()
    await sinks.accepted(2)
    assert await sinks.hear(10, 0.1) == 0
    await sinks.close()


async def test_kept_stamps_say_who_heard_when(lobby: FakeLobby) -> None:
    sinks = Sinks(port=lobby.port, pattern=b'"rooms_changed"', secret=SECRET, users=1)
    await sinks.open(2)
    await sinks.say_hello()
    await sinks.accepted(2)
    await sinks.keep_stamps()
    before_s = perf_counter()
    await asyncio.to_thread(publish, lobby, "background")
    await sinks.hear(2, DEADLINE_S)
    stamps = (await sinks.heard()).stamps
    await sinks.close()
    assert sorted(who for who, _ in stamps) == [0, 1]
    assert all(at_s > before_s for _, at_s in stamps)


def test_log_keeps_the_order_in_which_it_happened() -> None:
    log = Log()
    for client, stamp_s, what in ((1, 2.0, 0), (0, 3.0, 1)):
        log.add(client, stamp_s, what)
    receipts = log.receipts()
    assert receipts.client.tolist() == [1, 0]
    assert receipts.what.dtype == np.int64
    assert len(Log().receipts().stamp_s) == 0
