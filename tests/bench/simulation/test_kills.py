"""Every 201 is a room, once, through a thousand kills of each kind, in virtual time."""

from __future__ import annotations

from random import Random

import pytest

from bench.simulation.many import quiet
from bench.simulation.run import Simulation
from bench.simulation.schedule import BEGIN_S, LASTS_S, NODES, PLAYERS, Event, Schedule

KILLS = {
    "node": ("kill",),
    "Valkey": ("restart", "wipe", "rewind"),
    "PostgreSQL": ("store_away", "store_before", "store_after"),
}
A_RUN = 10
"""Kills, evenly spread."""
DEEDS = {"create_room": 6, "delete_room": 3, "join": 2, "leave": 1}
DEEDS_A_RUN = 240
SHORT = 150
"""Of 1,000: of how long a kill of its kind may last."""
EVERYWHERE = 1
"""The last number of a fault of the database: on all nodes."""
THOUSAND = 1_000


def schedule_of(kind: str, seed: int) -> Schedule:
    """Hosts who make and delete rooms while one thing is killed over and over."""
    random = Random(f"kills/{kind}/{seed}")
    events = []
    for number in range(A_RUN):
        at_s = BEGIN_S + LASTS_S * (number + random.random()) / A_RUN
        what = random.choice(KILLS[kind])
        events.append(Event(round(at_s, 3), what, random.randrange(NODES), random.randrange(SHORT), EVERYWHERE))
    for what in random.choices(list(DEEDS), list(DEEDS.values()), k=DEEDS_A_RUN):
        at_s = BEGIN_S + LASTS_S * random.random()
        numbers = random.randrange(PLAYERS), random.randrange(1000), random.randrange(1000)
        events.append(Event(round(at_s, 3), what, *numbers))
    return Schedule(seed, tuple(sorted(events, key=lambda event: event.at_s)))


def made_in(schedule: Schedule) -> int:
    """Rooms answered with 201. All of them are there at the end, or somebody has ended them."""
    simulation = Simulation(schedule)
    outcome = simulation.run()
    assert outcome.violation is None, f"lobby-bench simulate --trace --schedule '{schedule}': {outcome.violation}"
    return simulation.answers.rooms_made


@pytest.mark.parametrize("kind", KILLS)
def test_every_201_is_a_room_through_kills(kind: str) -> None:
    with quiet():
        assert sum(made_in(schedule_of(kind, seed)) for seed in range(2)) > 0


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", KILLS)
def test_every_201_is_a_room_through_a_thousand_kills(kind: str) -> None:
    made = kills = 0
    with quiet():
        for seed in range(THOUSAND // A_RUN):
            schedule = schedule_of(kind, seed)
            made, kills = made + made_in(schedule), kills + schedule.faults
    assert kills >= THOUSAND
    assert made >= THOUSAND
