"""A room and who is in it, as values; and what became of those who came and went. `lobby_server.core.rooms.book`
changes them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from lobby_server.core.presence import User

HOST_PEER_ID = 1
"""Of the creator, who is the first member and the first host."""


@dataclass(frozen=True)
class Member:
    """A user in a room."""

    user: User
    peer_id: int


@dataclass(kw_only=True)
class Room:
    """One room. Changed by `RoomBook` only."""

    id: str
    host: User
    """The member who leads; in a room without members, the one who did last."""
    gamemode: str
    map_name: str | None
    max_players: int
    is_public: bool
    version: str | None
    created_at: datetime
    members: dict[int, Member] = field(default_factory=dict)
    """By user id, the one longest in the room first."""
    banned_user_ids: set[int] = field(default_factory=set)
    invited_user_ids: set[int] = field(default_factory=set)
    """Whom a private room lets in, besides its host; those who were in it are among them."""
    name: str | None = None
    """One of its own, that the host gave it."""
    players: set[int] | None = None
    """Once it has started, those who were in it then, and may come back; None: it is open to newcomers."""
    ready_user_ids: set[int] = field(default_factory=set)
    """Members who are ready to start."""
    next_peer_id: int = HOST_PEER_ID
    empty_until_s: float | None = None
    """When the room is deleted unless a user enters; None while it has members."""
    creator_until_s: float | None = None
    """When the creator's membership ends unless a socket of theirs is accepted."""
    host_until_s: float | None = None
    """Until when the place of the host, who is away, is kept for them."""
    absent_until_s: float | None = None
    """After a restart of the server: until when those who were members before it may come back as such, so that whom
    they invited is invited still."""

    @property
    def deadlines_s(self) -> tuple[float, ...]:
        """Those that hold."""
        every = (self.creator_until_s, self.empty_until_s, self.host_until_s, self.absent_until_s)
        return tuple(until_s for until_s in every if until_s is not None)

    @property
    def is_full(self) -> bool:
        return self.places_taken >= self.max_players

    @property
    def places_taken(self) -> int:
        """Those of the members, and the one that is kept for the host."""
        return len(self.members) + (self.host_until_s is not None)

    def admits(self, user_id: int) -> bool:
        """Whether that user needs no invitation (any more)."""
        return self.is_public or user_id == self.host.id or user_id in self.invited_user_ids

    def member_by_peer(self, peer_id: int) -> Member | None:
        return next((member for member in self.members.values() if member.peer_id == peer_id), None)


@dataclass(frozen=True)
class Departure:
    """A member left a room. `new_host` is set when the host went and a member took over."""

    room: Room
    member: Member
    new_host: Member | None


@dataclass(frozen=True)
class Entry:
    """A user entered a room. `left` is the room they were in before; `already_in`: nothing changed."""

    room: Room
    member: Member
    left: Departure | None = None
    already_in: bool = False
    became_host: bool = False
    came_back: bool = False
    """They lead: the host's place was kept for them."""


@dataclass(frozen=True)
class Expired:
    """What `RoomBook.expire` did: rooms deleted, creators who never came, rooms in which no host or member who is away
    is waited for any more, and those of them that another member leads now, as the host did not come back."""

    deleted: list[Room]
    departures: list[Departure]
    given_up: list[Room]
    handed_over: list[Room]


@dataclass(frozen=True)
class Forgotten:
    """What `RoomBook.forget` did: rooms deleted, rooms whose host the user was and which another member leads now, and
    games that had started with the user."""

    deleted: list[Room]
    handed_over: list[Room]
    changed: list[Room]
