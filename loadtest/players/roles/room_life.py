"""What goes on in a room besides chat, as a player with the feature ``room_state`` hears it: who is there, who leads,
who is ready, whether it was started. Hosts and joiners have it in common; what each does is in its own module.

All of it is off unless `--room-life` gives rooms a share of it, and for players whose server does not know the feature:
they never see their room, and do nothing in it. What the contract promises is expected of the server: of `room_started`
and `host_changed` all members hear, of a kick and of the end of a ban the one whom it is about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from loadtest.client import Feature
from loadtest.players.roles.browser import Browser
from loadtest.players.roles.figures import Expectation
from loadtest.players.roles.role import on
from loadtest.players.swarm import Swarm
from loadtest.results.exit_codes import UsageError
from loadtest.workload.options import SwarmOptions
from loadtest.workload.plan import PlayerPlan
from loadtest.workload.roles.options import share_option
from lobby_server.protocol import feature_messages, messages

WITHIN_S = 2.0
"""In which what happened in a room is told: far more than a push takes. Who leaves within it is not judged, so it is a
small part of a visit."""
WITHOUT_A_ROOM = "room deeds without a room"
"""It was not entered, was lost with the connection, or is told to nobody by this server."""


@dataclass
class OwnRoom:
    """Where the player is, as the server has told it."""

    room_id: str
    peer_id: int
    others: set[int]
    """The other members, by peer id."""
    host_peer_id: int | None
    told: feature_messages.RoomStateTold | None = None

    @property
    def is_led(self) -> bool:
        """By this player."""
        return self.host_peer_id == self.peer_id

    @property
    def is_started(self) -> bool:
        return self.told is not None and self.told.isStarted

    @property
    def is_ready(self) -> bool:
        """All but the host are."""
        return self.told is not None and self.others <= set(self.told.ready)


class RoomLife(Browser):
    """A player who takes part in the life of a room."""

    life = share_option(
        "--room-life", 0.0, "share (0 to 1) of rooms and visits with ready, start, settings, hand-over, kick and code"
    )
    start_heard = Expectation("room started", within_s=WITHIN_S)
    host_heard = Expectation("room handed over", within_s=WITHIN_S)
    kick_heard = Expectation("room kick", within_s=WITHIN_S)
    ban_lifted = Expectation("room ban lifted", within_s=WITHIN_S)

    def __init__(self, swarm: Swarm, plan: PlayerPlan, *, seat: int, began_s: float) -> None:
        super().__init__(swarm, plan, seat=seat, began_s=began_s)
        self.room: OwnRoom | None = None
        """None: in none, or nobody tells it."""
        self._own_keys: tuple[str, str] | None = None
        """Of a kick and of the end of a ban that this player would hear of in the room that it entered last."""

    @classmethod
    def check(cls, options: SwarmOptions) -> None:
        if not options[cls.life] or not options.weights.get(cls.NAME):
            return
        if options.profile is not None:
            raise UsageError(f"--room-life is of the lobby's own protocol: without it with {options.profile.name}.")
        if Feature.ROOM_STATE not in options.modes.get(cls.NAME, frozenset()):
            raise UsageError(
                f"--room-life: {cls.NAME}s hear of their rooms by a feature: give --mode {cls.NAME}=room_state, with + "
                "between several."
            )

    def enter(self, room_id: str, peer_id: int, *, others: Iterable[int], host_peer_id: int | None) -> None:
        """The server let the player in. Does nothing where nothing is told of rooms."""
        if not self.life or Feature.ROOM_STATE not in self.client.connection.accepted_features:
            return
        if self.room is not None and self.room.room_id != room_id:
            self.go()
        self.forget_keys()
        self.room = OwnRoom(room_id, peer_id, set(others) - {peer_id}, host_peer_id)
        self._own_keys = f"{room_id}/{peer_id}", f"{room_id}/{self.user_id}"
        self.start_heard.listen(room_id)
        self.host_heard.listen(room_id)
        self.kick_heard.listen(self._own_keys[0])
        self.ban_lifted.listen(self._own_keys[1])

    def go(self) -> None:
        """The player leaves the room, or was put out of it."""
        room, self.room = self.room, None
        if room is not None:
            self.start_heard.leave(room.room_id)
            self.host_heard.leave(room.room_id)

    def forget_keys(self) -> None:
        """Nothing more is expected to be heard of the room before: call it when a player leaves by itself. One who was
        put out should hear that, and of the end of the ban."""
        keys, self._own_keys = self._own_keys, None
        if keys is not None:
            self.kick_heard.leave(keys[0])
            self.ban_lifted.leave(keys[1])

    def beside(self, call: Callable[[], object], name: str) -> None:
        """Off the reader: a call blocks."""

        def run() -> None:
            try:
                call()
            except Exception as error:  # as in an action
                self.fault(name, error)

        self.client.connection.side.put(run)

    def on_told(self, room: OwnRoom, told: feature_messages.RoomStateTold) -> None:
        """For roles: the room is now like that."""

    def on_led(self, room: OwnRoom, giver: int) -> None:
        """For roles: the host, who is still there, made this player the host."""

    # -- in the reader's greenlet ---------------------------------------------------------------------------------

    @on(feature_messages.RoomStateTold)
    def on_state(self, told: feature_messages.RoomStateTold) -> None:
        room = self.room
        if room is not None and room.room_id == told.roomId:
            room.told = told
            room.others |= set(told.ready) - {room.peer_id}
            self.on_told(room, told)

    @on(feature_messages.RoomStarted)
    def on_started(self, started: feature_messages.RoomStarted) -> None:
        if self.room is not None:
            self.start_heard.heard(started.roomId)

    @on(messages.PeerJoined)
    def on_peer_joined(self, joined: messages.PeerJoined) -> None:
        if self.room is not None and joined.peerId != self.room.peer_id:
            self.room.others.add(joined.peerId)

    @on(messages.PeerLeft)
    def on_peer_left(self, left: messages.PeerLeft) -> None:
        if self.room is not None:
            self.room.others.discard(left.peerId)

    @on(messages.HostChanged)
    def on_host_changed(self, changed: messages.HostChanged) -> None:
        room = self.room
        if room is None:
            return
        before, room.host_peer_id = room.host_peer_id, changed.newHostPeerId
        if before is None or (before not in room.others and before != room.peer_id):
            return  # the host has left: nobody handed over
        self.host_heard.heard(hand_over_key(room.room_id, changed.newHostPeerId))
        if room.is_led:
            self.on_led(room, before)

    @on(messages.Kicked)
    def on_kicked(self, kicked: messages.Kicked) -> None:
        if self.room is not None and self._own_keys is not None:
            self.kick_heard.heard(self._own_keys[0])
        self.go()

    @on(feature_messages.RoomUnbanned)
    def on_unbanned(self, unbanned: feature_messages.RoomUnbanned) -> None:
        if self.life:
            self.ban_lifted.heard(f"{unbanned.roomId}/{self.user_id}")

    @on(feature_messages.RoomClosed)
    def on_closed(self, closed: feature_messages.RoomClosed) -> None:
        self.go()

    def on_lost(self) -> None:
        self.go()
        self._own_keys = None  # the loss has ended all of it


def hand_over_key(room_id: str, peer_id: int) -> str:
    """What members recognise it by: once to each of them, and once back."""
    return f"{room_id}/host {peer_id}"
