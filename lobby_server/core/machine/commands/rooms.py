"""Rooms, and invitations to them."""

from __future__ import annotations

from datetime import datetime

from lobby_server.core.machine.commands.base import Command
from lobby_server.core.presence import User
from lobby_server.core.room_hosting import RoomSettings
from lobby_server.core.rooms import Room


class CreateRoom(Command, frozen=True):
    """A room that the store has."""

    room: Room


class TakeHostPlace(Command, frozen=True):
    user: User
    version: str | None


class JoinRoom(Command, frozen=True):
    user: User
    room_id: str
    version: str
    only_from_none: bool = False


class LeaveRoom(Command, frozen=True):
    user: User


class SayInRoom(Command, frozen=True):
    user: User
    text: str


class KickFromRoom(Command, frozen=True):
    user: User
    peer_id: int


class DeleteRoom(Command, frozen=True):
    """The store has it no more."""

    user: User
    room_id: str


class ExpireRooms(Command, frozen=True):
    """Some deadline of a room is over, by the time of the log."""


class ChangeRoom(Command, frozen=True):
    """A host wants other settings."""

    user: User
    room_id: str
    settings: RoomSettings


class HandOverRoom(Command, frozen=True):
    user: User
    room_id: str
    peer_id: int


class UnbanFromRoom(Command, frozen=True):
    user: User
    room_id: str
    banned_id: int


class SetReady(Command, frozen=True):
    user: User
    room_id: str
    is_ready: bool


class StartRoom(Command, frozen=True):
    user: User
    room_id: str
    is_forced: bool


class ReopenRoom(Command, frozen=True):
    user: User
    room_id: str


class UseRoomCode(Command, frozen=True):
    user: User
    code: str


class InviteToRoom(Command, frozen=True):
    user: User
    guest: User
    room_id: str
    key: str
    at: datetime


class EndMatchInvites(Command, frozen=True):
    """Invitations of some senders to a guest are over. When no other one stands, what they had let in is shut out."""

    room_id: str
    guest_id: int
    sender_ids: tuple[int, ...]
    reason: str
