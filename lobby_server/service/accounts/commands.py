"""Commands about accounts: register, log in, verify, refresh, log out.

A password waits for its hash, in a queue that may be seconds long, and the account may have got another password, role
or end meanwhile. So whoever waited looks again, and a hash only ever replaces the one that was looked at.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from lobby_server.core.accounts import account_faults, normalized_password
from lobby_server.core.presence import User
from lobby_server.core.refusal import InvalidAccount, LooksTaken, Refusal, RefusalCode
from lobby_server.protocol import resources
from lobby_server.service.accounts.doubts import PasswordsInDoubt
from lobby_server.service.accounts.hashing import Asker, HashingQueue
from lobby_server.service.accounts.sign_ins import SignIns
from lobby_server.service.auth import Claims, Passwords
from lobby_server.service.ports import (
    Account,
    Clock,
    EmailTaken,
    Store,
    StoreUnavailable,
    UsernameLooksTaken,
    UsernameTaken,
)


class Accounts:
    """The accounts of this server. Passwords are hashed by `hashing`, never on the loop."""

    def __init__(
        self,
        *,
        store: Store,
        sign_ins: SignIns,
        passwords: Passwords,
        clock: Clock,
        hashing: HashingQueue,
    ) -> None:
        self._store = store
        self._sign_ins = sign_ins
        self._passwords = passwords
        self._clock = clock
        self._hashing = hashing
        self._in_doubt = PasswordsInDoubt(clock=clock)

    async def register(
        self, *, username: object, password: object, email: object, asker: Asker, client: str = ""
    ) -> resources.Session:
        """A new account, logged in. `client`: what the client calls itself. Raises `InvalidAccount`, `Refusal`
        (``username_taken``, ``email_taken``), `StoreUnavailable`, `Overloaded`, `CallerGone`."""
        faults = account_faults(username=username, password=password, email=email)
        if faults:
            raise InvalidAccount(faults)
        assert isinstance(username, str)
        assert isinstance(password, str)
        normalized = normalized_password(password)
        password_hash = await self._hashing.run(lambda: self._passwords.hash(normalized), asker)
        try:
            account = await self._store.add_account(
                username=username,
                email=email if isinstance(email, str) else None,
                password_hash=password_hash,
                created_at=self._clock.utc_now(),
            )
        except UsernameLooksTaken:
            raise LooksTaken from None
        except UsernameTaken:
            raise Refusal(RefusalCode.USERNAME_TAKEN) from None
        except EmailTaken:
            raise Refusal(RefusalCode.EMAIL_TAKEN) from None
        return await self.session(account, client=client)

    async def login(self, *, login: str, password: str, asker: Asker, client: str = "") -> resources.Session:
        """Raises `Refusal` (``invalid_credentials``), in the same time for an unknown user, `StoreUnavailable`,
        `Overloaded`, or `CallerGone`."""
        account = await self._store.account_by_login(login)
        return await self.session(await self.check_password(account, password, asker), client=client)

    async def check_password(self, account: Account | None, password: str, asker: Asker) -> Account:
        """The account as it is after the check, if that is its password then. Raises as `login`, in the same time for
        None."""
        while True:
            known_hash = account.password_hash if account is not None else None
            matches, fresh = await self._hashing.run(partial(self._check, known_hash, password), asker)
            if account is None or not matches:
                raise Refusal(RefusalCode.INVALID_CREDENTIALS)
            if fresh is not None:
                await self._store.replace_password_hash(account.id, account.password_hash, fresh)
            now = await self._store.account(account.id)
            if now is not None and now.password_hash in (known_hash, fresh):
                return now
            account = now  # it has got another password meanwhile, or is gone

    async def set_password(
        self, account: Account, password: str, asker: Asker, *, but: str | None = None, by_link: bool = False
    ) -> Account | None:
        """The account with another password; None: it has not the one any more that it had, or `by_link` not the email
        address that it had, and so the link holds no more. All sign-ins of its user end with the old password, but for
        one at most. Raises `StoreUnavailable`, when it may have it all the same (`has_become`); `Overloaded`, or
        `CallerGone`."""
        normalized = normalized_password(password)
        fresh = await self._hashing.run(lambda: self._passwords.hash(normalized), asker)
        with self._noted_if_unanswered(account, fresh):
            async with self._sign_ins.ending(account.user, but=but) as ends:
                is_replaced = False
                try:
                    is_replaced = await self._store.replace_password_hash(
                        account.id, account.password_hash, fresh, address_of=account if by_link else None, ends=ends
                    )
                except StoreUnavailable:  # the database may have it all the same: the answer was lost, not the commit
                    with contextlib.suppress(StoreUnavailable):
                        is_replaced = await self._has_hash(account, fresh)
                    if not is_replaced:
                        raise
        return replace(account, password_hash=fresh) if is_replaced else None

    def before_doubt(self, account: Account) -> Account | None:
        """An account as it was before it got the password that it has, by a call that may have been answered with
        `StoreUnavailable` here."""
        return self._in_doubt.before(account)

    async def has_become(self, account: Account, password: str, asker: Asker) -> bool:
        """Whether a password is that of an account which got it by such a call, also after the wait for the hash.

        Then the nodes have heard of the sign-ins that ended with the one before, as far as the log takes it: a commit
        that came late has told nobody. Raises `StoreUnavailable`, `Overloaded`, or `CallerGone`."""
        if not await self.is_password(account, password, asker):
            return False
        await self._sign_ins.tell_all()
        return await self._has_hash(account, account.password_hash)

    async def is_password(self, account: Account, password: str, asker: Asker) -> bool:
        """Of an account that was read already. Raises `Overloaded`, or `CallerGone`."""
        matches, _ = await self._hashing.run(partial(self._check, account.password_hash, password), asker)
        return matches

    async def user(self, user: User) -> resources.User:
        """The account of a token's user, or what the token says where another service holds the account."""
        account = await self._store.account(user.id)
        if account is None or account.username != user.username:
            return resources.User(id=user.id, username=user.username)
        return user_resource(account)

    async def refresh(self, claims: Claims) -> resources.FreshToken:
        """A fresh token of the same user, role and sign-in."""
        return resources.FreshToken(token=await self._sign_ins.renew(claims))

    async def session(self, account: Account, *, client: str) -> resources.Session:
        """A user is logged in. Raises as `SignIns.begin`."""
        token = await self._sign_ins.begin(account, client=client)
        return resources.Session(token=token, user=user_resource(account))

    async def session_after(self, before: Account, account: Account, *, client: str) -> resources.Session:
        """A user is logged in by the call that gave the account another password than it had before: as long as that
        call is not answered, the password is one in doubt. Raises as `SignIns.begin`."""
        with self._noted_if_unanswered(before, account.password_hash):
            return await self.session(account, client=client)

    async def set_role(self, username: str, role: str | None) -> Account:
        """Let a user be an administrator, or one like any other, from the next login on. The tokens that they have say
        what they were: `end_role` follows. Raises `Refusal` (``user_not_found``), `StoreUnavailable`."""
        account = await self._store.account_by_login(username)
        if account is None or account.username.casefold() != username.casefold():
            raise Refusal(RefusalCode.USER_NOT_FOUND)
        await self._store.set_role(account.id, role)
        return replace(account, role=role)

    async def end_role(self, account: Account) -> None:
        """No token says any more that a user is what they are not. Raises as `SignIns.end_all`."""
        if account.role is None:
            await self._sign_ins.end_all(account.user)

    @contextlib.contextmanager
    def _noted_if_unanswered(self, before: Account, fresh: str) -> Iterator[None]:
        """A hash may have been kept, or was, and whoever asked for it is told to try again, or nothing."""
        try:
            yield
        except (StoreUnavailable, asyncio.CancelledError):
            self._in_doubt.note(before, fresh)
            raise

    async def _has_hash(self, account: Account, password_hash: str) -> bool:
        """Whether the store says so by now. Raises `StoreUnavailable`."""
        now = await self._store.account(account.id)
        return now is not None and now.password_hash == password_hash

    def _check(self, known_hash: str | None, password: str) -> tuple[bool, str | None]:
        """Whether a password is the one that was hashed, and the hash to keep in place of an outdated one. On a thread.

        Accounts made before passwords were normalized have the hash of what was typed: that is tried as well.
        """
        normalized = normalized_password(password)
        for typed in dict.fromkeys((normalized, password)):
            if self._passwords.matches(known_hash, typed) and known_hash is not None:
                is_current = typed == normalized and not self._passwords.is_outdated(known_hash)
                return True, None if is_current else self._passwords.hash(normalized)
        return False, None


def user_resource(account: Account) -> resources.User:
    return resources.User(
        id=account.id,
        username=account.username,
        email=account.email,
        created_at=resources.iso_utc(account.created_at),
    )
