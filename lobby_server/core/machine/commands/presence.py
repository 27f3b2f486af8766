"""Sockets that come and go, and tokens that are signed out."""

from __future__ import annotations

from lobby_server.core.machine.commands.base import Command
from lobby_server.core.presence import User


class Arrive(Command, frozen=True):
    """A socket of a user was accepted by the node that says so. `socket`: its number there."""

    user: User
    socket: int
    version: str | None = None


class Depart(Command, frozen=True):
    """A socket that had arrived is gone."""

    user_id: int
    socket: int
    abrupt: bool


class SignOut(Command, frozen=True):
    """A token was revoked. Moments are in Unix time."""

    user: User
    token_id: str
    expires_at_s: float
    now_s: float


class ExpirePresence(Command, frozen=True):
    """Some grace period is over, by the time of the log."""
