"""The users that players are: of tokens from a file, of tokens minted here, or of accounts that they create.

The number of a seat determines its user; no two seats share one.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
import uuid
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import jwt
import numpy as np

PASSWORD_BYTES = 12
MINTED_LIFE_S = 7 * 24 * 3600
"""The protocol contract's default, section 4."""
FIRST_MINTED_USER_ID = 1_000_000
"""Above the ids that a server assigns, so that a minted user is never an existing one."""


FIRST_LATE_NUMBER = 10_000_000
"""Of the players of a process that joined a running test; as many for the next one. No other has such a number."""


@dataclass(frozen=True, kw_only=True)
class Share:
    """This process's share of the players: every `processes`-th one from `process` on."""

    process: int = 0
    processes: int = 1
    late: int = 0
    """Above 0 for a process that joined a running test, and different for each: the others have shared all players
    already, so its players are others than any of theirs. At most 200, for names of accounts have an end."""

    def number(self, local: int) -> int:
        """The number, in the whole swarm, of this process's n-th player."""
        return self.late * FIRST_LATE_NUMBER + local if self.late else self.process + local * self.processes

    def is_ours(self, number: int) -> bool:
        """Of the numbers that were shared at the start."""
        return not self.late and number % self.processes == self.process


class NoTokenLeft(Exception):
    def __init__(self, tokens: int, *, is_late: bool) -> None:
        super().__init__(
            "A worker joined the running test, and the file has no tokens set apart for its players: start the test "
            "again with all workers, or give --jwt-secret."
            if is_late
            else f"All {tokens} tokens are in use: mint more, one for each player."
        )


class Tokens(Protocol):
    def user_ids(self, players: int) -> frozenset[int]:
        """Of the first so many players, as far as their tokens tell."""

    def token_of(self, number: int) -> str:
        """The token of the player with that number in the whole swarm. Raises `NoTokenLeft`."""


class DealtTokens:
    """The tokens of a file, in its order."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self._tokens = tuple(tokens)

    def __len__(self) -> int:
        return len(self._tokens)

    def token_of(self, number: int) -> str:
        if number >= len(self._tokens):
            raise NoTokenLeft(len(self._tokens), is_late=number >= FIRST_LATE_NUMBER)
        return self._tokens[number]

    def user_ids(self, players: int) -> frozenset[int]:
        found = set()
        for token in self._tokens[:players]:
            with contextlib.suppress(jwt.PyJWTError):  # of another server: it may be anything
                user_id = jwt.decode(token, options={"verify_signature": False}).get("userId")
                if isinstance(user_id, int):
                    found.add(user_id)
        return frozenset(found)


class MintedTokens:
    """Tokens signed here with the server's secret: HS256, with the claims of the protocol contract, section 4."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def user_ids(self, players: int) -> frozenset[int]:
        return frozenset(range(FIRST_MINTED_USER_ID, FIRST_MINTED_USER_ID + players))

    def token_of(self, number: int) -> str:
        now_s = int(time.time())
        claims = {
            "userId": FIRST_MINTED_USER_ID + number,
            "username": f"swarm_{number}",
            "iat": now_s,
            "exp": now_s + MINTED_LIFE_S,
            "jti": uuid.uuid4().hex,
        }
        with warnings.catch_warnings():  # that a secret is short is for its server to say
            warnings.simplefilter("ignore")
            return jwt.encode(claims, self._secret, algorithm="HS256")


@dataclass(frozen=True)
class Account:
    username: str
    password: str


def account(seed: int, number: int) -> Account:
    """The same for the same seed, so that a second run finds its accounts and logs in."""
    digest = hashlib.sha256(f"{seed}/{number}".encode()).hexdigest()
    run = hashlib.sha256(str(seed).encode()).hexdigest()[:6]
    short = str(number) if number < FIRST_LATE_NUMBER else "x" + np.base_repr(number, 36).lower()
    return Account(username=f"swarm_{run}_{short}", password=digest[: PASSWORD_BYTES * 2])
