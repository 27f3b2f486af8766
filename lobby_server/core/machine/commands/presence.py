"""Sockets that come and go, tokens that are signed out, and users whose accounts are deleted."""

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


class RevokeTokens(Command, frozen=True):
    """What the store says of tokens and sign-ins that have ended: keys, and when each is forgotten. Moments are in Unix
    time."""

    tokens: tuple[tuple[str, float], ...]
    now_s: float


class ForgetUser(Command, frozen=True):
    """The store has forgotten a user, whose account is deleted. `mark`: of the name, as in `machine.deleted`."""

    user_id: int
    mark: str


class ExpirePresence(Command, frozen=True):
    """Some grace period is over, by the time of the log."""
