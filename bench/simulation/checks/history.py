"""What happened to the lobby, in the order of the log: the one account with which all that was heard is compared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from bench.simulation.checks.branches import Branches, Place
from bench.simulation.checks.promises.ledger import Ledger
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

    place: Place
    """Of its entry."""
    sender_id: int
    heard_by: frozenset[int] | None
    deaf: frozenset[int] = frozenset()

    def is_for(self, user_id: int) -> bool:
        return user_id not in self.deaf if self.heard_by is None else user_id in self.heard_by


@dataclass
class _Course:
    """What is known of one epoch, as of its last entry."""

    online: set[int] = field(default_factory=set)
    texts: dict[str, float] = field(default_factory=dict)
    """Lines of chat that were told, and the entry of each."""
    told: int = 0
    """Of the lines of chat that were told, the one that was said last."""
    left: dict[tuple[str, int], float] = field(default_factory=dict)
    """Room and peer id of members who have left, and the entry in which they did."""


@dataclass
class History:
    """In the order in which entries were applied, each fact once, from the node that applied its entry first. Where
    there was more than one log, a fact belongs to that of its place."""

    branches: Branches = field(default_factory=Branches)
    promises: Ledger = field(default_factory=Ledger)
    presence: list[tuple[int, bool]] = field(default_factory=list)
    presence_places: list[Place] = field(default_factory=list)
    room_lines: list[tuple[str, Line]] = field(default_factory=list)
    """With their texts, which are all different."""
    chat: list[tuple[int, Line]] = field(default_factory=list)
    """With their ids."""
    announcements: list[tuple[int, Line]] = field(default_factory=list)
    """With their ids."""
    rooms_made: dict[str, list[Place]] = field(default_factory=dict)
    rooms_ended: dict[str, list[Place]] = field(default_factory=dict)
    signed_out: dict[str, list[Place]] = field(default_factory=dict)
    """By token."""
    forgotten: dict[int, list[Place]] = field(default_factory=dict)
    """By user, where it was decided that their account is deleted."""
    bans: dict[int, list[Place]] = field(default_factory=dict)
    """By user, where it was decided whether they may be here."""
    _courses: dict[str, _Course] = field(default_factory=dict)
    """By epoch."""
    _lines_said: int = 0
    _said: dict[tuple[str, int], int] = field(default_factory=dict)
    """By the node where it came in and its number there, as which one each line of chat was said."""

    def begin(self, epoch: str, online: Iterable[int]) -> None:
        """The first entry of an epoch is about to be applied by some node. `online`: users, as that node has them."""
        if epoch in self._courses:
            return
        previous, number = self.branches.parent_of(epoch)
        before = self._courses.get(previous)
        course = self._courses[epoch] = _Course(online=set(online))
        if before is not None:
            course.texts = {text: at for text, at in before.texts.items() if at <= number}
            course.left = {place: at for place, at in before.left.items() if at <= number}
            course.told = before.told if len(course.texts) == len(before.texts) else 0
        else:  # a new lobby: nobody is in a room, and what was told stays told
            course.texts = {text: 0 for each in self._courses.values() for text in each.texts}

    def take(self, effect: effects.Effect, place: Place, books: Books) -> Fault | None:
        """One effect of an entry, and the books after it. What is wrong with it; None: nothing. Who is to hear a line
        is reckoned anew here, beside the rules."""
        if isinstance(effect, (effects.CameOnline, effects.WentOffline)):
            return self._take_presence(effect.user.id, isinstance(effect, effects.CameOnline), place)
        if isinstance(effect, effects.SaidInRoom):
            room = books.rooms.room_of(effect.member.user.id)
            line = _line(place, effect.member.user.id, room.members if room else (), books)
            self.room_lines.append((effect.text, line))
        elif isinstance(effect, effects.LineToKeep):
            self._lines_said += 1
            self._said[effect.node, effect.line.ref] = self._lines_said
        elif isinstance(effect, effects.LineSaid):
            return self._take_line(effect.line, place, books)
        elif isinstance(effect, effects.Announced):
            self.announcements.append((effect.id, Line(place, 0, None)))
        elif isinstance(effect, effects.RoomCreated):
            self.rooms_made.setdefault(effect.room.id, []).append(place)
        elif isinstance(effect, (effects.RoomDeleted, effects.RoomExpired)):
            self.rooms_ended.setdefault(effect.room.id, []).append(place)
        elif isinstance(effect, effects.SignedOut):
            self.signed_out.setdefault(effect.token_id, []).append(place)
        elif isinstance(effect, effects.UserForgotten):
            self.forgotten.setdefault(effect.user_id, []).append(place)
        elif isinstance(effect, effects.RoomLeft):
            departure = effect.departure
            self._course(place).left[departure.room.id, departure.member.peer_id] = place[1]
        elif isinstance(effect, (effects.RoomJoined, effects.HostPlaceTaken)):
            return self._take_entry(effect.entry, place)
        elif isinstance(effect, effects.PartyEntered):
            return next(filter(None, (self._take_entry(entry, place) for entry in effect.entries)), None)
        return None

    # -- private ---------------------------------------------------------------------------------------------------

    def _course(self, place: Place) -> _Course:
        return self._courses.setdefault(place[0], _Course())

    def _take_presence(self, user_id: int, is_online: bool, place: Place) -> Fault | None:
        online = self._course(place).online
        self.presence.append((user_id, is_online))
        self.presence_places.append(place)
        if (user_id in online) == is_online:
            return TWICE, f"user {user_id} {'comes online' if is_online else 'goes offline'} a second time"
        (online.add if is_online else online.discard)(user_id)
        return None

    def _take_line(self, line: SaidLine, place: Place, books: Books) -> Fault | None:
        course, sender_id = self._course(place), line.sender.id
        if line.party_id is not None:
            party = books.parties.get(line.party_id)
            told = _line(place, sender_id, party.members if party else (), books)
        elif line.other_id is not None:
            is_there = not line.is_withheld and books.presence.has_socket(line.other_id)
            told = _line(place, sender_id, (sender_id, *([line.other_id] if is_there else [])), books)
        else:
            told = Line(place, sender_id, None, books.blocks.blockers_of(sender_id))
        self.chat.append((line.id, told))
        if line.text in course.texts:
            return TWICE, f"line {line.text!r} is told a second time"
        course.texts[line.text] = place[1]
        said = self._said.get((line.node, line.ref))
        if said is None:
            return IN_ORDER, f"line {line.text!r} is told, and nobody said it"
        if said < course.told:
            return IN_ORDER, f"line {line.text!r} was the {said}. that was said, and is told after the {course.told}."
        course.told = said
        return None

    def _take_entry(self, entry: Entry, place: Place) -> Fault | None:
        member = (entry.room.id, entry.member.peer_id)
        if entry.already_in or member not in self._course(place).left:
            return None
        user = entry.member.user.username
        return ONE_PLACE, f"{user} is peer {member[1]} of room {member[0]}, and so was one who has left"


def _line(place: Place, sender_id: int, concerned: Iterable[int], books: Books) -> Line:
    heard_by = frozenset(user_id for user_id in concerned if not books.blocks.blocks(user_id, sender_id))
    return Line(place, sender_id, heard_by)


FOLLOWED: tuple[type[effects.Effect], ...] = (
    effects.CameOnline, effects.WentOffline, effects.SaidInRoom, effects.LineToKeep, effects.LineSaid,
    effects.RoomCreated, effects.RoomDeleted, effects.RoomExpired, effects.RoomLeft, effects.RoomJoined,
    effects.HostPlaceTaken, effects.PartyEntered, effects.SignedOut, effects.UserForgotten,
    effects.Announced,
)  # fmt: skip
