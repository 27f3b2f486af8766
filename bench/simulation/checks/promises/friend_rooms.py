"""What users are promised to hear of the rooms in which their friends are: a state, which is told where it changes, and
may be told again where it does not. A room that is not public is nobody's business, nor is that of a user who hides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bench.simulation.checks.by_kind import ByKind
from bench.simulation.checks.promises.push import Due, Push, to
from lobby_server.core.machine import effects
from lobby_server.core.machine.books import Books
from lobby_server.core.machine.effects import Effect
from lobby_server.protocol.features import Feature
from lobby_server.protocol.social_messages import FriendRoom

MOVES: ByKind[[], Iterable[int]] = ByKind()
"""Of whom an effect may change where they are seen."""
MOVES.on(effects.RoomCreated)(lambda effect: [effect.room.host.id])
MOVES.on(effects.HostPlaceTaken)(lambda effect: [effect.entry.member.user.id])
MOVES.on(effects.RoomJoined)(lambda effect: [effect.entry.member.user.id])
MOVES.on(effects.PartyEntered)(lambda effect: [entry.member.user.id for entry in effect.entries])
MOVES.on(effects.RoomLeft)(lambda effect: [effect.departure.member.user.id])
MOVES.on(effects.RoomDeleted)(lambda effect: list(effect.room.members))
MOVES.on(effects.RoomExpired)(lambda effect: list(effect.room.members))
MOVES.on(effects.RoomChanged)(lambda effect: list(effect.room.members))
MOVES.on(effects.Befriended)(lambda effect: [effect.asker.id, effect.user.id])
MOVES.on(effects.WhereaboutsSet)(lambda effect: [effect.user_id])


class FriendRooms:
    """Of one log, from some place on."""

    def __init__(self, books: Books) -> None:
        """`books`: as they are there."""
        self._seen = {
            user_id: room.id for room in books.rooms.all() if room.is_public for user_id in room.members
            if books.whereabouts.get(user_id) != "nobody"
        }  # fmt: skip
        """By user, where friends see them; those that nobody sees are not in it."""

    def take(self, effect: Effect, books: Books) -> Iterator[Push]:
        """What follows from an effect. `books`: after it."""
        moved = MOVES.of(effect)
        for user_id in () if moved is None else moved(effect):
            room_id, was = _seen(books, user_id), self._seen.pop(user_id, None)
            if room_id is not None:
                self._seen[user_id] = room_id
            event, friends = FriendRoom(user_id=user_id, room_id=room_id), books.friends.friend_ids(user_id)
            newcomer = _newcomer(effect, user_id)
            if room_id != was:
                yield from to(friends, event, ears=Feature.FRIEND_ROOMS)
            else:
                yield from to(set(friends) - newcomer, event, ears=Feature.FRIEND_ROOMS, due=Due.NONE)
                yield from to(newcomer, event, ears=Feature.FRIEND_ROOMS)


def _seen(books: Books, user_id: int) -> str | None:
    room = books.rooms.room_of(user_id)
    is_shown = room is not None and room.is_public and books.whereabouts.get(user_id) != "nobody"
    return room.id if room is not None and is_shown else None


def _newcomer(effect: Effect, user_id: int) -> set[int]:
    """Who is a friend of a user from now on, and knows nothing of them yet."""
    if not isinstance(effect, effects.Befriended):
        return set()
    return {effect.asker.id, effect.user.id} - {user_id}
