"""What happened to the lobby, in the order of the log: the one account with which all that was heard is compared."""

from __future__ import annotations

from dataclasses import dataclass, field

from lobby_server.core.machine import effects


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

    def take(self, effect: effects.Effect, number: int) -> None:
        """One effect of an entry."""
        if isinstance(effect, (effects.CameOnline, effects.WentOffline)):
            self.presence.append((effect.user.id, isinstance(effect, effects.CameOnline)))
            self.presence_numbers.append(number)
        elif isinstance(effect, effects.SaidInRoom):
            said = Line(number, effect.member.user.id, frozenset(effect.heard_by))
            self.room_lines[effect.text] = said
        elif isinstance(effect, effects.LineSaid):
            heard_by = None
            if effect.heard_by is not None:
                others = [effect.line.other_id] if effect.is_for_other else []
                heard_by = frozenset([*effect.heard_by, *others])  # type: ignore[list-item]
            self.chat[effect.line.id] = Line(number, effect.line.sender.id, heard_by, effect.deaf)
        elif isinstance(effect, effects.RoomCreated):
            self.rooms_made.add(effect.room.id)
        elif isinstance(effect, (effects.RoomDeleted, effects.RoomExpired)):
            self.rooms_ended.add(effect.room.id)


FOLLOWED: tuple[type[effects.Effect], ...] = (
    effects.CameOnline, effects.WentOffline, effects.SaidInRoom, effects.LineSaid, effects.RoomCreated,
    effects.RoomDeleted, effects.RoomExpired,
)  # fmt: skip
