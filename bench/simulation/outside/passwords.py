"""Passwords without their price: a hash takes tens of milliseconds of a core on purpose, which is no business of a
simulation. Every account has the same one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from lobby_server.core.presence import User
from lobby_server.service.accounts.commands import Accounts
from lobby_server.service.ports import Account

PASSWORD = "the password of every player"
HASHES_S = 0.03
_Result = TypeVar("_Result")


class PlainPasswords:
    """`lobby_server.service.auth.Passwords`."""

    def hash(self, password: str) -> str:
        return password

    def matches(self, password_hash: str | None, password: str) -> bool:
        return password_hash == password

    def is_outdated(self, password_hash: str) -> bool:
        return False


class PatientQueue:
    """`lobby_server.service.accounts.hashing.HashingQueue`: a hash takes as long, and no computing."""

    async def run(self, call: Callable[[], _Result], asker: Any) -> _Result:
        await asyncio.sleep(HASHES_S)
        return call()


def put_in(accounts: Accounts) -> None:
    vars(accounts).update(_passwords=PlainPasswords(), _hashing=PatientQueue())


def account_of(user: User, *, created_at: datetime) -> Account:
    return Account(
        id=user.id, username=user.username, email=None, password_hash=PASSWORD, created_at=created_at
    )  # fmt: skip
