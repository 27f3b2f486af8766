"""What happened to the lobby, in the order of the log: the one account with which all that was heard is compared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from lobby_server.core.machine import effects
from lobby_server.core.machine.books import Books
from lobby_server.core.machine.commands import SaidLine


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
    _texts: set[str] = field(default_factory=set)

    def begin_anew(self, online: Iterable[int] = ()) -> None:
        """All nodes were gone, and Valkey's data with them: nobody is online, but those that are named."""
        self._online = set(online)

    def take(self, effect: effects.Effect, number: int, books: Books) -> str | None:
        """One effect of an entry, and the books after it. What is wrong with it; None: nothing. Who is to hear a line
        is reckoned anew here, beside the rules."""
        if isinstance(effect, (effects.CameOnline, effects.WentOffline)):
            return self._take_presence(effect.user.id, isinstance(effect, effects.CameOnline), number)
        if isinstance(effect, effects.SaidInRoom):
            room = books.rooms.room_of(effect.member.user.id)
            self.room_lines[effect.text] = _line(number, effect.member.user.id, room.members if room else (), books)
        elif isinstance(effect, effects.LineSaid):
            return self._take_line(effect.line, number, books)
        elif isinstance(effect, effects.RoomCreated):
            self.rooms_made.add(effect.room.id)
        elif isinstance(effect, (effects.RoomDeleted, effects.RoomExpired)):
            self.rooms_ended.add(effect.room.id)
        return None

    def _take_presence(self, user_id: int, is_online: bool, number: int) -> str | None:
        self.presence.append((user_id, is_online))
        self.presence_numbers.append(number)
        if (user_id in self._online) == is_online:
            return f"user {user_id} {'comes online' if is_online else 'goes offline'} a second time"
        (self._online.add if is_online else self._online.discard)(user_id)
        return None

    def _take_line(self, line: SaidLine, number: int, books: Books) -> str | None:
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
            return f"line {line.text!r} is told a second time"
        self._texts.add(line.text)
        return None


def _line(number: int, sender_id: int, concerned: Iterable[int], books: Books) -> Line:
    heard_by = frozenset(user_id for user_id in concerned if not books.blocks.blocks(user_id, sender_id))
    return Line(number, sender_id, heard_by)


FOLLOWED: tuple[type[effects.Effect], ...] = (
    effects.CameOnline, effects.WentOffline, effects.SaidInRoom, effects.LineSaid, effects.RoomCreated,
    effects.RoomDeleted, effects.RoomExpired,
)  # fmt: skip
