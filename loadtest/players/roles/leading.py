"""What a host does in a room of its own between making and deleting it: name it, put a member out and lift the ban,
hand over the host's place, start the game and end it.

In a share of the rooms, `--room-life`, each deed comes once, at a time of its own from the seed. A deed for which there
is nobody, or no room, is left out and counted. The member who was made the host gives the place back at once, so that
the room still ends when its host planned it.
"""

from __future__ import annotations

import time
from random import Random

from loadtest.client import HostingApi
from loadtest.players.locust_http import SwarmApi
from loadtest.players.roles.figures import Counter, Series
from loadtest.players.roles.role import on
from loadtest.players.roles.room_life import WITHOUT_A_ROOM, OwnRoom, RoomLife, hand_over_key
from loadtest.players.swarm import Swarm
from loadtest.workload.options import SwarmOptions
from loadtest.workload.plan import PlayerPlan
from loadtest.workload.roles.book import Intent, Schedule
from lobby_server.protocol import feature_messages, messages

WITHOUT_A_MEMBER = "room deeds without a member"
SPREAD = 0.1
"""Of the life of a room: within so much after its part of it a deed comes."""


class Leading(RoomLife):
    """A player with a room of its own."""

    settings_told = Series("room settings told", title="Room settings: changed to told")
    given_back = Series("hand-over round trip", title="Hand-over: handed over to given back")
    settings_changed = Counter("room settings changed")
    kicks = Counter("members kicked")
    bans_ended = Counter("room bans lifted")
    hand_overs = Counter("rooms handed over")
    starts = Counter("rooms started")
    starts_forced = Counter("rooms started before all were ready")

    def __init__(self, swarm: Swarm, plan: PlayerPlan, *, seat: int, began_s: float) -> None:
        super().__init__(swarm, plan, seat=seat, began_s=began_s)
        self._named: tuple[str, float] | None = None
        """The name that the room was given, and when, until that is told."""
        self._handed_over_s: float | None = None
        self._kicked: set[int] = set()

    def _listen(self) -> None:
        """A host without life in its rooms hears nothing but what browsers do, and costs no more."""
        if self.life:
            super()._listen()

    @classmethod
    def deeds(cls, options: SwarmOptions, rng: Random, *, made_s: float, life_s: float) -> Schedule:
        """Of one room; nothing is drawn without `--room-life`."""
        share = options[cls.life]
        if not share or rng.random() >= share:
            return
        for part, act in (
            (0.05, cls.name_room), (0.25, cls.kick_member), (0.4, cls.hand_over), (0.6, cls.start_game),
            (0.85, cls.end_game),
        ):  # fmt: skip
            yield Intent(made_s + life_s * (part + SPREAD * rng.random()), act, rng.random())

    # -- in the seat's greenlet -----------------------------------------------------------------------------------

    def name_room(self, at_s: float, choice: float) -> None:
        room, token = self._led(), self.identity.token
        if room is None or token is None:
            return
        name = f"Room of player {self.seat}, {int(choice * 1_000_000)}"
        self._named = name, at_s
        api, asked_s = self.api.intended(at_s), time.perf_counter()
        HostingApi(api).change(token, room.room_id, name=name)
        self._has_changed(room.room_id, api, at_s=at_s, asked_s=asked_s)
        self.settings_changed.add()

    def kick_member(self, at_s: float, choice: float) -> None:
        room = self._led()
        peer_id = self._one_of(room, choice)
        if room is None or peer_id is None:
            return
        self._kicked.add(peer_id)
        self.client.connection.kick(peer_id)
        key = f"{room.room_id}/{peer_id}"
        self.kick_heard.announce(key, key, at_s=at_s)
        self.kicks.add()

    def hand_over(self, at_s: float, choice: float) -> None:
        room, token = self._led(), self.identity.token
        peer_id = self._one_of(room, choice)
        if room is None or token is None or peer_id is None:
            return
        self._handed_over_s = at_s
        api = self.api.intended(at_s)
        HostingApi(api).hand_over(token, room.room_id, peer_id=peer_id)
        key = hand_over_key(room.room_id, peer_id)
        self.host_heard.announce(room.room_id, key, at_s=at_s + api.late_s, hears_itself=True)
        self.hand_overs.add()  # no change for the ledger: given back before it is announced, the list is as it was

    def start_game(self, at_s: float, choice: float) -> None:
        """When all are ready, or without waiting for the others: the plan goes on."""
        room, token = self._led(), self.identity.token
        if room is None or token is None or self._one_of(room, choice) is None:
            return
        is_forced = not room.is_ready
        api, asked_s = self.api.intended(at_s), time.perf_counter()
        HostingApi(api).start(token, room.room_id, is_forced=is_forced)
        self.start_heard.announce(room.room_id, room.room_id, at_s=at_s + api.late_s, hears_itself=True)
        self._has_changed(room.room_id, api, at_s=at_s, asked_s=asked_s)
        self.starts.add()
        if is_forced:
            self.starts_forced.add()

    def end_game(self, at_s: float, choice: float) -> None:
        room, token = self._led(), self.identity.token
        if room is None or token is None or not room.is_started:
            return
        api, asked_s = self.api.intended(at_s), time.perf_counter()
        HostingApi(api).end_game(token, room.room_id)
        self._has_changed(room.room_id, api, at_s=at_s, asked_s=asked_s)

    def _led(self) -> OwnRoom | None:
        if self.room is None or not self.room.is_led:
            self.count(WITHOUT_A_ROOM)
            return None
        return self.room

    def _one_of(self, room: OwnRoom | None, choice: float) -> int | None:
        if room is None:
            return None
        if not room.others:
            self.count(WITHOUT_A_MEMBER)
            return None
        return sorted(room.others)[int(choice * len(room.others))]

    def _lift_bans(self, room_id: str) -> None:
        token = self.identity.token
        if token is None:
            return
        api = HostingApi(self.api)
        for ban in api.bans(token, room_id).bans:
            at_s = time.perf_counter()
            api.unban(token, room_id, ban.user_id)
            key = f"{room_id}/{ban.user_id}"
            self.ban_lifted.announce(key, key, at_s=at_s)
            self.bans_ended.add()

    def _has_changed(self, room_id: str, api: SwarmApi, *, at_s: float, asked_s: float, is_gone: bool = False) -> None:
        """Into the ledger. What this process alone was late counts for nobody: nothing was heard of the change then."""
        self.swarm.ledger.change(
            room_id,
            intended_s=at_s + api.late_s,
            sent_s=asked_s + api.late_s,
            answered_s=time.perf_counter(),
            is_gone=is_gone,
        )

    # -- in the reader's greenlet ---------------------------------------------------------------------------------

    @on(messages.RoomCreated)
    def on_created(self, created: messages.RoomCreated) -> None:
        self._named, self._handed_over_s = None, None
        self._kicked.clear()
        self.enter(created.roomId, created.peerId, others=(), host_peer_id=created.peerId)

    @on(messages.PeerLeft)
    def on_peer_left(self, left: messages.PeerLeft) -> None:
        super().on_peer_left(left)
        if self.room is not None and left.peerId in self._kicked:
            self._kicked.discard(left.peerId)
            room_id = self.room.room_id
            self.beside(lambda: self._lift_bans(room_id), "lift_bans")

    def on_told(self, room: OwnRoom, told: feature_messages.RoomStateTold) -> None:
        if self._named is not None and told.name == self._named[0]:
            self.settings_told.record(self.heard_s - self._named[1])
            self._named = None

    def on_led(self, room: OwnRoom, giver: int) -> None:
        if self._handed_over_s is not None:
            self.given_back.record(self.heard_s - self._handed_over_s)
            self._handed_over_s = None
