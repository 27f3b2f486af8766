"""Where a user is signed in: one sign-in per login, which all tokens share that were refreshed from its first one.

A sign-in that is ended takes all of its tokens along, and their sockets. Tokens of an outside account service belong to
no sign-in.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta

from lobby_server.core.machine import commands
from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, RefusalCode, TokenRefused
from lobby_server.protocol import resources
from lobby_server.protocol.authority import account_resources
from lobby_server.service.accounts.revocations import Revocations
from lobby_server.service.auth import Claims, Tokens, revocation_key, utc_from_unix
from lobby_server.service.ports import Account, Clock, EndsSignIn, SignIn, Store, StoreUnavailable
from lobby_server.service.replica import Replica
from lobby_server.service.writes.kept import ForgetSignIn
from lobby_server.service.writes.writer import StoreWriter

MAX_CLIENT_CHARACTERS = 200


class SignIns:
    """The sign-ins of all users."""

    def __init__(
        self,
        *,
        store: Store,
        tokens: Tokens,
        replica: Replica,
        revocations: Revocations,
        writer: StoreWriter,
        clock: Clock,
        new_id: Callable[[], str],
    ) -> None:
        """`new_id`: another one each time, which nobody can guess."""
        self._store = store
        self._tokens = tokens
        self._replica = replica
        self._revocations = revocations
        self._writer = writer
        self._clock = clock
        self._new_id = new_id

    async def begin(self, account: Account, *, client: str) -> str:
        """A user has logged in; the token. `client`: what their client calls itself.

        Another password or role ends the sign-ins that there are, and so does a ban. So this one is written first, and
        then the account is looked at again, as all nodes know it: either it is as it was, or the sign-in counts for
        nothing. Raises `Refusal` (``invalid_credentials``), `StoreUnavailable`, `UserBanned`.
        """
        self._tokens.check_not_banned(account.user)
        now = self._clock.utc_now()
        sign_in_id = self._new_id()
        await self._store.add_sign_in(
            SignIn(
                id=sign_in_id,
                user_id=account.id,
                client="".join(each for each in client if each.isprintable())[:MAX_CLIENT_CHARACTERS],
                created_at=now,
                used_at=now,
                expires_at=now + timedelta(seconds=self._tokens.ttl_s),
            )
        )
        try:
            await self._replica.caught_up()
            now_is = await self._store.account(account.id)
            if now_is is None or now_is.password_hash != account.password_hash:
                raise Refusal(RefusalCode.INVALID_CREDENTIALS)
            self._tokens.check_not_banned(account.user)
        except (Refusal, StoreUnavailable):
            try:
                await self._store.delete_sign_in(sign_in_id)
            except StoreUnavailable:
                self._writer.keep(ForgetSignIn(sign_in_id=sign_in_id))
            raise
        return self._tokens.issue(User(account.id, account.username), role=now_is.role, sign_in_id=sign_in_id)

    async def renew(self, claims: Claims) -> str:
        """A fresh token of the same sign-in, user and role. Raises `TokenRefused` when it was signed out meanwhile, or
        so far the store alone knows that it was."""
        if claims.sign_in_id is not None:
            now, key = self._clock.utc_now(), revocation_key(claims.sign_in_id)
            try:
                ends = now + timedelta(seconds=self._tokens.ttl_s)
                may = await self._store.renew_sign_in(claims.sign_in_id, used_at=now, expires_at=ends, key=key)
            except StoreUnavailable:
                may = True  # a token needs no database, and what is told late lasts for longer (`Revocations`)
            self._tokens.check_holds(claims)
            if not may:
                raise TokenRefused("The token was signed out.")
        return self._tokens.issue(claims.user, role=claims.role, sign_in_id=claims.sign_in_id)

    async def overview(self, claims: Claims) -> account_resources.SignInList:
        """Those of the caller, the one that was used last first. One that has ended may be in the store yet: the
        database did not say what became of a write, or the server ended before the last one. Raises
        `StoreUnavailable`."""
        kept, revoked = await self._store.sign_ins(claims.user.id, self._clock.utc_now()), self._replica.books.revoked
        found = [each for each in kept if revocation_key(each.id) not in revoked]
        return account_resources.SignInList(
            sign_ins=[
                account_resources.SignIn(
                    id=each.id,
                    client=each.client,
                    created_at=resources.iso_utc(each.created_at),
                    used_at=resources.iso_utc(each.used_at),
                    is_current=each.id == claims.sign_in_id,
                )
                for each in found
            ]
        )

    async def end(self, user: User, sign_in_id: str) -> None:
        """Of several calls at once, on whichever nodes, one ends it and the others find none. Raises `Refusal`
        (``sign_in_not_found``, ``try_again_later``), `StoreUnavailable`."""
        found = await self._store.sign_ins(user.id, self._clock.utc_now())
        ended = next((each for each in found if each.id == sign_in_id), None)
        if ended is None:
            raise Refusal(RefusalCode.SIGN_IN_NOT_FOUND)
        self._replica.check()
        if not await self._end(user, sign_in_id, ended.expires_at.timestamp()):
            raise Refusal(RefusalCode.SIGN_IN_NOT_FOUND)

    async def end_all(self, user: User, *, but: str | None = None) -> int:
        """All of a user, or all others; how many. Raises `StoreUnavailable`, and ``try_again_later`` when not all nodes
        know of it yet: the store says of each that it has ended, and the nodes hear of it without another try."""
        found = [each for each in await self._store.sign_ins(user.id, self._clock.utc_now()) if each.id != but]
        refusal: Refusal | None = None
        for each in found:
            try:
                await self._end(user, each.id, each.expires_at.timestamp())
            except Refusal as fault:
                refusal = fault
        if refusal is not None:
            raise refusal
        return len(found)

    @contextlib.asynccontextmanager
    async def ending(self, user: User, *, but: str | None) -> AsyncIterator[EndsSignIn]:
        """All of a user, or all others, end by a write of the store that is given this; then the nodes hear of it. What
        not all of them know yet they hear without another try, also of a write whose end is not known."""
        revoked: dict[str, float] = {}

        def ends(sign_in: SignIn) -> tuple[str, datetime] | None:
            known_s = sign_in.expires_at.timestamp()
            if sign_in.id == but or known_s <= self._clock.utc_now().timestamp():
                return None
            key = revocation_key(sign_in.id)
            revoked[key] = self._tokens.last_end_s(known_s)
            return key, utc_from_unix(revoked[key])

        with self._revocations.looking_if_unanswered():
            yield ends
            await self._tell(user, revoked)

    async def tell_all(self) -> None:
        """The nodes hear of all sign-ins that have ended in the store, also by a commit that nobody has answered. What
        not all of them know yet they hear without another try."""
        await self._revocations.look_now()

    async def log_out(self, claims: Claims) -> None:
        """A token holds no more, and no other one of its sign-in: its sockets are closed, and no grace period keeps
        its user online. Also while the log takes nothing: the store has it first. Raises `StoreUnavailable`, and
        ``try_again_later`` when not all nodes know of it yet; they will, without another try."""
        user, sign_in_id = claims.user, claims.sign_in_id
        revoked: dict[str, float] = {}  # the sign-in first: if that alone is kept, nothing of it holds
        if sign_in_id is not None:
            found = await self._store.sign_ins(user.id, self._clock.utc_now())
            known_s = [each.expires_at.timestamp() for each in found if each.id == sign_in_id]
            revoked[revocation_key(sign_in_id)] = self._tokens.last_end_s(max(claims.expires_at_s, *known_s, 0.0))
        revoked[claims.token_id] = claims.expires_at_s
        await self._revoke(user, revoked, sign_in_id)

    async def _end(self, user: User, sign_in_id: str, known_s: float) -> bool:
        """`known_s`: when a token of the sign-in ends. Whether no other call had ended it."""
        return await self._revoke(user, {revocation_key(sign_in_id): self._tokens.last_end_s(known_s)}, sign_in_id)

    async def _revoke(self, user: User, revoked: dict[str, float], sign_in_id: str | None) -> bool:
        """All is stored before any of it is told: after a fault of the store the token holds, and can try again, until
        it is known to be stored. Whether the sign-in was there until now."""
        with self._revocations.looking_if_unanswered():
            for key, ends_s in revoked.items():
                await self._store.revoke_token(key, utc_from_unix(ends_s))
            refusal = await self._tell(user, revoked)
        was_there = sign_in_id is not None and await self._forget(sign_in_id)
        if refusal is not None:
            raise refusal
        return was_there

    async def _forget(self, sign_in_id: str) -> bool:
        """A sign-in that has ended is in the store no more; while the database is away, as soon as it is back: it holds
        nowhere, so nobody has to try again. Whether it was there until now, as far as that is known."""
        try:
            return await self._store.delete_sign_in(sign_in_id)
        except StoreUnavailable:
            self._writer.keep(ForgetSignIn(sign_in_id=sign_in_id))
            return True

    async def _tell(self, user: User, revoked: dict[str, float]) -> Refusal | None:
        """Each, also after one that the log does not take; that refusal."""
        refusal: Refusal | None = None
        now_s = self._clock.utc_now().timestamp()
        for key, ends_s in revoked.items():
            try:
                await self._revocations.tell(commands.SignOut(user, key, ends_s, now_s))
            except Refusal as fault:
                refusal = fault
        return refusal
