"""Users of the lab and their tokens, minted here so that password hashing is not what is measured.

A token signed with the server's secret is accepted whoever issued it (protocol contract, section 4).
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass

import jwt

CLIENT_VERSION = "13020"
"""The game version in the specification's handshake."""

TOKEN_TTL_S = 7 * 24 * 3600

RECEIVERS_FROM = 100_000
HOSTS_FROM = 200_000
NEWCOMERS_FROM = 300_000
ADMINS_FROM = 400_000
"""First user ids of the four kinds, apart from each other and from what a registration would give."""


NEWCOMER = "newone"
"""What the names of newcomers start with; four digits follow."""


@dataclass(frozen=True)
class Player:
    """A user with a token. Names are ten characters, as long as the specification's example ``FriendName``."""

    user_id: int
    username: str
    token: str


def mint(secret: str, *, kind: str, first_id: int, index: int, role: str | None = None) -> Player:
    """The `index`-th user of a kind; `kind` is the six letters that its name starts with."""
    user_id, username = first_id + index, f"{kind}{index:04d}"
    now = int(time.time())
    claims = {
        "userId": user_id,
        "username": username,
        "iat": now,
        "exp": now + TOKEN_TTL_S,
        "jti": uuid.uuid4().hex,
    }
    if role is not None:
        claims["role"] = role
    return Player(user_id, username, jwt.encode(claims, secret, algorithm="HS256"))


def mint_receiver(secret: str, index: int) -> Player:
    return mint(secret, kind="player", first_id=RECEIVERS_FROM, index=index)


def mint_host(secret: str, index: int) -> Player:
    return mint(secret, kind="hoster", first_id=HOSTS_FROM, index=index)


def mint_admin(secret: str) -> Player:
    """One who may announce to everybody."""
    return mint(secret, kind="admin0", first_id=ADMINS_FROM, index=0, role="admin")


def mint_newcomer(secret: str, index: int) -> Player:
    return mint(secret, kind=NEWCOMER, first_id=NEWCOMERS_FROM, index=index)
