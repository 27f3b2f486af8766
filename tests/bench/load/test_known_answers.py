"""The harness proves itself: what a fake server delays, loses and doubles is found; bytes are as by hand."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from functools import partial
from time import perf_counter

import msgspec
import numpy as np
import pytest

from bench.analysis.validity import judge_broadcasts, judge_group
from bench.load.cells import Cell, measure_cell
from bench.load.clients.herd import Herd
from bench.processes.cpu import CpuPlan
from bench.processes.lab import Lab
from bench.processes.progress import PlainReporter
from bench.processes.remote import Remote
from bench.record.findings import Findings, Series, sum_ledgers
from bench.record.profiles.profile import Profile
from bench.record.profiles.sizes import BandwidthSizes, BroadcastSizes
from bench.record.profiles.standard import SMOKE
from bench.record.samples import Samples
from bench.record.traffic import Traffic
from bench.record.vocabulary import ANNOUNCEMENT, FETCHED_ANNOUNCEMENT, FRESH_LIST, POLLED_AGE, STATUS
from bench.scenarios import bandwidth, broadcast
from bench.stats import distance_from_uniform, percentile
from loadtest.client.reconnect import FixedReconnect
from loadtest.results.validity import Validity
from tests.bench.fake_lobby import SECRET, FakeLobby, Faults, fake_lobby
from tests.bench.load.disturbed import calm, unless_disturbed
from tests.patience import PATIENCE_S
from tests.stopwatch import Stopwatch

pytestmark = pytest.mark.system

NO_FAULTS = Faults()
CLIENTS = 12
POLL_S = 0.4
DELAY_S = 0.08
TOLERANCE_S = 0.06
"""What a busy test machine may add; the delay itself is never undercut."""

SIZES = BroadcastSizes(
    clients=[CLIENTS], clients_per_user=4, rooms=2, notify_broadcasts=3, notify_interval_s=0.25, refetch_broadcasts=2,
    refetch_interval_s=0.25, fetch_s=0.0, logins=2, login_interval_s=0.15, pollers=80, poll_s=POLL_S,
)  # fmt: skip


def lab(faults: Faults, **changes: object) -> Lab:
    profile: Profile = msgspec.structs.replace(SMOKE, **changes)
    return Lab(
        profile=profile,
        seed=1,
        cpus=CpuPlan(None, None),
        reporter=PlainReporter(),
        server_factory=partial(fake_lobby, faults=faults),
    )


@pytest.fixture(scope="module")
def delayed() -> Findings:
    def is_calm(found: Findings) -> bool:
        heard, polled = series_of(found, ANNOUNCEMENT).groups, series_of(found, POLLED_AGE).groups
        slowest_s = max(float(seconds(group).max()) for group in heard)
        apart = min(distance_from_uniform(seconds(group), low=0.0, high=2 * POLL_S) for group in polled)
        return slowest_s < DELAY_S + TOLERANCE_S and apart > 0.4

    return calm(lambda: broadcast.run(lab(Faults(delay_s=DELAY_S), broadcast=SIZES)), is_calm)


def series_of(found: Findings, name: str) -> Series:
    [series] = found.series_of(name)
    return series


def seconds(samples: Samples) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return samples.values_ms() / 1e3


def test_injected_delay_is_found_at_every_client(delayed: Findings) -> None:
    for group in series_of(delayed, ANNOUNCEMENT).groups:
        latencies_s = seconds(group)
        assert len(latencies_s) == CLIENTS
        assert latencies_s.min() >= DELAY_S
        with unless_disturbed(delayed):
            assert latencies_s.max() < DELAY_S + TOLERANCE_S


def test_fresh_list_comes_after_the_announcement(delayed: Findings) -> None:
    fresh, announced = (series_of(delayed, name).groups for name in (FRESH_LIST, FETCHED_ANNOUNCEMENT))
    for fetched, told in zip(fresh, announced, strict=True):
        assert len(seconds(fetched)) == CLIENTS
        assert seconds(fetched).min() > seconds(told).min() >= DELAY_S
        with unless_disturbed(delayed):
            assert seconds(fetched).max() < DELAY_S + 2 * TOLERANCE_S


def test_what_is_not_delayed_is_not_reported_as_delayed(delayed: Findings) -> None:
    for group in series_of(delayed, STATUS).groups:
        assert len(seconds(group)) == CLIENTS
        with unless_disturbed(delayed):
            assert seconds(group).max() < TOLERANCE_S


def test_staleness_of_polling_is_uniform_over_the_interval(delayed: Findings) -> None:
    polled = series_of(delayed, POLLED_AGE)
    [ages_s] = [seconds(group) for group in polled.groups]
    assert len(ages_s) == polled.ledgers[0].expected == SIZES.pollers * SIZES.notify_broadcasts
    with unless_disturbed(delayed):
        assert distance_from_uniform(ages_s, low=0.0, high=POLL_S) < 0.2
        assert distance_from_uniform(ages_s, low=0.0, high=2 * POLL_S) > 0.4


def test_nothing_is_lost_or_doubled_where_nothing_was(delayed: Findings) -> None:
    for name in (ANNOUNCEMENT, FETCHED_ANNOUNCEMENT, FRESH_LIST, STATUS):
        ledger = sum_ledgers(series_of(delayed, name).ledgers)
        assert (ledger.expected - ledger.received, ledger.twice) == (0, 0)


def test_injected_loss_and_duplication_are_counted_exactly() -> None:
    """Twelve sockets: of announcements number 1 to 36, every ninth is lost and every fifth of the others doubled."""
    sizes = msgspec.structs.replace(SIZES, rooms=0, pollers=1, logins=1, refetch_broadcasts=1)
    found = broadcast.run(lab(Faults(lose_every=9, double_every=5), broadcast=sizes))
    announced = series_of(found, ANNOUNCEMENT)
    lost = [sum(not n % 9 for n in range(first, first + CLIENTS)) for first in (1, 13, 25)]
    twice = [sum(not n % 5 and bool(n % 9) for n in range(first, first + CLIENTS)) for first in (1, 13, 25)]
    assert [ledger.expected - ledger.received for ledger in announced.ledgers] == lost
    assert [ledger.twice for ledger in announced.ledgers] == twice
    assert judge_broadcasts(announced).validity is Validity.SUSPECT


# -- bytes ---------------------------------------------------------------------------------------------------------

IDLE = BandwidthSizes(rooms=[2, 5], clients=3, window_s=1.2, poll_s=0.2, heartbeat_s=0.6, time_scale=1.0)
POLLS, HEARTBEATS = 6, 2


@pytest.fixture(scope="module")
def idled() -> Traffic:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bandwidth, "can_have", lambda: False)  # the fake lives in this process, not in a namespace
        traffic = bandwidth.run(lab(Faults(), bandwidth=IDLE)).traffic
    assert traffic is not None
    return traffic


@pytest.fixture(scope="module")
def answer_bytes() -> Iterator[tuple[int, int]]:
    """Head and body of the list of two rooms as a bare socket gets them."""
    with fake_lobby() as lobby:
        make_rooms(lobby, 2)
        with socket.create_connection(("127.0.0.1", lobby.port), timeout=PATIENCE_S) as bare:
            bare.sendall(b"GET /api/rooms HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: bare.recv(65_536), b""))
        head, _, body = answer.partition(b"\r\n\r\n")
        yield len(head) + 4 - len(b"Connection: close\r\n"), len(body)


def make_rooms(lobby: FakeLobby, number: int) -> None:
    from bench.load.changes.publisher import Publisher

    with Publisher(lobby.port, lobby.jwt_secret) as publisher:
        publisher.fill(number)


def test_polling_costs_what_a_bare_socket_counts(idled: Traffic, answer_bytes: tuple[int, int]) -> None:
    head_bytes, body_bytes = answer_bytes
    [group] = [group for group in idled.groups if (group.kind, group.rooms) == ("polling", 2)]
    for client in group.clients:
        assert client.requests == POLLS
        assert client.message_bytes == POLLS * body_bytes
        assert client.framed_down_bytes == POLLS * (head_bytes + body_bytes)
        assert client.framed_up_bytes == POLLS * len(idled.polling_request)


def test_polling_with_etag_moves_no_body(idled: Traffic) -> None:
    for group in idled.groups:
        if group.kind == "polling_etag":
            assert all((client.requests, client.message_bytes) == (POLLS, 0) for client in group.clients)
            assert all(client.framed_up_bytes == POLLS * len(idled.etag_request) for client in group.clients)


def test_push_costs_its_heartbeats(idled: Traffic) -> None:
    for group in idled.groups:
        if group.kind == "push":
            for client in group.clients:
                assert (client.requests, client.events) == (HEARTBEATS, 0)
                assert client.message_bytes == HEARTBEATS * (25 + 43)
                assert (client.framed_up_bytes, client.framed_down_bytes) == (HEARTBEATS * 31, HEARTBEATS * 45)
                assert client.wire_bytes == HEARTBEATS * (31 + 45 + 3 * 52)


def test_kernel_agrees_to_the_byte(idled: Traffic) -> None:
    assert {judge_group(group).validity for group in idled.groups} == {Validity.VALID}


def test_kernel_sends_about_as_many_segments_as_the_model_where_all_fit_one(idled: Traffic) -> None:
    for group in idled.groups:
        if group.kind == "push":
            # ping, pong, acknowledgement; and one of the ping's own where the pong was held up for 40 ms
            assert all(3 * HEARTBEATS <= client.kernel_segments <= 4 * HEARTBEATS for client in group.clients)


def test_sizes_of_messages_are_those_on_the_wire(idled: Traffic) -> None:
    sizes = {size.name: size.message_bytes for size in idled.sizes}
    assert sizes["rooms_changed"] == len('{"type":"rooms_changed","data":{}}')
    assert sizes["ping"] == len('{"type":"ping","data":{}}')
    assert sizes["pong"] == len('{"type":"pong","data":{"ts":1234567890123}}')


# -- coming back ---------------------------------------------------------------------------------------------------


def test_return_takes_the_retry_interval() -> None:
    retry_s, clients = 0.5, 5
    policy = FixedReconnect(interval_s=retry_s)
    with fake_lobby() as lobby, Remote(Herd, port=lobby.port, secret=SECRET, clients=clients, policy=policy) as herd:
        assert len(herd.call(Herd.come, PATIENCE_S).fresh_s) == clients
        herd.call(Herd.ready)
        stop_s = perf_counter()
        with Stopwatch(herd.pid) as watch:
            lobby.stop()
            lobby.start()
            back = herd.call(Herd.come_back, PATIENCE_S)
        herd.call(Herd.close)
    assert len(back.fresh_s) == clients
    assert back.failures == 0
    assert all(at_s - stop_s >= retry_s for at_s in back.fresh_s)
    assert watch.took_s < retry_s + 0.4


# -- freshness -----------------------------------------------------------------------------------------------------


def a_cell(way: str, *, faults: Faults = NO_FAULTS, clients: int = 6, rate: float = 5.0, poll_s: float = 0.3) -> Cell:
    return measure_cell(
        lab(faults), way, clients=clients, changes_per_s=rate, window_s=1.0, poll_s=poll_s, rooms=2,
        chance=random.Random(1),
    )  # fmt: skip


def test_time_to_fresh_has_the_injected_delay_in_it_and_staleness_too() -> None:
    cell = calm(
        lambda: a_cell("push", faults=Faults(delay_s=DELAY_S)),
        lambda cell: cell.fresh_s.max() < DELAY_S + TOLERANCE_S,
    )
    assert cell.ledger.reach == 1
    assert cell.fresh_s.min() >= DELAY_S
    with unless_disturbed(cell):
        assert percentile(cell.fresh_s, 50) < DELAY_S + TOLERANCE_S
        assert DELAY_S * 0.8 < cell.stale_s.max() < DELAY_S + 2 * TOLERANCE_S
    assert cell.losses == 0


def test_what_polling_has_not_seen_is_as_old_as_its_period_says() -> None:
    """Time to fresh is U(0, T) and the answer's time; so it is for a true T of 3 s, in test_polling_at_true_length."""

    def distance(cell: Cell) -> float:
        return distance_from_uniform(cell.fresh_s, low=0.0, high=POLL_S)

    cell = calm(lambda: a_cell("polling", clients=60, rate=3.0, poll_s=POLL_S), lambda cell: distance(cell) < 0.15)
    assert cell.ledger.reach == 1
    with unless_disturbed(cell):
        assert distance(cell) < 0.15


def test_mean_staleness_of_polling_is_that_of_the_steady_state() -> None:
    """By hand, T = 400 ms and a change every τ = 200 ms: (τ²/6 + (T² − τ²)/2 − τ (T − τ)/2) / T = 116.7 ms.

    The answers' time is added, so it is not undercut by more than the phases of sixty clients differ.
    """

    def is_near(cell: Cell) -> bool:
        return bool(0.1167 - 0.012 < cell.stale_s.mean() < 0.1167 + 0.03)

    cell = calm(lambda: a_cell("polling", clients=60, rate=5.0, poll_s=POLL_S), is_near)
    with unless_disturbed(cell):
        assert is_near(cell)


@pytest.mark.slow
def test_mean_staleness_of_polling_every_3_s_is_that_of_the_steady_state() -> None:
    """By the same formula, T = 3 s and a change per second, made or ended in turns: 1,055.6 ms."""
    cell = a_cell("polling", clients=200, rate=1.0, poll_s=3.0)
    assert cell.stale_s.mean() == pytest.approx(1.0556, abs=0.08)


@pytest.mark.slow
def test_polling_at_true_length_is_uniform_from_0_to_3_s() -> None:
    cell = a_cell("polling", clients=400, rate=6.0, poll_s=3.0)
    assert distance_from_uniform(cell.fresh_s, low=0.0, high=3.0) < 0.05
