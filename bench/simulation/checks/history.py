"""What happened to the lobby, in the order of the log: the one account with which all that was heard is compared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from lobby_server.core.machine import effects
from lobby_server.core.machine.books import Books
from lobby_server.core.machine.commands import SaidLine
from lobby_server.core.rooms import Entry

TWICE = "nothing is told twice"
IN_ORDER = "lines are told in the order in which they were said"
ONE_PLACE = "a place in a room is one member's"
Fault = tuple[str, str]
"""An invariant, and how it is violated."""


@dataclass(frozen=True)
class Line:
    """A line of chat, or what was said in a room. `heard_by`: None: the lobby's, which all hear but `deaf`."""

    number: int
    """Of its entry."""
    sender_id: int
    heard_by: frozenset[int] | None
    deaf: frozenset[int] = frozenset()

    def is_for(self, user_id: int) -> bool:
        return user_id not in self.deaf if self.heard_by is None else user_id in self.heard_by


@dataclass
class History:
    """In the order of the log; each fact once, from the node that applied its entry first."""

    presence: list[tuple[int, bool]] = field(default_factory=list)
    presence_numbers: list[int] = field(default_factory=list)
    room_lines: dict[str, Line] = field(default_factory=dict)
    """By their texts, which are all different."""
    chat: dict[int, Line] = field(default_factory=dict)
    """By id."""
    rooms_made: set[str] = field(default_factory=set)
    rooms_ended: set[str] = field(default_factory=set)
    _online: set[int] = field(default_factory=set)
    _texts: dict[str, int] = field(default_factory=dict)
    """Lines of chat that were told, and the entry of each."""
    _lines_said: int = 0
    _said: dict[tuple[str, int], int] = field(default_factory=dict)
    """By the node where it came in and its number there, as which one each line of chat was said."""
    _told: int = 0
    """Of the lines of chat that were told, the one that was said last."""
    _left: dict[tuple[str, int], int] = field(default_factory=dict)
    """Room and peer id of members who have left, and the entry in which they did."""

    def begin_anew(self) -> None:
        """All nodes were gone, and Valkey's data with them: nobody is online or in a room."""
        self._online.clear()
        self._left.clear()
        self._texts = dict.fromkeys(self._texts, 0)

    def fork(self, number: int, online: Iterable[int]) -> None:
        """From an entry on the log is another one. `online`: users, as of the entry before."""
        self._online = set(online)
        self._texts = {text: told for text, told in self._texts.items() if told < number}
        self._left = {place: left for place, left in self._left.items() if left < number}
        self._told = 0

    def take(self, effect: effects.Effect, number: int, books: Books) -> Fault | None:
        """One effect of an entry, and the books after it. What is wrong with it; None: nothing. Who is to hear a line
        is reckoned anew here, beside the rules."""
        if isinstance(effect, (effects.CameOnline, effects.WentOffline)):
            return self._take_presence(effect.user.id, isinstance(effect, effects.CameOnline), number)
        if isinstance(effect, effects.SaidInRoom):
            room = books.rooms.room_of(effect.member.user.id)
            self.room_lines[effect.text] = _line(number, effect.member.user.id, room.members if room else (), books)
        elif isinstance(effect, effects.LineToKeep):
            self._lines_said += 1
            self._said[effect.node, effect.line.ref] = self._lines_said
        elif isinstance(effect, effects.LineSaid):
            return self._take_line(effect.line, number, books)
        elif isinstance(effect, effects.RoomCreated):
            self.rooms_made.add(effect.room.id)
        elif isinstance(effect, (effects.RoomDeleted, effects.RoomExpired)):
            self.rooms_ended.add(effect.room.id)
        elif isinstance(effect, effects.RoomLeft):
            self._left[effect.departure.room.id, effect.departure.member.peer_id] = number
        elif isinstance(effect, (effects.RoomJoined, effects.HostPlaceTaken)):
            return self._take_entry(effect.entry)
        elif isinstance(effect, effects.PartyEntered):
            return next(filter(None, map(self._take_entry, effect.entries)), None)
        return None

    def _take_presence(self, user_id: int, is_online: bool, number: int) -> Fault | None:
        self.presence.append((user_id, is_online))
        self.presence_numbers.append(number)
        if (user_id in self._online) == is_online:
            return TWICE, f"user {user_id} {'comes online' if is_online else 'goes offline'} a second time"
        (self._online.add if is_online else self._online.discard)(user_id)
        return None

    def _take_line(self, line: SaidLine, number: int, books: Books) -> Fault | None:
        sender_id = line.sender.id
        if line.party_id is not None:
            party = books.parties.get(line.party_id)
            self.chat[line.id] = _line(number, sender_id, party.members if party else (), books)
        elif line.other_id is not None:
            is_there = not line.is_withheld and books.presence.has_socket(line.other_id)
            self.chat[line.id] = _line(number, sender_id, (sender_id, *([line.other_id] if is_there else [])), books)
        else:
            self.chat[line.id] = Line(number, sender_id, None, books.blocks.blockers_of(sender_id))
        if line.text in self._texts:
            return TWICE, f"line {line.text!r} is told a second time"
        self._texts[line.text] = number
        said = self._said.get((line.node, line.ref))
        if said is None:
            return IN_ORDER, f"line {line.text!r} is told, and nobody said it"
        if said < self._told:
            return IN_ORDER, f"line {line.text!r} was the {said}. that was said, and is told after the {self._told}."
        self._told = said
        return None

    def _take_entry(self, entry: Entry) -> Fault | None:
        place = (entry.room.id, entry.member.peer_id)
        if entry.already_in or place not in self._left:
            return None
        user = entry.member.user.username
        return ONE_PLACE, f"{user} is peer {place[1]} of room {place[0]}, and so was one who has left"


def _line(number: int, sender_id: int, concerned: Iterable[int], books: Books) -> Line:
    heard_by = frozenset(user_id for user_id in concerned if not books.blocks.blocks(user_id, sender_id))
    return Line(number, sender_id, heard_by)


FOLLOWED: tuple[type[effects.Effect], ...] = (
    effects.CameOnline, effects.WentOffline, effects.SaidInRoom, effects.LineToKeep, effects.LineSaid,
    effects.RoomCreated, effects.RoomDeleted, effects.RoomExpired, effects.RoomLeft, effects.RoomJoined,
    effects.HostPlaceTaken, effects.PartyEntered,
)  # fmt: skip
