"""Friendships and friend requests: what makes and ends them (`book`), and who is whose friend, of a great many
(`table`).
"""

from lobby_server.core.friends.book import MAX_FRIENDS, MAX_OPEN_REQUESTS, Friend, FriendBook, FriendRequest
from lobby_server.core.friends.table import Direction

__all__ = ["MAX_FRIENDS", "MAX_OPEN_REQUESTS", "Direction", "Friend", "FriendBook", "FriendRequest"]
