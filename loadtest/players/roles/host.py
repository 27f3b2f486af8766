"""Creates a room, keeps it for a while, deletes it. What it does in the room meanwhile is in `leading`."""

from __future__ import annotations

import contextlib
import time
from random import Random

import msgspec

from loadtest.client import ApiError, ClientError, NotConnected, ServerAway, UnexpectedAnswer
from loadtest.players.roles.figures import Counter
from loadtest.players.roles.leading import Leading
from loadtest.players.roles.role import role
from loadtest.workload.options import SwarmOptions
from loadtest.workload.roles.book import Intent, Schedule
from loadtest.workload.roles.options import require, time_option


@role("host", weight=2)
class Host(Leading):
    NEEDS = frozenset({"create"})
    room_interval = time_option(
        "--room-interval-s", "120", "time between two rooms of a host, in s; 0: no rooms", may_be_zero=True
    )
    room_lifetime = time_option("--room-lifetime-s", "30", "lifetime of a room, in s", kind="uniform")
    rooms_made = Counter("rooms made")
    rooms_deleted = Counter("rooms deleted")
    rooms_left = Counter("rooms left to their members")

    room_id: str | None = None
    _is_server_away = False

    @classmethod
    def schedule(cls, options: SwarmOptions, rng: Random) -> Schedule:
        """One room after another; the mean time from one to the next is the interval."""
        interval, lifetime = options[cls.room_interval], options[cls.room_lifetime]
        if not interval.mean_s:
            return
        at_s = rng.uniform(0.0, interval.mean_s)
        while True:
            life_s = lifetime.draw_s(rng)
            yield Intent(at_s, cls.make_room)
            yield from cls.deeds(options, rng, made_s=at_s, life_s=life_s)
            yield Intent(at_s + life_s, cls.delete_room)
            if interval.kind == "exp":
                gap_mean_s = max(interval.mean_s - lifetime.mean_s, 0.0)
                at_s += life_s + (rng.expovariate(1.0 / gap_mean_s) if gap_mean_s else 0.0)
            else:
                at_s += max(life_s, interval.draw_s(rng))

    @classmethod
    def check(cls, options: SwarmOptions) -> None:
        super().check(options)
        interval, lifetime = options[cls.room_interval], options[cls.room_lifetime]
        is_fitting = not interval.mean_s or lifetime.mean_s <= interval.mean_s
        require(is_fitting, "--room-lifetime-s", "at most --room-interval-s")

    def end(self) -> None:
        if not self._is_server_away:
            self.delete_room(time.perf_counter(), 0.0)
        super().end()

    def make_room(self, at_s: float, choice: float) -> None:
        token = self.identity.token
        if token is None:
            return
        api, asked_s = self.api.intended(at_s), time.perf_counter()
        try:
            room = api.create_room(token, gamemode="swarm", map_name=self.swarm.marks.write(at_s))
        except ApiError as error:
            self.room_id = error.existing_room_id  # left over from an earlier run: deleted next
            return
        except UnexpectedAnswer as error:
            self.room_id = _room_in(error.body)  # it was made all the same: deleted in its time
            return
        except ClientError as error:
            self._is_server_away = isinstance(error, ServerAway)
            return  # in Locust's table of failures already; the plan goes on
        self._is_server_away = False
        self.room_id = room.id
        self._has_changed(room.id, api, at_s=at_s, asked_s=asked_s)
        self.rooms_made.add()
        if self.swarm.profile is None:
            with contextlib.suppress(NotConnected):  # lost just now: the room stays, and so does the plan
                self.client.connection.create_room()

    def delete_room(self, at_s: float, choice: float) -> None:
        room_id, token = self.room_id, self.identity.token
        if room_id is None or token is None:
            return
        if self.room is not None and not self.room.is_led:  # nobody gave it back
            self._leave_room()
            return
        self.go()
        api, asked_s = self.api.intended(at_s), time.perf_counter()
        try:
            api.delete_room(token, room_id)
        except ClientError as error:  # as above
            self._is_server_away = isinstance(error, ServerAway)
        else:
            self._has_changed(room_id, api, at_s=at_s, asked_s=asked_s, is_gone=True)
            self.rooms_deleted.add()
        self.room_id = None  # last, so that a player who is stopped on the way here tries once more

    def _leave_room(self) -> None:
        """Its room has another host by now: it ends with its last member."""
        self.go()
        self.forget_keys()
        self.room_id = None
        with contextlib.suppress(NotConnected):
            self.client.connection.leave_room()
            self.rooms_left.add()


class _WithId(msgspec.Struct):
    id: str


class _Made(msgspec.Struct):
    room: _WithId


def _room_in(body: bytes) -> str | None:
    """The id in an answer that says no more of its room than that."""
    try:
        return msgspec.json.decode(body, type=_Made).room.id
    except (msgspec.MsgspecError, UnicodeError):
        return None
