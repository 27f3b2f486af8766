"""Bans of users from the whole lobby, by an administrator, with a reason and perhaps an end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone

from lobby_server.core.presence import User
from lobby_server.core.refusal import RefusalCode, TokenRefused

PAST_BANS_S = 24 * 3600.0
"""A ban is kept for so long after its end, lest a clock that is wrong for a moment lets in who is kept out yet."""


@dataclass(frozen=True)
class UserBan:
    """Moments are in Unix time."""

    user: User
    reason: str
    until_s: float | None = None
    """None: until it is lifted."""

    def holds(self, now_s: float) -> bool:
        return self.until_s is None or self.until_s > now_s

    def is_past(self, now_s: float) -> bool:
        """Whether it has been over for so long that nothing of it is kept."""
        return not self.holds(now_s - PAST_BANS_S)


def end_of_ban(until_s: float | None) -> str:
    """As sentences have it behind "banned": to the minute; nothing for a ban without an end."""
    return "" if until_s is None else f" until {datetime.fromtimestamp(until_s, timezone.utc):%Y-%m-%d %H:%M} UTC"


class UserBanned(TokenRefused):
    """Whatever token a banned user shows."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.code = RefusalCode.USER_BANNED
