"""What users do with an account that they have: another password, its end; and the way back in for who has forgotten
the password, by a link that an administrator makes or that a mail brings (`lobby_server.service.accounts.mailing`).

A reset link works once: its token names the hash that is to be replaced, and the email address of that time. Another
password signs the user out everywhere else, because whoever knew the old one may be there.
"""

from __future__ import annotations

import hashlib

from lobby_server.core.refusal import Refusal, RefusalCode, TokenRefused
from lobby_server.protocol import resources
from lobby_server.protocol.authority import account_resources
from lobby_server.service.accounts.commands import Accounts
from lobby_server.service.accounts.forgetting import Forgetting
from lobby_server.service.accounts.hashing import Asker
from lobby_server.service.accounts.sign_ins import SignIns
from lobby_server.service.auth import Claims, Tokens, utc_from_unix
from lobby_server.service.ports import Account, Clock, Store
from lobby_server.service.replica import Replica
from lobby_server.service.social.whereabouts import Whereabouts

RESET_LINK_TTL_S = 24 * 3600
NOT_YOUR_PASSWORD = "This is not your password."


class AccountUpkeep:
    """For accounts of the local table. Where another service holds the account: ``account_not_here``."""

    def __init__(
        self,
        *,
        store: Store,
        accounts: Accounts,
        sign_ins: SignIns,
        tokens: Tokens,
        whereabouts: Whereabouts,
        forgetting: Forgetting,
        replica: Replica,
        clock: Clock,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._sign_ins = sign_ins
        self._tokens = tokens
        self._forgetting = forgetting
        self._whereabouts = whereabouts
        self._replica = replica
        self._clock = clock

    async def change_password(self, claims: Claims, *, current: str, new: str, asker: Asker) -> None:
        """Done already by a call whose answer was lost, it changes nothing. Raises as `proven`, and `Refusal`
        (``try_again_later``) when nothing is changed."""
        try:
            account = await self.proven(claims, current, asker)
            self._replica.check()
            if await self._accounts.set_password(account, new, asker, but=claims.sign_in_id) is None:
                raise _not_their_password()
        except Refusal as refusal:
            if refusal.code is not RefusalCode.INVALID_CREDENTIALS:
                raise
            now = await self.account(claims)
            was = self._accounts.before_doubt(now)
            is_done = (
                was is not None
                and await self._accounts.is_password(was, current, asker)
                and await self._accounts.has_become(now, new, asker)
            )
            self._tokens.check_holds(claims)
            if not is_done:
                raise

    async def reset_link(self, username: str) -> account_resources.ResetLink:
        """A token for `reset`. Raises `Refusal` (``user_not_found``), `StoreUnavailable`."""
        account = await self._store.account_by_login(username)
        if account is None or account.username.casefold() != username.casefold():
            raise Refusal(RefusalCode.USER_NOT_FOUND)
        ends_s = self._clock.utc_now().timestamp() + RESET_LINK_TTL_S
        token = self._tokens.issue_reset(account.id, fingerprint_of(account), expires_at_s=ends_s)
        return account_resources.ResetLink(
            username=account.username, token=token, expires_at=resources.iso_utc(utc_from_unix(ends_s))
        )

    async def reset(self, *, token: str, new: str, asker: Asker, client: str) -> resources.Session:
        """Another password by a link; its user is logged in here, and nowhere else. Done already by a call whose answer
        was lost, it is a login. Raises `Refusal` (``reset_link_invalid``), and as `Accounts.login`."""
        try:
            user_id, fingerprint = self._tokens.verify_reset(token)
        except TokenRefused:
            raise Refusal(RefusalCode.RESET_LINK_INVALID) from None
        account = await self._store.account(user_id)
        if account is not None and fingerprint_of(account) == fingerprint:
            self._replica.check()
            changed = await self._accounts.set_password(account, new, asker, by_link=True)
            if changed is not None:
                return await self._accounts.session_after(account, changed, client=client)
            account = await self._store.account(user_id)
        # By the same link, a moment earlier; or the owner has changed what the link names.
        before = None if account is None else self._accounts.before_doubt(account)
        if account is None or before is None or fingerprint_of(before) != fingerprint:
            raise Refusal(RefusalCode.RESET_LINK_INVALID)
        if not await self._accounts.has_become(account, new, asker):
            raise Refusal(RefusalCode.RESET_LINK_INVALID)
        return await self._accounts.session(account, client=client)

    async def overview(self, claims: Claims, *, sends_mail: bool) -> account_resources.AccountOverview:
        """The account as its settings show it; of an account elsewhere, what the token says. Raises
        `StoreUnavailable`."""
        account = await self._store.account(claims.user.id)
        is_here = account is not None and account.username == claims.user.username
        return account_resources.AccountOverview(
            user=await self._accounts.user(claims.user),
            is_here=is_here,
            email_confirmed=account is not None and is_here and account.email_confirmed,
            sends_mail=sends_mail,
            whereabouts=self._whereabouts.audience_of(claims.user),
        )

    async def delete(self, claims: Claims, *, password: str, asker: Asker) -> None:
        """The account and all that is kept of its user; friends hear that the friendship has ended, and every socket is
        closed. Of several calls at once one deletes it, and the others bring a token that is signed out.

        No token of the user holds from then on, for ever, whatever sign-in it is of; what is on its way goes as well
        (`lobby_server.service.accounts.forgetting`). Raises as `proven`, and `Refusal` (``try_again_later``) when not
        all nodes know of it yet.
        """
        user = (await self.proven(claims, password, asker)).user
        self._replica.check()
        if not await self._forgetting.delete(user):
            raise TokenRefused("The token was signed out.")

    async def proven(self, claims: Claims, password: str, asker: Asker) -> Account:
        """The account of a user who knows its password, when both hold yet after the wait for the hash. Raises
        `Refusal` (``invalid_credentials``), and as `account` and `Accounts.login`."""
        account = await self.account(claims)
        try:
            proven = await self._accounts.check_password(account, password, asker)
        except Refusal:
            await self.account(claims)
            raise _not_their_password() from None
        self._tokens.check_holds(claims)
        return proven

    async def account(self, claims: Claims) -> Account:
        """The caller's. Raises `Refusal` (``account_not_here``), `TokenRefused` when the token is signed out by now,
        `StoreUnavailable`."""
        account = await self._store.account(claims.user.id)
        if account is None or account.username != claims.user.username:
            await self._replica.caught_up()  # it may just have been deleted
            self._tokens.check_holds(claims)
            raise Refusal(RefusalCode.ACCOUNT_NOT_HERE)
        self._tokens.check_holds(claims)
        return account


def _not_their_password() -> Refusal:
    refusal = Refusal(RefusalCode.INVALID_CREDENTIALS)
    refusal.sentence = NOT_YOUR_PASSWORD
    return refusal


def fingerprint_of(account: Account) -> str:
    """Another one as soon as the password or the email address is another."""
    kept = account.password_hash if account.email is None else f"{account.password_hash}\n{account.email}"
    return hashlib.sha256(kept.encode()).hexdigest()[:32]
