"""Locust's table says the same of requests that were told together as of those that were told one by one."""

from __future__ import annotations

from typing import Any

import pytest
from locust.env import Environment

from loadtest.players.request_table import RequestTable

TIMES_S = [0.0004, 0.0021, 0.147, 0.147, 1.234]


class Told:
    def __init__(self) -> None:
        self.environment = Environment()
        self.environment.create_local_runner()
        self.recorded: list[tuple[Any, ...]] = []
        self.table = RequestTable(self.environment, record=lambda *each: self.recorded.append(each))

    def entry(self) -> dict[str, Any]:
        shown = ("num_requests", "num_failures", "total_response_time", "min_response_time", "max_response_time")
        shown += ("response_times", "total_content_length", "num_none_requests")
        found = self.environment.stats.entries["heartbeat", "WS"]
        total = self.environment.stats.total
        assert [getattr(found, name) for name in shown] == [getattr(total, name) for name in shown]
        assert sum(found.num_reqs_per_sec.values()) == found.num_requests
        return {name: getattr(found, name) for name in shown}


@pytest.fixture
def told() -> Told:
    return Told()


def test_what_is_told_together_is_in_the_table_as_if_it_were_told_one_by_one(told: Told):
    others = Told()
    for time_s in TIMES_S:
        told.table.good("WS", "heartbeat", time_s, length=10)
        others.table.told("WS", "heartbeat", time_s, None, length=10)
    assert told.environment.stats.total.num_requests == 0
    told.table.flush()
    assert told.entry() == others.entry()
    told.table.flush()
    assert told.entry()["num_requests"] == len(TIMES_S)
    assert told.recorded == [(("WS", "heartbeat"), [time_s]) for time_s in TIMES_S]


def test_several_of_the_same_are_told_as_if_they_were_told_one_by_one(told: Told):
    others = Told()
    told.table.good_many("WS", "heartbeat", TIMES_S)
    for time_s in TIMES_S:
        others.table.told("WS", "heartbeat", time_s, None)
    told.table.flush()
    assert told.entry() == others.entry()
    assert told.recorded == [(("WS", "heartbeat"), TIMES_S)]


def test_a_failure_is_told_at_once_with_what_groups_it(told: Told):
    told.table.told("WS", "heartbeat", None, "lost before the answer")
    [error] = told.environment.stats.errors.values()
    assert (error.method, error.name, error.occurrences) == ("WS", "heartbeat", 1)
    assert "lost before the answer" in str(error.error)


def test_where_somebody_else_listens_each_is_told_by_itself(told: Told):
    heard: list[float] = []
    told.table.good("WS", "heartbeat", 0.001)
    told.environment.events.request.add_listener(lambda response_time, **_: heard.append(response_time))
    told.table.good("WS", "heartbeat", 0.002)
    assert heard == [2.0]
    assert len(told.recorded) == 1, "that listener of the swarm's own is told by the event now"
    told.table.flush()
    assert told.environment.stats.total.num_requests == 2


def test_what_waited_when_the_table_was_emptied_is_dropped(told: Told):
    told.table.good("WS", "heartbeat", 0.001)
    told.table.drop()
    told.table.flush()
    assert told.environment.stats.total.num_requests == 0
