"""Parties, and invitations to them."""

from __future__ import annotations

from datetime import datetime

from lobby_server.core.machine.commands.base import Command
from lobby_server.core.presence import User


class CreateParty(Command, frozen=True):
    user: User
    party_id: str


class InviteToParty(Command, frozen=True):
    user: User
    guest: User
    party_id: str
    key: str
    at: datetime


class JoinParty(Command, frozen=True):
    user: User
    party_id: str


class DeclineParty(Command, frozen=True):
    user: User
    party_id: str


class WithdrawPartyInvite(Command, frozen=True):
    user: User
    party_id: str
    guest_id: int


class LeaveParty(Command, frozen=True):
    user: User
    party_id: str


class KickFromParty(Command, frozen=True):
    user: User
    party_id: str
    member_id: int


class HandOverParty(Command, frozen=True):
    user: User
    party_id: str
    member_id: int


class EnterRoomWithParty(Command, frozen=True):
    user: User
    room_id: str


class ExpireParties(Command, frozen=True):
    """Some deadline of a party is over, by the time of the log."""
