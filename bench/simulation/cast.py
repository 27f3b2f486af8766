"""Who plays: users, their devices, and what each asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from bench.simulation.outside.wire import WINDOW_BYTES
from bench.simulation.schedule import PLAYERS, Part, Schedule
from loadtest.workload.identities import Share
from lobby_server.core.presence import User
from lobby_server.protocol.features import Feature

NAMES = (
    "ann", "bob", "cleo", "dan", "eve", "fay", "gus", "hal", "ida", "jon", "kim", "leo", "mia", "ned", "oda", "pia",
    "quin", "ron",
)  # fmt: skip
TWO_DEVICES = PLAYERS - len(NAMES)
"""So many of the users have a second device, with features."""
FEATURES: tuple[frozenset[Feature], ...] = (
    frozenset(), frozenset(), frozenset({Feature.REV}),
    frozenset({Feature.ROOMS_DELTA, Feature.ROOM_STATE, Feature.OWN_CHANGES}),
    frozenset({Feature.ROOMS_DELTA, Feature.PRESENCE_BATCH, Feature.DRAIN, Feature.ROOM_STATE, Feature.FRIEND_ROOMS}),
    frozenset({Feature.REV, Feature.PRESENCE_FRIENDS, Feature.ACK, Feature.FRIEND_ROOMS, Feature.OWN_CHANGES}),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Device:
    """What a player is before it plays. `is_only`: its user has no other one."""

    name: str
    user: User
    features: frozenset[Feature]
    is_only: bool
    window: int = WINDOW_BYTES


def usual_cast(random: Random) -> list[Device]:
    """Twenty devices of eighteen users."""
    users = [_user(number, name) for number, name in enumerate(NAMES)]
    devices = []
    for number in range(PLAYERS):
        is_second = number >= len(users)
        user = users[number % len(users)]
        features = FEATURES[3 + number % 3] if is_second else random.choice(FEATURES)
        if number < TWO_DEVICES:
            features = FEATURES[2 + number % 4]  # a base client hears nothing of what its other devices do
        device = Device(
            name=f"{user.username}-2" if is_second else user.username,
            user=user,
            features=features,
            is_only=not is_second and number >= TWO_DEVICES,
            window=random.choice((WINDOW_BYTES, WINDOW_BYTES, WINDOW_BYTES, 600)),
        )
        devices.append(device)
    return devices


def devices_of(cast: Sequence[Part]) -> list[Device]:
    """One per part; tabs are of the user before."""
    users: list[User] = []
    devices = []
    for number, part in enumerate(cast):
        name = f"{part.role}-{number + 1}"
        if not part.is_tab or not users:
            users.append(_user(len(users), name))
        is_followed = number + 1 < len(cast) and cast[number + 1].is_tab
        device = Device(
            name=name, user=users[-1], features=part.features, is_only=not part.is_tab and not is_followed
        )  # fmt: skip
        devices.append(device)
    return devices


def cast_of(schedule: Schedule) -> list[Device]:
    """Who plays in a schedule."""
    if schedule.cast:
        return devices_of(schedule.cast)
    return usual_cast(Random(f"run/{schedule.seed}/players"))


# -- private -----------------------------------------------------------------------------------------------------------


def _user(number: int, name: str) -> User:
    """As a swarm of three workers numbers its players, one of which joined while the test ran."""
    shares = (Share(process=0, processes=2), Share(process=1, processes=2), Share(late=1))
    return User(1 + shares[number % 3].number(number // 3), name)
