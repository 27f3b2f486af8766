"""All that was promised in a run, in the order of the log."""

from __future__ import annotations

from collections.abc import Iterator

from bench.simulation.checks.branches import Path, Place, lies_on
from bench.simulation.checks.promises.friend_rooms import MOVES, FriendRooms
from bench.simulation.checks.promises.push import Now, Push
from bench.simulation.checks.promises.rooms import ROOMS
from bench.simulation.checks.promises.social import SOCIAL
from lobby_server.core.machine import effects
from lobby_server.core.machine.books import Books
from lobby_server.core.machine.commands import Command
from lobby_server.core.machine.effects import Effect
from lobby_server.protocol import messages
from lobby_server.protocol import social_messages as social
from lobby_server.protocol.feature_messages import RoomClosed, RoomStarted, RoomStateTold, RoomUnbanned
from lobby_server.protocol.message import ServerMessage

MATTERS: dict[type[ServerMessage], str] = {
    **dict.fromkeys(
        (
            messages.RoomCreated, messages.RoomJoined, messages.PeerJoined, messages.PeerLeft, messages.HostChanged,
            messages.Kicked, messages.Chat, RoomClosed, RoomStateTold, RoomStarted, RoomUnbanned,
        ),
        "room",
    ),
    **dict.fromkeys((messages.UserOnline, messages.UserOffline), "presence of friends"),
    social.FriendRoom: "rooms of friends",
    **dict.fromkeys(
        (social.FriendRequested, social.FriendRequestClosed, social.FriendAccepted, social.FriendRemoved), "friends"
    ),
    **dict.fromkeys(
        (social.UserBlocked, social.UserUnblocked, social.NotificationRead, social.WhereaboutsChanged), "own changes"
    ),
    **dict.fromkeys(
        (
            social.PartyInvited, social.PartyInviteClosed, social.PartyJoined, social.PartyLeft,
            social.PartyLeaderChanged, social.PartyMemberStatus,
        ),
        "party",
    ),
    **dict.fromkeys((social.MatchInvited, social.MatchInviteClosed), "invitations into rooms"),
    social.Notification: "notifications",
    social.ChatMessage: "chat",
    social.Announcement: "announcements",
}  # fmt: skip
"""By message, what it is about: those about one matter are heard in the order of the log."""
PROMISED_KINDS = tuple(dict.fromkeys((*ROOMS.kinds, *SOCIAL.kinds, *MOVES.kinds, effects.PartTaken)))
"""Effects from which a promise follows."""


class Ledger:
    """Of one run."""

    def __init__(self) -> None:
        self._promised: list[tuple[Place, Push]] = []
        self._askers: dict[Place, list[object]] = {}
        self._friend_rooms: dict[str, FriendRooms] = {}
        """By epoch."""
        self._chatted: set[int] = set()

    def begin(self, epoch: str, books: Books) -> None:
        """The first entry of an epoch is about to be applied, to these books."""
        self._friend_rooms[epoch] = FriendRooms(books)
        self._chatted |= books.chatters

    def take(self, effect: Effect, command: Command, place: Place, books: Books) -> None:
        """One effect of an entry, its command, and the books after that."""
        if isinstance(effect, effects.PartTaken):
            self._chatted.add(effect.user.id)
        now = Now(books, command, self._chatted)
        promised = self._promised
        for of_kind in (ROOMS, SOCIAL):
            if (reckon := of_kind.of(effect)) is not None:
                promised += [(place, push) for push in reckon(effect, now)]
        friend_rooms = self._friend_rooms.get(place[0])
        if friend_rooms is not None:
            promised += [(place, push) for push in friend_rooms.take(effect, books)]

    def asked(self, place: Place, wire: object) -> None:
        """The command of that entry came in by this connection: it is answered, and not told."""
        self._askers.setdefault(place, []).append(wire)

    def has_asked(self, place: Place, wire: object) -> bool:
        """Whether one of the commands of an entry came in by a connection."""
        return any(each is wire for each in self._askers.get(place, ()))

    def of(self, path: Path) -> Iterator[tuple[Place, Push]]:
        """All that was promised in one log."""
        return (each for each in self._promised if lies_on(path, each[0]))
