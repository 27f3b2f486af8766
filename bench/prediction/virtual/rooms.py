"""The list of rooms of one process, as players change it: the server's own book, and rooms as the lab makes them."""

from __future__ import annotations

import itertools
from random import Random

from bench.prediction.virtual.setup import Setup
from bench.simulation.outside.loop import BEGINNING
from lobby_server.core.presence import User
from lobby_server.core.rooms import Room, RoomBook
from lobby_server.service.ports import Clock

FOREVER_S = 1e12
HOST_NAME = "hoster50000"
"""As long as the lab's names are."""
FIRST_REVISION = int(BEGINNING.timestamp() * 1000)
"""As the server has it, whose revisions are of 13 digits: two of them are a fifth of the delta of a room's end."""


class Rooms:
    """Of one process; the same on all of a lobby that have seen the same changes."""

    def __init__(self, setup: Setup, clock: Clock) -> None:
        self.book = RoomBook(empty_ttl_s=FOREVER_S, first_revision=FIRST_REVISION)
        self._clock = clock
        self._most = None if setup.only_makes else max(1, setup.rooms)
        """Rooms that there are before a change ends one; None: none ends."""
        self._numbers = itertools.count()
        self._ids = Random(f"{setup.seed}/rooms")
        """As hard to compress as the server's."""
        self._standing: list[str] = []

    def change(self) -> None:
        """Rooms are made and deleted in turns, so that there are as many as before, unless they are only made."""
        if self._most is not None and len(self._standing) > self._most:
            self.book.remove(self._standing.pop(0))
        else:
            self.make()

    def make(self) -> None:
        number = next(self._numbers)
        room = Room(
            id=f"{self._ids.getrandbits(48):012x}",
            host=User(number, HOST_NAME),
            gamemode="deathmatch",
            map_name=f"lab-{number:06d}",
            max_players=8,
            is_public=True,
            version=None,
            created_at=self._clock.utc_now(),
        )
        self.book.add(room, now_s=0.0, creator_has_socket=True)
        self._standing.append(room.id)
