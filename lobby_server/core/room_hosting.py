"""What the host of a room decides, and what its members have to say in that: settings, the host's place, bans,
readiness, and the start, which closes the room to newcomers.

Each function changes a room of a `RoomBook`, or raises `Refusal` and changes nothing. Who is in the room as it starts
may come back to it; nobody else enters until it is opened again.
"""

from __future__ import annotations

from dataclasses import dataclass

from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.core.rooms import Member, Room, RoomBook


@dataclass(frozen=True, kw_only=True)
class RoomSettings:
    """What a host wants to be otherwise; None: as it is. An empty name or map is none."""

    name: str | None = None
    gamemode: str | None = None
    map_name: str | None = None
    max_players: int | None = None
    is_public: bool | None = None


def check_host_of(book: RoomBook, user_id: int, room_id: str) -> Room:
    """The room that a user leads, whether they are in it or not. Raises ``room_not_found``, ``not_host``."""
    room = book.get(room_id)
    if room is None:
        raise Refusal(RefusalCode.ROOM_NOT_FOUND)
    if room.host.id != user_id:
        raise Refusal(RefusalCode.NOT_HOST)
    return room


def check_member_of(book: RoomBook, user_id: int, room_id: str) -> Room:
    """The room that a user is in. Raises ``room_not_found``, ``not_in_room``."""
    room = book.get(room_id)
    if room is None:
        raise Refusal(RefusalCode.ROOM_NOT_FOUND)
    if user_id not in room.members:
        raise Refusal(RefusalCode.NOT_IN_ROOM)
    return room


def change(book: RoomBook, user_id: int, room_id: str, wish: RoomSettings) -> tuple[Room, bool]:
    """Other settings; the room, and whether readers of the public list see the difference. Whoever was ready for
    another game or map has to say so again. Raises also ``too_few_places``."""
    room = check_host_of(book, user_id, room_id)
    if wish.max_players is not None and wish.max_players < room.places_taken:
        raise Refusal(RefusalCode.TOO_FEW_PLACES)
    was_listed, before = _as_listed(room), (room.gamemode, room.map_name)
    if wish.name is not None:
        room.name = wish.name or None
    if wish.gamemode is not None:
        room.gamemode = wish.gamemode
    if wish.map_name is not None:
        room.map_name = wish.map_name or None
    if wish.max_players is not None:
        room.max_players = wish.max_players
    if wish.is_public is not None:
        room.is_public = wish.is_public
    if not room.is_public:
        room.invited_user_ids.update(room.members)
    if before != (room.gamemode, room.map_name):
        room.ready_user_ids.clear()
    is_seen = _as_listed(room) != was_listed
    if is_seen:
        book.list_changed()
    return room, is_seen


def hand_over(book: RoomBook, user_id: int, room_id: str, peer_id: int) -> tuple[Room, Member]:
    """Another member leads; the room, and who that is. Raises also ``not_in_room``, ``invalid_target``."""
    room = check_host_of(book, user_id, room_id)
    check_member_of(book, user_id, room_id)
    target = room.member_by_peer(peer_id)
    if target is None or target.user.id == user_id:
        raise Refusal(RefusalCode.INVALID_TARGET)
    room.host = target.user
    if room.is_public:
        book.list_changed()
    return room, target


def unban(book: RoomBook, user_id: int, room_id: str, banned_id: int) -> Room:
    """A user who was kicked may come back. Raises also ``not_banned``."""
    room = check_host_of(book, user_id, room_id)
    if banned_id not in room.banned_user_ids:
        raise Refusal(RefusalCode.NOT_BANNED)
    room.banned_user_ids.discard(banned_id)
    return room


def set_ready(book: RoomBook, user_id: int, room_id: str, *, is_ready: bool) -> Room:
    """A member is ready, or not any more. Raises also ``already_started``."""
    room = check_member_of(book, user_id, room_id)
    if room.players is not None:
        raise Refusal(RefusalCode.ALREADY_STARTED)
    if is_ready:
        room.ready_user_ids.add(user_id)
    else:
        room.ready_user_ids.discard(user_id)
    return room


def start(book: RoomBook, user_id: int, room_id: str, *, is_forced: bool) -> Room:
    """The host starts: the members play, and the room is closed to newcomers. `is_forced`: though not everybody is
    ready. Raises also ``not_in_room``, ``already_started``, ``not_all_ready``."""
    room = check_host_of(book, user_id, room_id)
    check_member_of(book, user_id, room_id)
    if room.players is not None:
        raise Refusal(RefusalCode.ALREADY_STARTED)
    if not is_forced and not room.ready_user_ids >= room.members.keys() - {room.host.id}:
        raise Refusal(RefusalCode.NOT_ALL_READY)
    room.players = set(room.members)
    if room.is_public:
        book.list_changed()
    return room


def reopen(book: RoomBook, user_id: int, room_id: str) -> Room:
    """The game is over: newcomers may enter, and nobody is ready. Raises also ``not_started``."""
    room = check_host_of(book, user_id, room_id)
    if room.players is None:
        raise Refusal(RefusalCode.NOT_STARTED)
    room.players = None
    room.ready_user_ids.clear()
    if room.is_public:
        book.list_changed()
    return room


def use_code(book: RoomBook, user_id: int, code: str) -> tuple[Room, bool]:
    """The room that a code leads to, which lets its user in as an invitation would; and whether that is new. Raises
    ``room_not_found``, ``banned``."""
    room = book.by_code(code)
    if room is None:
        raise Refusal(RefusalCode.ROOM_NOT_FOUND)
    if user_id in room.banned_user_ids:
        raise Refusal(RefusalCode.BANNED)
    is_new = not room.admits(user_id)
    if is_new:
        room.invited_user_ids.add(user_id)
    return room, is_new


def _as_listed(room: Room) -> tuple[object, ...] | None:
    """What readers of the public list see of the settings; None: the room is not there."""
    return (room.name, room.gamemode, room.map_name, room.max_players) if room.is_public else None
