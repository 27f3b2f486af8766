"""Bans of users from the whole lobby, by an administrator, with a reason and perhaps an end."""

from __future__ import annotations

from dataclasses import dataclass

from lobby_server.core.presence import User
from lobby_server.core.refusal import RefusalCode, TokenRefused


@dataclass(frozen=True)
class UserBan:
    """Moments are in Unix time."""

    user: User
    reason: str
    until_s: float | None = None
    """None: until it is lifted."""

    def holds(self, now_s: float) -> bool:
        return self.until_s is None or self.until_s > now_s


class UserBanned(TokenRefused):
    """Whatever token a banned user shows."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.code = RefusalCode.USER_BANNED
