"""A room as the rules know it, and as the store keeps it: without its members, who are gone after a restart."""

from __future__ import annotations

from lobby_server.core.presence import User
from lobby_server.core.rooms import Room
from lobby_server.service.ports import StoredRoom


def stored_room(room: Room) -> StoredRoom:
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
    )


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
