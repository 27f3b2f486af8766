"""The parts of the swarm that need no Locust: options, pacing, identities, marks, figures."""

import pytest

from loadtest.client import LobbyApi
from loadtest.measure.freshness import FreshnessWatch, Marks, clock_of_this_machine
from tests.loadtest.fakes import FakeHttp, json_answer, room


def rooms_of(*map_names: str | None, first: int = 0):
    body = {"count": len(map_names), "rooms": [room(f"r{first + n}", name) for n, name in enumerate(map_names)]}
    rooms = LobbyApi(FakeHttp(lambda call: json_answer(body))).rooms().rooms
    assert rooms is not None
    return rooms


def test_marks_of_this_clock_come_back_and_others_do_not():
    marks = Marks("aaaa")
    assert marks.read(marks.write(12.345678)) == pytest.approx(12.345678, abs=1e-6)
    for foreign in (None, "", "canyon", Marks("bbbb").write(1.0), "swarm-aaaa-", "swarm-aaaa-x", "swarm-aaaa--5"):
        assert marks.read(foreign) is None
    assert clock_of_this_machine() == clock_of_this_machine()


def test_a_room_is_news_once_and_only_if_made_while_watching():
    marks = Marks("aaaa")
    watch = FreshnessWatch(marks)
    watch.restart(100.0)
    old, new, foreign = marks.write(99.0), marks.write(101.0), "canyon"
    assert watch.ages_s(rooms_of(old, new, foreign), 101.5) == [pytest.approx(0.5)]
    assert watch.ages_s(rooms_of(old, new, foreign), 102.0) == []
    watch.restart(200.0)
    assert watch.ages_s(rooms_of(old, new, marks.write(199.0)), 200.5) == []
