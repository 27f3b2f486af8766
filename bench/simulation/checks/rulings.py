"""What must follow from a command, reckoned beside the rules: the state is looked at before it and after it, once, on
the node that applies it first.
"""

from __future__ import annotations

from collections.abc import Iterator

from bench.simulation.checks.by_kind import ByKind
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
    commands.DeleteRoom, commands.KickFromRoom,
)  # fmt: skip
AT_LEADERS_WILL = (
    commands.KickFromParty, commands.HandOverParty, commands.EnterRoomWithParty, commands.WithdrawPartyInvite,
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
_OfRoom = (
    commands.ChangeRoom
    | commands.HandOverRoom
    | commands.UnbanFromRoom
    | commands.StartRoom
    | commands.ReopenRoom
    | commands.DeleteRoom
)
_OfParty = commands.KickFromParty | commands.HandOverParty | commands.WithdrawPartyInvite


class Rulings:
    """Of one run."""

    def __init__(self, *, grace_s: float) -> None:
        self._grace_s = grace_s
        self.had_socket = False
        """The user whom the command is about, before it."""
        self.host_id: int | None = None
        """Of the room that the command is about, before it."""
        self.may: tuple[int, ...] = ()
        """The leader of the party that the command is about, before it, and whoever else may do that."""
        self.lost: set[int] = set()
        """Users whose last socket went with its node, and who have not come back."""
        self._kept_for: dict[str, tuple[int, float]] = {}
        """By room that a new lobby took up from the database: its host, and how long their place is kept."""
        self.unheard: dict[int, tuple[str, float]] = {}
        """Users who were put out of a room while none of their sockets was there: what they are to hear, for as long as
        the grace period of presence lasts."""
        self.banned_from: dict[tuple[int, str], bool] = {}
        """By user and code, whether they were banned from its room as they used it the last time."""
        self.ends_invites = False
        """Whether the command ends all invitations of a guest into a room, and one of them lets the guest in."""
        self.code: tuple[Room, bool] | None = None
        """The room that a code leads to, and whether its user is banned from it."""

    def begin(self, books: Books, *, is_new: bool) -> None:
        """An epoch begins, with these books. `is_new`: a new lobby, whose rooms wait empty for somebody to come."""
        self.lost.clear()
        self.unheard.clear()
        self._kept_for = {}
        if is_new:
            ends = ((room, room.empty_until_s) for room in books.rooms.all())
            self._kept_for = {room.id: (room.host.id, until_s) for room, until_s in ends if until_s is not None}

    # -- before, with, and after a command ---------------------------------------------------------------------------

    def before(self, command: Command, books: Books) -> None:
        note = _BEFORE.of(command)
        if note is not None:
            note(command, self, books)

    def heard(self, effect: Effect, command: Command, books: Books, *, now_s: float) -> Iterator[Ruling]:
        kind = type(effect)
        if isinstance(command, AT_HOSTS_WILL) and kind in DECIDED[type(command)] and command.user.id != self.host_id:
            yield HOST_DECIDES, f"{command.user.username} is not the host, and {kind.__name__}"
        if isinstance(command, AT_LEADERS_WILL) and kind is LED[type(command)] and command.user.id not in self.may:
            yield LEADER_DECIDES, f"{command.user.username} does not lead, and {kind.__name__}"
        rule = _HEARD.of(effect)
        if rule is not None:
            yield from rule(effect, self, command, books, now_s)

    def after(self, command: Command, books: Books) -> Iterator[Ruling]:
        if isinstance(command, LOSSES):
            self.lost = {user_id for user_id in self.lost if books.presence.is_online(user_id)}
        elif isinstance(command, commands.Depart):
            if self.had_socket and not command.abrupt:
                yield from _offline(command.user_id, books)
        elif isinstance(command, commands.SignOut):
            yield from _offline(command.user.id, books)
        elif isinstance(command, commands.ForgetUser):
            yield from _offline(command.user_id, books)
        elif isinstance(command, commands.EndMatchInvites) and self.ends_invites:
            room, guest_id = books.rooms.get(command.room_id), command.guest_id
            if room is not None and guest_id not in room.members and guest_id in room.invited_user_ids:
                yield OVER, f"user {guest_id} is let into room {room.id}, though nobody invites them any more"
        elif isinstance(command, commands.UseRoomCode) and self.code is not None:
            (room, is_banned), user = self.code, command.user
            if is_banned and user.id in room.invited_user_ids:
                yield CODES, f"{user.username} is banned from room {room.id}, and invited by its code"
            if not is_banned and not room.admits(user.id):
                yield CODES, f"{user.username} has used the code of room {room.id}, and is not let in"

    def to_be_told(self, user_id: int, *, now_s: float) -> str:
        """What a client with features has to hear that comes now; empty: nothing. Asked once."""
        how, until_s = self.unheard.pop(user_id, ("", 0.0))
        return how if now_s < until_s else ""

    def is_banned_from(self, user_id: int, code: str) -> bool:
        """Whether the last use of a code was by one who is banned from its room."""
        return self.banned_from.get((user_id, code), False)

    # -- for the tables below --------------------------------------------------------------------------------------

    def put_out(self, user_id: int, how: str, books: Books, now_s: float) -> None:
        """A user is not in their room any more: a socket of theirs that comes back is to hear how that came."""
        if books.presence.is_online(user_id) and not books.presence.has_socket(user_id):
            self.unheard[user_id] = (how, now_s + self._grace_s)

    def entered(self, entry: Entry, now_s: float) -> Iterator[Ruling]:
        """A user is in a room."""
        self.unheard.pop(entry.member.user.id, None)
        if self._kept_for.get(entry.room.id, (0, 0.0))[0] == entry.member.user.id:
            del self._kept_for[entry.room.id]  # they are back, and may leave again
        if entry.became_host:
            yield from self.led(entry.room, now_s)

    def led(self, room: Room, now_s: float) -> Iterator[Ruling]:
        """A room has its host from now on."""
        host_id, until_s = self._kept_for.get(room.id, (0, 0.0))
        if now_s < until_s and room.host.id != host_id:
            yield PLACE_KEPT, f"{room.host.username} leads room {room.id} {until_s - now_s:.1f} s too early"


def _offline(user_id: int, books: Books) -> Iterator[Ruling]:
    if books.presence.is_online(user_id) and not books.presence.has_socket(user_id):
        yield GOODBYE, f"user {user_id} has no socket, and is online"


# -- before a command --------------------------------------------------------------------------------------------------

_BEFORE: ByKind[[Rulings, Books], None] = ByKind()


def _about_room(command: _OfRoom, rulings: Rulings, books: Books) -> None:
    room = books.rooms.get(command.room_id)
    rulings.host_id = None if room is None else room.host.id


_BEFORE.on(commands.ChangeRoom)(_about_room)
_BEFORE.on(commands.HandOverRoom)(_about_room)
_BEFORE.on(commands.UnbanFromRoom)(_about_room)
_BEFORE.on(commands.StartRoom)(_about_room)
_BEFORE.on(commands.ReopenRoom)(_about_room)
_BEFORE.on(commands.DeleteRoom)(_about_room)


@_BEFORE.on(commands.KickFromRoom)
def _about_own_room(command: commands.KickFromRoom, rulings: Rulings, books: Books) -> None:
    room = books.rooms.room_of(command.user.id)
    rulings.host_id = None if room is None else room.host.id


def _about_party(command: _OfParty, rulings: Rulings, books: Books) -> None:
    party = books.parties.get(command.party_id)
    rulings.may = () if party is None else (party.leader.id,)


_BEFORE.on(commands.KickFromParty)(_about_party)
_BEFORE.on(commands.HandOverParty)(_about_party)


@_BEFORE.on(commands.EnterRoomWithParty)
def _about_own_party(command: commands.EnterRoomWithParty, rulings: Rulings, books: Books) -> None:
    party = books.parties.party_of(command.user.id)
    rulings.may = () if party is None else (party.leader.id,)


@_BEFORE.on(commands.WithdrawPartyInvite)
def _about_invitation(command: commands.WithdrawPartyInvite, rulings: Rulings, books: Books) -> None:
    _about_party(command, rulings, books)
    party = books.parties.get(command.party_id)
    invitation = None if party is None else party.invitations.get(command.guest_id)
    if invitation is not None:
        rulings.may = (*rulings.may, invitation.sender.id)


@_BEFORE.on(commands.EndMatchInvites)
def _about_invites(command: commands.EndMatchInvites, rulings: Rulings, books: Books) -> None:
    of_guest = [each for each in books.matches.of_guest(command.guest_id) if each.room_id == command.room_id]
    rulings.ends_invites = any(each.lets_in for each in of_guest) and all(
        each.sender_id in command.sender_ids for each in of_guest
    )


def _lose(command: commands.NodeLost | commands.NodeDown, rulings: Rulings, books: Books) -> None:
    for user_id, sockets in books.presence.sockets():
        if all(node == command.node for node, *_ in sockets):
            rulings.lost.add(user_id)


_BEFORE.on(commands.NodeLost)(_lose)
_BEFORE.on(commands.NodeDown)(_lose)


@_BEFORE.on(commands.Depart)
def _depart(command: commands.Depart, rulings: Rulings, books: Books) -> None:
    rulings.had_socket = books.presence.has_socket(command.user_id)


@_BEFORE.on(commands.Arrive)
def _arrive(command: commands.Arrive, rulings: Rulings, books: Books) -> None:
    rulings.lost.discard(command.user.id)


@_BEFORE.on(commands.UseRoomCode)
def _use_code(command: commands.UseRoomCode, rulings: Rulings, books: Books) -> None:
    user_id = command.user.id
    room = next((each for each in books.rooms.all() if code_of(each.id) == command.code), None)
    is_banned = room is not None and user_id in room.banned_user_ids
    rulings.banned_from[user_id, command.code] = is_banned
    # One who was invited before they were banned is so still.
    is_known = room is None or (is_banned and user_id in room.invited_user_ids)
    rulings.code = None if room is None or is_known else (room, is_banned)


# -- with a command ----------------------------------------------------------------------------------------------------

_HEARD: ByKind[[Rulings, Command, Books, float], Iterator[Ruling]] = ByKind()


@_HEARD.on(effects.RoomLeft)
def _left(effect: effects.RoomLeft, rulings: Rulings, command: Command, books: Books, now_s: float) -> Iterator[Ruling]:
    departure = effect.departure
    user, room_id = departure.member.user, departure.room.id
    keeps_place = departure.room.host.id == user.id and departure.room.host_until_s is not None
    standing = [each for each in books.matches.all() if (each.sender_id, each.room_id) == (user.id, room_id)]
    if standing and not keeps_place:
        guest_ids = [each.guest_id for each in standing]
        yield SENDER_LEFT, f"{user.username} has left room {room_id}, and invites users {guest_ids} into it"
    if departure.new_host is not None and user.id in rulings.lost and isinstance(command, LOSSES):
        yield PLACE_KEPT, f"{user.username} was lost with a node, and {departure.new_host.user.username} leads"


def _entered(
    effect: effects.RoomJoined | effects.HostPlaceTaken, rulings: Rulings, command: Command, books: Books, now_s: float
) -> Iterator[Ruling]:
    yield from rulings.entered(effect.entry, now_s)


_HEARD.on(effects.RoomJoined)(_entered)
_HEARD.on(effects.HostPlaceTaken)(_entered)


@_HEARD.on(effects.PartyEntered)
def _party_entered(
    effect: effects.PartyEntered, rulings: Rulings, command: Command, books: Books, now_s: float
) -> Iterator[Ruling]:
    for entry in effect.entries:
        yield from rulings.entered(entry, now_s)


@_HEARD.on(effects.HostReplaced)
def _host_replaced(
    effect: effects.HostReplaced, rulings: Rulings, command: Command, books: Books, now_s: float
) -> Iterator[Ruling]:
    if isinstance(command, commands.ExpireRooms):
        yield from rulings.led(effect.room, now_s)


@_HEARD.on(effects.Kicked)
def _kicked(effect: effects.Kicked, rulings: Rulings, command: Command, books: Books, now_s: float) -> Iterator[Ruling]:
    rulings.put_out(effect.departure.member.user.id, "kicked", books, now_s)
    yield from ()


@_HEARD.on(effects.RoomDeleted)
def _deleted(
    effect: effects.RoomDeleted, rulings: Rulings, command: Command, books: Books, now_s: float
) -> Iterator[Ruling]:
    for user_id in effect.room.members:
        rulings.put_out(user_id, "room_closed", books, now_s)
    yield from ()


@_HEARD.on(effects.WentOffline)
def _went_offline(
    effect: effects.WentOffline, rulings: Rulings, command: Command, books: Books, now_s: float
) -> Iterator[Ruling]:
    rulings.unheard.pop(effect.user.id, None)
    yield from ()


RULED: tuple[type[Effect], ...] = tuple(
    dict.fromkeys((*_HEARD.kinds, *(kind for kinds in DECIDED.values() for kind in kinds), *LED.values()))
)
"""What is heard."""
