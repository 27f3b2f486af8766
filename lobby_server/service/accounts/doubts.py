"""Passwords of which nobody knows whether they were kept: the database was asked to, and its answer was lost.

Whoever changed theirs was told to try again, and may do so after the commit: then the password that they call their
current one is the one before. What is remembered here says so, on the node that was asked, for as long as people try
again. It is no way in: the one before and the new one have to be known, and the new one is the password.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

from lobby_server.service.ports import Account, Clock

KEPT_S = 3600.0
"""As long as a link holds that a mail brings, by which a password may have been changed."""
MOST = 1000
"""Each took a hash, so that is minutes of a core; the oldest go first."""


class PasswordsInDoubt:
    """One per server."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._before: OrderedDict[str, tuple[str, float]] = OrderedDict()
        """By new hash, of which there are no two: the one before, and until when it is remembered. The oldest first."""

    def __len__(self) -> int:
        return len(self._before)

    def note(self, account: Account, fresh: str) -> None:
        """A hash may have been kept in place of the one that an account had."""
        now_s = self._clock.monotonic_s()
        self._before[fresh] = account.password_hash, now_s + KEPT_S
        while len(self._before) > MOST or next(iter(self._before.values()))[1] <= now_s:
            self._before.popitem(last=False)

    def before(self, account: Account) -> Account | None:
        """An account as it was before it got the password that it has, if that was in doubt."""
        known, until_s = self._before.get(account.password_hash, ("", 0.0))
        return replace(account, password_hash=known) if self._clock.monotonic_s() < until_s else None
