"""Every 201 is a room, once, whatever is killed meanwhile: nodes, Valkey, PostgreSQL, over and over."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from bench.measures import KILLED, ROOMS_DOUBLED, ROOMS_MADE, ROOMS_MISSING
from bench.processes.cluster.surroundings import Surroundings, surroundings, why_not
from bench.record.book import Book
from bench.record.profiles.sizes import ClusterSizes
from bench.record.profiles.standard import FULL
from bench.scenarios.cluster import rooms
from tests.cluster.labs import lab_of
from tests.installed import needed

pytestmark = pytest.mark.slow  # Valkey, PostgreSQL and nodes are killed: it wants the machine for itself


@pytest.fixture(scope="module")
def place() -> Iterator[Surroundings]:
    needed(why_not())
    with surroundings() as place:
        yield place


def made_missing_doubled(place: Surroundings, killed: str, sizes: ClusterSizes) -> tuple[float, ...]:
    book = Book()
    rooms.run(lab_of(msgspec.structs.replace(FULL, cluster=sizes)), book, place, killed)
    found = book.result("cluster", ())
    measures = ROOMS_MADE[killed], ROOMS_MISSING[killed], ROOMS_DOUBLED[killed]
    return tuple(found.find(measure)[0].value for measure in measures)


@pytest.mark.parametrize("killed", KILLED)
def test_hundred_rooms_under_kills_are_all_there_and_once(place: Surroundings, killed: str) -> None:
    assert made_missing_doubled(place, killed, ClusterSizes(rooms=100, kills=2)) == (100, 0, 0)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("killed", KILLED)
def test_thousand_rooms_under_many_kills_are_all_there_and_once(place: Surroundings, killed: str) -> None:
    assert made_missing_doubled(place, killed, ClusterSizes(rooms=1_000, kills=8)) == (1_000, 0, 0)
