"""Who the players are: dealt tokens, or accounts that they make themselves. Every player is a user of its own."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

PASSWORD_BYTES = 12


@dataclass(frozen=True, kw_only=True)
class Share:
    """This process's part of the players: every `processes`-th one from `process` on."""

    process: int = 0
    processes: int = 1

    def number(self, local: int) -> int:
        """The number in the whole swarm of this process's n-th."""
        return self.process + local * self.processes


class NoTokenLeft(Exception):
    def __init__(self, tokens: int) -> None:
        super().__init__(f"All {tokens} tokens of this process are in use: mint more, one for each player.")


class TokenDealer:
    """Deals each token to one player at a time."""

    def __init__(self, tokens: Sequence[str], share: Share) -> None:
        self._ours = tuple(tokens[share.process :: share.processes])
        self._free = deque(self._ours)

    def take(self) -> str:
        """Raises `NoTokenLeft`."""
        if not self._free:
            raise NoTokenLeft(len(self._ours))
        return self._free.popleft()

    def give_back(self, token: str) -> None:
        self._free.append(token)


@dataclass(frozen=True)
class Account:
    username: str
    password: str


def account(seed: int, number: int) -> Account:
    """The same for the same seed: a second run with it finds its accounts made and logs in."""
    digest = hashlib.sha256(f"{seed}/{number}".encode()).hexdigest()
    run = hashlib.sha256(str(seed).encode()).hexdigest()[:6]
    return Account(username=f"swarm_{run}_{number}", password=digest[: PASSWORD_BYTES * 2])
