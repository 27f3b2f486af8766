"""What a client asked for by name in its handshake, and what follows for what it hears.

Sessions with one profile hear the same frames, so a profile has one feed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto

from lobby_server.protocol.features import Feature


class RoomsMode(Enum):
    """How a client learns that the room list has changed."""

    NOTIFY = auto()
    """``rooms_changed``, and it fetches."""
    REV = auto()
    """``rooms_changed`` with the revision and a window for the fetch."""
    DELTA = auto()
    """``rooms_delta``, and nothing is fetched."""


class PresenceMode(Enum):
    """How a client learns which users come online and go offline."""

    SINGLE = auto()
    BATCH = auto()
    FRIENDS = auto()


@dataclass(frozen=True)
class Profile:
    """The part of the features that decides what a session hears."""

    rooms: RoomsMode = RoomsMode.NOTIFY
    presence: PresenceMode = PresenceMode.SINGLE
    hears_count: bool = False
    """How many users are online."""
    ack_group: int | None = None
    """Of a client that says when it has something: one of the feeds over which they are spread."""
    hears_lobby: bool = False
    """The lobby's chat. A client of the base protocol hears it only once its user takes part."""
    deflates: bool = False
    """It takes compressed frames: what is published is compressed once for all of them."""
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        values = self.rooms, self.presence, self.hears_count, self.ack_group, self.hears_lobby, self.deflates
        object.__setattr__(self, "_hash", hash(values))

    def __hash__(self) -> int:
        """Asked for with each session that comes and each event, and six values deep otherwise."""
        return self._hash


BASE_PROFILE = Profile()
"""Of a client that asked for no feature."""
DEFLATED_BASE_PROFILE = Profile(deflates=True)
"""The same, of a client that takes compressed frames."""


def profile_of(features: frozenset[Feature], *, ack_group: int = 0, deflates: bool = False) -> Profile:
    """Of a client that asked for features. Deltas rule out announcements, and friends rule out everybody."""
    rooms = RoomsMode.NOTIFY
    if Feature.ROOMS_DELTA in features:
        rooms = RoomsMode.DELTA
    elif Feature.REV in features:
        rooms = RoomsMode.REV
    presence = PresenceMode.SINGLE
    if Feature.PRESENCE_FRIENDS in features:
        presence = PresenceMode.FRIENDS
    elif Feature.PRESENCE_BATCH in features:
        presence = PresenceMode.BATCH
    hears_count = not features.isdisjoint((Feature.PRESENCE_FRIENDS, Feature.PLAYER_COUNT))
    return Profile(
        rooms,
        presence,
        hears_count=hears_count,
        ack_group=ack_group if Feature.ACK in features else None,
        hears_lobby=True,
        deflates=deflates,
    )
