"""Rooms: what they are (`room`), which there are (`directory`), every way to change them (`book`), who may enter
(`admission`), what is due when (`deadlines`).
"""

from lobby_server.core.rooms.book import RoomBook
from lobby_server.core.rooms.deadlines import SPARE_DEADLINES
from lobby_server.core.rooms.room import HOST_PEER_ID, Departure, Entry, Expired, Forgotten, Member, Room

__all__ = [
    "HOST_PEER_ID", "SPARE_DEADLINES", "Departure", "Entry", "Expired", "Forgotten", "Member", "Room", "RoomBook",
]  # fmt: skip
