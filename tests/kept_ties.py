"""What a store has between users, whole: for databases of the size that tests make."""

from __future__ import annotations

from lobby_server.core.friends import Friend
from lobby_server.core.presence import User
from lobby_server.service.social.ports import FriendStore, StoredFriendship, pages_of_friendships


async def stored_friendships(store: FriendStore) -> list[StoredFriendship]:
    """All directions, in no order."""
    return [
        StoredFriendship(user_id, Friend(User(friend_id, username), since))
        async for rows in pages_of_friendships(store)
        for user_id, friend_id, username, since in rows
    ]
