"""A room as the rules know it, and as the store keeps it: without its members, who are gone after a restart."""

from __future__ import annotations

from collections.abc import Iterable

from lobby_server.core.invitations import MatchInvitation
from lobby_server.core.presence import User
from lobby_server.core.rooms import Room
from lobby_server.service.ports import StoredInvitation, StoredRoom


def stored_room(room: Room, invitations: Iterable[MatchInvitation] = ()) -> StoredRoom:
    """`invitations`: those into it that stand, the oldest first."""
    return StoredRoom(
        id=room.id,
        host_user_id=room.host.id,
        host_username=room.host.username,
        gamemode=room.gamemode,
        map_name=room.map_name,
        max_players=room.max_players,
        is_public=room.is_public,
        version=room.version,
        created_at=room.created_at,
        banned_user_ids=frozenset(room.banned_user_ids),
        invited_user_ids=frozenset(room.invited_user_ids),
        name=room.name,
        player_ids=None if room.players is None else frozenset(room.players),
        invitations=stored_invitations(invitations),
    )


def stored_invitations(invitations: Iterable[MatchInvitation]) -> tuple[StoredInvitation, ...]:
    return tuple(StoredInvitation(each.sender_id, each.guest_id, each.lets_in) for each in invitations)


def invitations_of(stored: StoredRoom) -> list[MatchInvitation]:
    return [MatchInvitation(stored.id, each.sender_id, each.guest_id, each.lets_in) for each in stored.invitations]


def room_of(stored: StoredRoom) -> Room:
    return Room(
        id=stored.id,
        host=User(stored.host_user_id, stored.host_username),
        gamemode=stored.gamemode,
        map_name=stored.map_name,
        max_players=stored.max_players,
        is_public=stored.is_public,
        version=stored.version,
        created_at=stored.created_at,
        banned_user_ids=set(stored.banned_user_ids),
        invited_user_ids=set(stored.invited_user_ids),
        name=stored.name,
        players=None if stored.player_ids is None else set(stored.player_ids),
    )
