"""Who may enter a room, and whom its members may invite."""

from __future__ import annotations

from collections.abc import Mapping

from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.core.rooms.room import Room


def check_may_enter(room: Room | None, party: Mapping[User, str | None], *, led_by: User) -> Room:
    """The room that all of a party may enter together. `party`: the version of each.

    Where the leader may go, the others may. Raises `Refusal`: ``room_not_found``, ``banned``, ``already_started``,
    ``invitation_required``, ``version_mismatch``, ``room_full``.
    """
    if room is None:
        raise Refusal(RefusalCode.ROOM_NOT_FOUND)
    if any(user.id in room.banned_user_ids for user in party):
        raise Refusal(RefusalCode.BANNED)
    if room.players is not None and any(user.id not in room.players for user in party):
        raise Refusal(RefusalCode.ALREADY_STARTED)
    if not room.admits(led_by.id):
        raise Refusal(RefusalCode.INVITATION_REQUIRED)
    if room.version is not None and any(version != room.version for version in party.values()):
        raise Refusal(RefusalCode.VERSION_MISMATCH)
    newcomers = sum(user.id not in room.members for user in party)
    kept_for_them = room.host_until_s is not None and any(user.id == room.host.id for user in party)
    if newcomers and room.places_taken - kept_for_them + newcomers > room.max_players:
        raise Refusal(RefusalCode.ROOM_FULL)
    return room


def check_may_invite(room: Room | None, sender_id: int, guest_id: int) -> Room:
    """The room into which a member wants to invite a guest. Raises `Refusal`: ``room_not_found``, ``not_in_room``,
    ``invalid_target``, ``already_in_room``, ``banned``."""
    if room is None:
        raise Refusal(RefusalCode.ROOM_NOT_FOUND)
    if sender_id not in room.members:
        raise Refusal(RefusalCode.NOT_IN_ROOM)
    if guest_id == sender_id:
        raise Refusal(RefusalCode.INVALID_TARGET)
    if guest_id in room.members:
        raise Refusal(RefusalCode.ALREADY_IN_ROOM)
    if guest_id in room.banned_user_ids:
        raise Refusal(RefusalCode.BANNED)
    return room
