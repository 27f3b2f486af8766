"""Who the players are: users of tokens that were dealt or are minted here, or accounts that they make themselves.

A seat of the swarm is always the same user: its number says which. Two seats are never the same one.
"""

from __future__ import annotations

import hashlib
import time
import uuid
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import jwt

PASSWORD_BYTES = 12
MINTED_LIFE_S = 7 * 24 * 3600
"""The protocol contract's default, section 4."""
FIRST_MINTED_USER_ID = 1_000_000
"""Above what a server's own table has reached, so that minted users are nobody else."""


@dataclass(frozen=True, kw_only=True)
class Share:
    """This process's part of the players: every `processes`-th one from `process` on."""

    process: int = 0
    processes: int = 1

    def number(self, local: int) -> int:
        """The number in the whole swarm of this process's n-th."""
        return self.process + local * self.processes

    def is_ours(self, number: int) -> bool:
        return number % self.processes == self.process


class NoTokenLeft(Exception):
    def __init__(self, tokens: int) -> None:
        super().__init__(f"All {tokens} tokens are in use: mint more, one for each player.")


class Tokens(Protocol):
    def token_of(self, number: int) -> str:
        """Of the player with that number in the whole swarm. Raises `NoTokenLeft`."""


class DealtTokens:
    """Those of a file, in its order."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self._tokens = tuple(tokens)

    def token_of(self, number: int) -> str:
        if number >= len(self._tokens):
            raise NoTokenLeft(len(self._tokens))
        return self._tokens[number]


class MintedTokens:
    """Signed here, with the server's secret: HS256, with the claims of the protocol contract, section 4."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

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
    """The same for the same seed: a second run with it finds its accounts made and logs in."""
    digest = hashlib.sha256(f"{seed}/{number}".encode()).hexdigest()
    run = hashlib.sha256(str(seed).encode()).hexdigest()[:6]
    return Account(username=f"swarm_{run}_{number}", password=digest[: PASSWORD_BYTES * 2])
