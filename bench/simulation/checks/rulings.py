"""What must follow from a command, reckoned beside the rules: the state is looked at before it and after it, once, on
the node that applies it first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from lobby_server.core.machine import commands, effects
from lobby_server.core.machine.books import Books
from lobby_server.core.machine.commands import Command
from lobby_server.core.machine.effects import Effect
from lobby_server.core.room_codes import code_of
from lobby_server.core.rooms import Entry, Room

HOST_DECIDES = "only the host decides"
LEADER_DECIDES = "only the leader of a party decides"
SENDER_LEFT = "an invitation ends with the membership of its sender"
PLACE_KEPT = "a host's place is kept"
GOODBYE = "who says goodbye is offline"
OVER = "an invitation that is over lets nobody in"
CODES = "codes let in who may come"
PUT_OUT = "who is put out hears of it"
AT_HOSTS_WILL = (
    commands.ChangeRoom, commands.HandOverRoom, commands.UnbanFromRoom, commands.StartRoom, commands.ReopenRoom,
    commands.DeleteRoom,
)  # fmt: skip
DECIDED: dict[type[Command], tuple[type[Effect], ...]] = {
    commands.ChangeRoom: (effects.RoomChanged,), commands.HandOverRoom: (effects.HostReplaced,),
    commands.UnbanFromRoom: (effects.Unbanned,), commands.StartRoom: (effects.RoomStarted,),
    commands.ReopenRoom: (effects.RoomReopened,), commands.DeleteRoom: (effects.RoomDeleted,),
    commands.KickFromRoom: (effects.Kicked,),
}  # fmt: skip
"""By what each is seen to have happened."""
LED: dict[type[Command], type[Effect]] = {
    commands.KickFromParty: effects.PartyLeft, commands.HandOverParty: effects.PartyLed,
    commands.EnterRoomWithParty: effects.PartyEntered, commands.WithdrawPartyInvite: effects.PartyInvitesClosed,
}  # fmt: skip
"""The same, of what the leader of a party decides; an invitation may be taken back by whoever has sent it, too."""
LOSSES = (commands.NodeLost, commands.NodeDown, commands.ExpirePresence)
"""By which users go offline whom nobody has signed out, and who have not said goodbye."""
Ruling = tuple[str, str]
"""An invariant, and how it is violated."""


class Rulings:
    """Of one run."""

    def __init__(self, *, grace_s: float) -> None:
        self._grace_s = grace_s
        self._had_socket = False
        """The user whom the command is about, before it."""
        self._host_id: int | None = None
        """Of the room that the command is about, before it."""
        self._may: tuple[int, ...] = ()
        """The leader of the party that the command is about, before it, and whoever else may do that."""
        self._lost: set[int] = set()
        """Users whose last socket went with its node, and who have not come back."""
        self._kept_for: dict[str, tuple[int, float]] = {}
        """By room that a new lobby took up from the database: its host, and how long their place is kept."""
        self._unheard: dict[int, tuple[str, float]] = {}
        """Users who were put out of a room while none of their sockets was there: what they are to hear, for as long as
        the grace period of presence lasts."""
        self._banned_from: dict[tuple[int, str], bool] = {}
        """By user and code, whether they were banned from its room as they used it the last time."""
        self._code: tuple[Room, bool] | None = None
        """The room that a code leads to, and whether its user is banned from it."""

    def begin(self, books: Books, *, is_new: bool) -> None:
        """An epoch begins, with these books. `is_new`: a new lobby, whose rooms wait empty for somebody to come."""
        self._lost.clear()
        self._unheard.clear()
        self._kept_for = {}
        if is_new:
            ends = ((room, room.empty_until_s) for room in books.rooms.all())
            self._kept_for = {room.id: (room.host.id, until_s) for room, until_s in ends if until_s is not None}

    # -- before, with, and after a command ---------------------------------------------------------------------------

    def before(self, command: Command, books: Books) -> None:
        kind = type(command)
        if kind in _BEFORE:
            _BEFORE[kind](self, command, books)

    def heard(self, effect: Effect, command: Command, books: Books, *, now_s: float) -> Iterator[Ruling]:
        kind = type(effect)
        if kind in DECIDED.get(type(command), ()) and command.user.id != self._host_id:  # type: ignore[attr-defined]
            yield HOST_DECIDES, f"{command.user.username} is not the host, and {kind.__name__}"  # type: ignore[attr-defined]
        if LED.get(type(command)) is kind and command.user.id not in self._may:  # type: ignore[attr-defined]
            yield LEADER_DECIDES, f"{command.user.username} does not lead, and {kind.__name__}"  # type: ignore[attr-defined]
        if kind is effects.RoomLeft:
            departure = effect.departure  # type: ignore[attr-defined]
            user = departure.member.user
            room_id = departure.room.id
            standing = [each for each in books.matches.all() if (each.sender_id, each.room_id) == (user.id, room_id)]
            if standing:
                guest_ids = [each.guest_id for each in standing]
                yield SENDER_LEFT, f"{user.username} has left room {room_id}, and invites users {guest_ids} into it"
            if departure.new_host is not None and user.id in self._lost and isinstance(command, LOSSES):
                yield PLACE_KEPT, f"{user.username} was lost with a node, and {departure.new_host.user.username} leads"
        elif kind in _ENTRIES:
            for entry in _ENTRIES[kind](effect):
                yield from self._entered(entry, now_s)
        elif kind is effects.HostReplaced and isinstance(command, commands.ExpireRooms):
            yield from self._led(effect.room, now_s)  # type: ignore[attr-defined]
        elif kind is effects.Kicked:
            self._put_out(effect.departure.member.user.id, "kicked", books, now_s)  # type: ignore[attr-defined]
        elif kind is effects.RoomDeleted:
            for user_id in effect.room.members:  # type: ignore[attr-defined]
                self._put_out(user_id, "room_closed", books, now_s)
        elif kind is effects.WentOffline:
            self._unheard.pop(effect.user.id, None)  # type: ignore[attr-defined]

    def after(self, command: Command, books: Books) -> Iterator[Ruling]:
        if isinstance(command, LOSSES):
            self._lost = {user_id for user_id in self._lost if books.presence.is_online(user_id)}
        elif isinstance(command, commands.Depart):
            if self._had_socket and not command.abrupt:
                yield from _offline(command.user_id, books)
        elif isinstance(command, commands.SignOut):
            yield from _offline(command.user.id, books)
        elif isinstance(command, commands.ForgetUser):
            yield from _offline(command.user_id, books)
        elif isinstance(command, commands.EndMatchInvites):
            room, guest_id = books.rooms.get(command.room_id), command.guest_id
            if command.shuts_out and room is not None and guest_id not in room.members and room.admits(guest_id):
                yield OVER, f"user {guest_id} is let into room {room.id}, though nobody invites them any more"
        elif isinstance(command, commands.UseRoomCode) and self._code is not None:
            (room, is_banned), user = self._code, command.user
            if is_banned and user.id in room.invited_user_ids:
                yield CODES, f"{user.username} is banned from room {room.id}, and invited by its code"
            if not is_banned and not room.admits(user.id):
                yield CODES, f"{user.username} has used the code of room {room.id}, and is not let in"

    def to_be_told(self, user_id: int, *, now_s: float) -> str:
        """What a client with features has to hear that comes now; empty: nothing. Asked once."""
        how, until_s = self._unheard.pop(user_id, ("", 0.0))
        return how if now_s < until_s else ""

    def is_banned_from(self, user_id: int, code: str) -> bool:
        """Whether the last use of a code was by one who is banned from its room."""
        return self._banned_from.get((user_id, code), False)

    # -- private ---------------------------------------------------------------------------------------------------

    def _about_room(self, command: Any, books: Books) -> None:
        room = books.rooms.get(command.room_id)
        self._host_id = None if room is None else room.host.id

    def _about_own_room(self, command: Any, books: Books) -> None:
        room = books.rooms.room_of(command.user.id)
        self._host_id = None if room is None else room.host.id

    def _about_party(self, command: Any, books: Books) -> None:
        party = books.parties.get(command.party_id)
        self._may = () if party is None else (party.leader.id,)

    def _about_own_party(self, command: Any, books: Books) -> None:
        party = books.parties.party_of(command.user.id)
        self._may = () if party is None else (party.leader.id,)

    def _about_invitation(self, command: Any, books: Books) -> None:
        self._about_party(command, books)
        party = books.parties.get(command.party_id)
        invitation = None if party is None else party.invitations.get(command.guest_id)
        if invitation is not None:
            self._may = (*self._may, invitation.sender.id)

    def _lose(self, command: Any, books: Books) -> None:
        for user_id, sockets in books.presence.sockets():
            if all(node == command.node for node, *_ in sockets):
                self._lost.add(user_id)

    def _depart(self, command: Any, books: Books) -> None:
        self._had_socket = books.presence.has_socket(command.user_id)

    def _arrive(self, command: Any, books: Books) -> None:
        self._lost.discard(command.user.id)

    def _use_code(self, command: Any, books: Books) -> None:
        user_id = command.user.id
        room = next((each for each in books.rooms.all() if code_of(each.id) == command.code), None)
        is_banned = room is not None and user_id in room.banned_user_ids
        self._banned_from[user_id, command.code] = is_banned
        # One who was invited before they were banned is so still.
        is_known = room is None or (is_banned and user_id in room.invited_user_ids)
        self._code = None if room is None or is_known else (room, is_banned)

    def _put_out(self, user_id: int, how: str, books: Books, now_s: float) -> None:
        if books.presence.is_online(user_id) and not books.presence.has_socket(user_id):
            self._unheard[user_id] = (how, now_s + self._grace_s)

    def _entered(self, entry: Entry, now_s: float) -> Iterator[Ruling]:
        self._unheard.pop(entry.member.user.id, None)
        if self._kept_for.get(entry.room.id, (0, 0.0))[0] == entry.member.user.id:
            del self._kept_for[entry.room.id]  # they are back, and may leave again
        if entry.became_host:
            yield from self._led(entry.room, now_s)

    def _led(self, room: Room, now_s: float) -> Iterator[Ruling]:
        host_id, until_s = self._kept_for.get(room.id, (0, 0.0))
        if now_s < until_s and room.host.id != host_id:
            yield PLACE_KEPT, f"{room.host.username} leads room {room.id} {until_s - now_s:.1f} s too early"


def _offline(user_id: int, books: Books) -> Iterator[Ruling]:
    if books.presence.is_online(user_id) and not books.presence.has_socket(user_id):
        yield GOODBYE, f"user {user_id} has no socket, and is online"


_ENTRIES: dict[type[Effect], Callable[[Any], tuple[Entry, ...]]] = {
    effects.RoomJoined: lambda effect: (effect.entry,),
    effects.HostPlaceTaken: lambda effect: (effect.entry,),
    effects.PartyEntered: lambda effect: effect.entries,
}
_BEFORE: dict[type[Command], Callable[[Rulings, Any, Books], None]] = {
    **dict.fromkeys(AT_HOSTS_WILL, Rulings._about_room),
    commands.KickFromRoom: Rulings._about_own_room,
    commands.KickFromParty: Rulings._about_party,
    commands.HandOverParty: Rulings._about_party,
    commands.EnterRoomWithParty: Rulings._about_own_party,
    commands.WithdrawPartyInvite: Rulings._about_invitation,
    commands.NodeLost: Rulings._lose,
    commands.NodeDown: Rulings._lose,
    commands.Arrive: Rulings._arrive,
    commands.Depart: Rulings._depart,
    commands.UseRoomCode: Rulings._use_code,
}
RULED: tuple[type[Effect], ...] = (
    effects.RoomChanged, effects.HostReplaced, effects.Unbanned, effects.RoomStarted, effects.RoomReopened,
    effects.RoomDeleted, effects.Kicked, effects.RoomLeft, effects.WentOffline, effects.PartyLeft, effects.PartyLed,
    effects.PartyInvitesClosed, *_ENTRIES,
)  # fmt: skip
"""What is heard."""
