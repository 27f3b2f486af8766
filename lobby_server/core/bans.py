"""Bans of users from the whole lobby, by an administrator, with a reason and perhaps an end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone

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


def end_of_ban(until_s: float | None) -> str:
    """As sentences have it behind "banned": to the minute; nothing for a ban without an end."""
    return "" if until_s is None else f" until {datetime.fromtimestamp(until_s, timezone.utc):%Y-%m-%d %H:%M} UTC"


class UserBanned(TokenRefused):
    """Whatever token a banned user shows."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.code = RefusalCode.USER_BANNED
