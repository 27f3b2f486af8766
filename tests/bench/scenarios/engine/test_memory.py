"""Memory of an idle connection: what was added by those beyond the first few, of the server and of the kernel."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from bench.load.sockets.sinks import Sinks
from bench.measures import RSS_IN_ALL, RSS_PER_CONNECTION, SLAB_PER_SOCKET, SOCKET_BUFFERS
from bench.record.book import Book
from bench.record.findings import Findings, Where
from bench.record.profiles.standard import SMOKE
from bench.scenarios.engine import memory
from bench.scenarios.engine.memory import WARM
from tests.bench.fake_lab import Stage, a_stage, value


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A server of 10,000 KiB that grows by 8 KiB per connection, the kernel's slab by 6 KiB."""
    found = a_stage(monkeypatch, memory)
    here = [0]

    def opened(count: int) -> float:
        here[0] += count
        return 0.0

    found.script(Sinks, open=opened, accepted=lambda count: count)
    monkeypatch.setattr(memory, "resident_kib", lambda pid: 10_000 + 8 * here[0])
    monkeypatch.setattr(memory, "slab_kib", lambda: 70_000 + 6 * here[0])
    monkeypatch.setattr(memory, "socket_memory_kib", lambda: 44.0)
    return found


def measured(stage: Stage, *sizes: int) -> Findings:
    book = Book()
    memory.measure_memory(stage.lab, book, sizes)
    return book.result("memory", ())


def test_first_few_are_not_counted_and_a_socket_has_two_ends(stage: Stage) -> None:
    found = measured(stage, 110)
    assert value(found, RSS_PER_CONNECTION) == pytest.approx(8.0)
    assert value(found, SLAB_PER_SOCKET) == pytest.approx(3.0)
    assert value(found, RSS_IN_ALL) == pytest.approx((10_000 + 8 * 110) / 1024)
    assert value(found, SOCKET_BUFFERS) == 44.0


def test_one_server_grows_along_the_sizes_in_their_order(stage: Stage) -> None:
    found = measured(stage, 300, 50)
    assert [each.clients for each in found.measures if each.measure == RSS_PER_CONNECTION] == [50, 300]
    assert value(found, RSS_PER_CONNECTION, where=Where(300)) == pytest.approx(8.0)
    assert len(stage.servers) == 1
    assert sum(args[0] for args in stage.generator(Sinks).asked("open")) == 300


def test_connections_come_in_steps_and_each_has_heard_of_all_who_came_after(stage: Stage) -> None:
    measured(stage, 210)
    sinks = stage.generator(Sinks)
    assert [args[0] for args in sinks.asked("open")] == [10, 100, 100]
    assert [args[0] for args in sinks.asked("say_hello")] == [0, 10, 110]
    assert [args[0] for args in sinks.asked("hear")] == [55, 110 * 111 // 2, 210 * 211 // 2]


def test_size_of_no_more_than_the_first_few_has_no_figure(stage: Stage) -> None:
    assert measured(stage, WARM).measures == []


def test_connection_that_was_not_accepted_is_a_fault(stage: Stage) -> None:
    stage.script(Sinks, accepted=lambda count: count - 3)
    book = Book()
    memory.measure_memory(stage.lab, book, [50])
    assert book.faults == ["3 of 50 clients were not accepted"]


def test_each_repeat_has_a_server_of_its_own(stage: Stage) -> None:
    found = memory.run(stage.lab, replace(SMOKE.engine, ladder_repeats=3, memory=[50]))
    assert len(stage.servers) == 3
    assert len(found.measures[0].readings) == 3
