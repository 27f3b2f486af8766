"""Bytes of all ways at all places: whose counts go where, and which changes the window has."""

from __future__ import annotations

from typing import Any

import pytest

from bench.load.changes.change_stream import Change
from bench.load.changes.changes import Changes
from bench.load.clients.population import Population, Window
from bench.measures import FRAMED_PER_CLIENT_HOUR, LINK_BYTES_PER_CLIENT_HOUR, MODEL_BYTES_PER_CLIENT_HOUR
from bench.processes.contract import Contract
from bench.processes.cpu import CpuTimes
from bench.processes.namespaces import LinkCount, NamespaceFailed
from bench.record.findings import Findings, Where
from bench.record.profiles.sizes import WAYS, BandwidthSizes
from bench.record.traffic import ClientBytes, Wire
from bench.record.vocabulary import HEARTBEAT_TIMEOUT
from bench.scenarios import bandwidth
from bench.scenarios.bandwidth import LEAD_S
from tests.bench.fake_lab import FakeGenerator, InTurn, Stage, a_stage, value

SIZES = BandwidthSizes(
    rooms=[10, 50], clients=2, window_s=60.0, poll_s=3.0, heartbeat_s=30.0, time_scale=1.0, changes_per_s=[0.0, 0.5]
)
PLACES = [(10, 0.0), (10, 0.5), (50, 0.0), (50, 0.5)]


def client(wire_bytes: int) -> ClientBytes:
    return ClientBytes(
        requests=1, events=0, message_bytes=1, framed_up_bytes=1, framed_down_bytes=wire_bytes // 2,
        wire_bytes=wire_bytes, kernel_sent_bytes=1, kernel_received_bytes=wire_bytes // 2, kernel_segments=1,
    )  # fmt: skip


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    """The n-th group has clients of 100 n bytes; every second place has three changes in its window."""
    found = a_stage(monkeypatch, bandwidth, bandwidth=SIZES)
    monkeypatch.setattr(bandwidth, "can_have", lambda: False)
    used_s = iter(CpuTimes(each / 10, 0.0) for each in range(100))
    monkeypatch.setattr(bandwidth, "read_cpu", lambda pid: next(used_s))

    def run(times_s: list[list[float]]) -> list[list[Change]]:
        return [[Change(at_s, number, None) for number, at_s in enumerate(times)] for times in times_s]

    found.script(Changes, fill=[1_000, 1_000, 5_000, 5_000], contract=Contract(75.0, 0.25), run=run)
    found.script(
        Population, connects=[], begin=lambda window_s, edge, at_rest: found.clock.now_s + window_s, sizes=[],
        end=[Window([client(100 * number)] * 2, int(number == 3)) for number in range(len(PLACES) * len(WAYS))],
        links={},
        sample_requests={"polling": "GET 1", "polling_etag": "GET 2"},
    )  # fmt: skip
    return found


def groups(found: Findings) -> dict[tuple[str, int, float], Any]:
    assert found.traffic is not None
    return {(each.kind, each.rooms, each.changes_per_s): each for each in found.traffic.groups}


def test_every_way_has_a_group_at_every_place_with_its_own_counts(stage: Stage) -> None:
    found = groups(bandwidth.run(stage.lab))
    assert list(found) == [(way, rooms, rate) for rooms, rate in PLACES for way in WAYS]
    assert [each.clients[0].wire_bytes for each in found.values()] == [100 * number for number in range(24)]
    assert [each.list_bytes for each in found.values()] == [1_000] * 12 + [5_000] * 12
    assert [each.unexpected_losses for each in found.values()].index(1) == 3


def test_each_group_asks_the_server_of_its_place(stage: Stage) -> None:
    bandwidth.run(stage.lab)
    asked = stage.generator(Population).arguments["groups"]
    assert [each.way for each in asked] == list(WAYS) * 4
    assert len(stage.servers) == len(PLACES)
    assert [each.first_user for each in asked[:6]] == [0, 2, 4, 6, 8, 10], "users of one server are apart"


def test_bytes_are_per_client_hour(stage: Stage) -> None:
    """Two clients of 700 bytes in a minute: 42,000 an hour each."""
    found = bandwidth.run(stage.lab)
    at = Where(0, 10, 0.5)
    assert value(found, MODEL_BYTES_PER_CLIENT_HOUR, WAYS[1], at) == pytest.approx(700 * 60)
    assert value(found, FRAMED_PER_CLIENT_HOUR, WAYS[1], at) == pytest.approx(351 * 60)
    assert found.find(LINK_BYTES_PER_CLIENT_HOUR, WAYS[1], at) == []


def test_changes_are_as_many_as_the_rate_says_and_away_from_the_edges(stage: Stage) -> None:
    start_s = stage.clock.now_s + 0.5
    found = groups(bandwidth.run(stage.lab))
    assert {each.changes for (_, _, rate), each in found.items() if rate} == {30}
    assert {each.changes for (_, _, rate), each in found.items() if not rate} == {0}
    [times, _] = stage.generator(Changes).asked("run")
    [idle, busy, *_] = times[0]
    assert idle == []
    assert start_s + LEAD_S <= busy[0]
    assert busy[-1] <= start_s + SIZES.window_s - LEAD_S


def test_nobody_shortens_the_window_of_others_before_all_are_there(stage: Stage) -> None:
    assert not stage.lab.window.is_set()
    bandwidth.run(stage.lab)
    assert stage.lab.window.is_set()


def test_cpu_is_that_of_all_servers_and_of_the_generator(stage: Stage) -> None:
    """Looks are 0.1 s apart: five processes before and after, so 0.5 s each, of four servers 2 s."""
    found = bandwidth.run(stage.lab)
    assert found.stretch is not None
    assert (found.stretch.generator_cpu_s, found.stretch.server_cpu_s) == pytest.approx((0.5, 2.0))


def test_timeout_of_the_server_is_noted_for_the_claim_about_heartbeats(stage: Stage) -> None:
    assert bandwidth.run(stage.lab).facts == {HEARTBEAT_TIMEOUT: 75.0}


def test_requests_that_were_sent_are_kept(stage: Stage) -> None:
    traffic = bandwidth.run(stage.lab).traffic
    assert traffic is not None
    assert (traffic.polling_request, traffic.etag_request) == ("GET 1", "GET 2")


# -- links ---------------------------------------------------------------------------------------------------------


def test_without_root_the_bytes_with_tcp_ip_are_the_model_s_and_it_is_said(stage: Stage) -> None:
    traffic = bandwidth.run(stage.lab).traffic
    assert traffic is not None
    assert traffic.wire_note == bandwidth.NO_ROOT
    assert {each.wire for each in traffic.groups} == {None}


def test_namespaces_that_cannot_be_made_are_said_to_be_missing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(links: int) -> Any:
        raise NamespaceFailed("no veth")

    monkeypatch.setattr(bandwidth, "can_have", lambda: True)
    monkeypatch.setattr(bandwidth, "linked", fails)
    traffic = bandwidth.run(stage.lab).traffic
    assert traffic is not None
    assert traffic.wire_note == "bytes with TCP/IP are the model's alone: no veth"


class Names:
    interface = staticmethod("link{}".format)


def test_link_of_a_group_is_its_own() -> None:
    """Twelve packets of 1,000 bytes one way and eight of 400 the other, 14 of each packet Ethernet's."""
    links = {"link2": LinkCount(1_000, 12, 400, 8), "link1": LinkCount(1, 1, 1, 1)}
    assert bandwidth._wire(links, Names(), 2) == Wire(packets=20, ip_bytes=1_400 - 20 * 14)  # type: ignore[arg-type]
    assert bandwidth._wire(links, None, 2) is None


def test_window_ends_when_its_clients_have_counted_and_its_changes_are_made() -> None:
    changes = FakeGenerator({"run": InTurn([[1], [2]])}, {})
    population = FakeGenerator({"begin": 160.0, "end": ["counted"]}, {})
    ended: Any = bandwidth._window(population, changes, SIZES, [0.0, 0.5], seed=1)  # type: ignore[arg-type]
    assert ended == (["counted"], [[1], [2]])
