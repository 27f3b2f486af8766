"""The row of sessions in step: whoever stands in it when a walk begins is come to once, whatever happens meanwhile."""

from __future__ import annotations

import random

from lobby_server.service.fanout.in_step import GAP, InStep
from lobby_server.service.fanout.profile import Profile
from lobby_server.service.fanout.subscriber import Subscriber
from tests.fakes.outlet import FakeOutlet


def newcomer(row: InStep) -> Subscriber:
    subscriber = Subscriber(FakeOutlet(), Profile())
    row.join(subscriber)
    return subscriber


def walk_on(row: InStep, most: int) -> list[Subscriber]:
    sends, first = row.walk(most)
    return [row.at(first + index) for index, send in enumerate(sends) if send is not GAP]


def test_a_walk_comes_to_everybody_in_slices_and_not_to_who_joins_meanwhile() -> None:
    row = InStep()
    crowd = [newcomer(row) for _ in range(5)]
    row.begin_walk()
    met = walk_on(row, 3)
    newcomer(row)
    met += walk_on(row, 3)
    assert met == crowd
    assert walk_on(row, 3) == []
    row.end_walk()
    assert len(row) == 6


def test_who_was_passed_over_is_met_by_the_next_walk() -> None:
    row = InStep()
    first, second = newcomer(row), newcomer(row)
    row.begin_walk()
    assert row.is_awaited(second)
    row.pass_over(second)
    assert not row.is_awaited(second)
    assert walk_on(row, 9) == [first]
    row.end_walk()
    row.begin_walk()
    assert walk_on(row, 9) == [first, second]


def test_random_walks_meet_exactly_those_who_stood_there_and_stayed() -> None:
    for seed in range(200):
        chance, row, standing = random.Random(seed), InStep(), list[Subscriber]()
        for _ in range(6):
            standing += [newcomer(row) for _ in range(chance.randrange(6))]
            for leaver in chance.sample(standing, chance.randrange(len(standing) + 1) // 2):
                row.leave(leaver)
                row.leave(leaver)  # a second time does nothing
                standing.remove(leaver)
            row.begin_walk()
            awaited, met = set(standing), set[Subscriber]()
            while slice_ := row.walk(2)[0]:
                position = row._position - len(slice_)
                found = [row.at(position + index) for index, send in enumerate(slice_) if send is not GAP]
                assert not met.intersection(found)
                met.update(found)
                if standing and chance.random() < 0.5:
                    leaver = standing.pop(chance.randrange(len(standing)))
                    assert row.is_awaited(leaver) is (leaver in awaited and leaver not in met)
                    row.leave(leaver)
                    if leaver not in met:
                        awaited.discard(leaver)
                if chance.random() < 0.3:
                    standing.append(newcomer(row))
            assert met == awaited
            row.end_walk()
            assert set(row) == set(standing)
            assert len(row) == len(standing)
