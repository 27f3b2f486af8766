"""Commands about accounts: register, log in, verify, refresh, log out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

from lobby_server.core.accounts import account_faults
from lobby_server.core.presence import User
from lobby_server.core.refusal import InvalidAccount, Refusal, RefusalCode
from lobby_server.protocol import resources
from lobby_server.service.auth import Claims, Passwords, Tokens, utc_from_unix
from lobby_server.service.ports import Account, Clock, EmailTaken, Store, UsernameTaken

_Result = TypeVar("_Result")


class Accounts:
    """The accounts of this server. Passwords are hashed on `executor`, never on the loop."""

    def __init__(self, *, store: Store, tokens: Tokens, passwords: Passwords, clock: Clock, executor: Executor) -> None:
        self._store = store
        self._tokens = tokens
        self._passwords = passwords
        self._clock = clock
        self._executor = executor

    async def register(self, *, username: object, password: object, email: object) -> resources.Session:
        """A new account, logged in. Raises `InvalidAccount`, `Refusal` (``username_taken``, ``email_taken``),
        `StoreUnavailable`."""
        faults = account_faults(username=username, password=password, email=email)
        if faults:
            raise InvalidAccount(faults)
        assert isinstance(username, str)
        assert isinstance(password, str)
        password_hash = await self._off_the_loop(lambda: self._passwords.hash(password))
        try:
            account = await self._store.add_account(
                username=username,
                email=email if isinstance(email, str) else None,
                password_hash=password_hash,
                created_at=self._clock.utc_now(),
            )
        except UsernameTaken:
            raise Refusal(RefusalCode.USERNAME_TAKEN) from None
        except EmailTaken:
            raise Refusal(RefusalCode.EMAIL_TAKEN) from None
        return self._session(account)

    async def login(self, *, login: str, password: str) -> resources.Session:
        """Raises `Refusal` (``invalid_credentials``), in the same time for an unknown user, or `StoreUnavailable`."""
        account = await self._store.account_by_login(login)
        known_hash = account.password_hash if account is not None else None
        matches = await self._off_the_loop(lambda: self._passwords.matches(known_hash, password))
        if account is None or not matches:
            raise Refusal(RefusalCode.INVALID_CREDENTIALS)
        if self._passwords.is_outdated(account.password_hash):
            fresh = await self._off_the_loop(lambda: self._passwords.hash(password))
            await self._store.set_password_hash(account.id, fresh)
        return self._session(account)

    async def user(self, user: User) -> resources.User:
        """The account of a token's user, or what the token says where another service holds the account."""
        account = await self._store.account(user.id)
        if account is None or account.username != user.username:
            return resources.User(id=user.id, username=user.username)
        return _user_resource(account)

    def refresh(self, claims: Claims) -> resources.FreshToken:
        """A fresh token of the same user and role."""
        return resources.FreshToken(token=self._tokens.issue(claims.user, role=claims.role))

    async def revoke(self, claims: Claims) -> None:
        """Sign a token out, for good: it stays so over a restart."""
        await self._store.revoke_token(claims.token_id, utc_from_unix(claims.expires_at_s))
        self._tokens.revoke(claims.token_id, claims.expires_at_s)

    async def load_revoked(self) -> None:
        """Know again what was revoked in an earlier life of the server."""
        for token_id, expires_at in (await self._store.revoked_tokens(self._clock.utc_now())).items():
            self._tokens.revoke(token_id, expires_at.timestamp())

    def _session(self, account: Account) -> resources.Session:
        token = self._tokens.issue(User(account.id, account.username))
        return resources.Session(token=token, user=_user_resource(account))

    async def _off_the_loop(self, call: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._executor, call)


def _user_resource(account: Account) -> resources.User:
    return resources.User(
        id=account.id,
        username=account.username,
        email=account.email,
        created_at=resources.iso_utc(account.created_at),
    )
