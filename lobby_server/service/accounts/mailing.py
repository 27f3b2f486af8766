"""The email address of an account, and the way back in by mail for a user who has forgotten the password.

An address counts once its owner has confirmed it by a link: only then is anything sent there that opens the account.
Whether an account exists, or has an address, is told to nobody who asks for a reset: the answer is the same, and comes
before anything is written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta

from lobby_server.core.refusal import Refusal, RefusalCode, TokenRefused
from lobby_server.protocol.requests import Language
from lobby_server.service.accounts.forgetting import Forgetting
from lobby_server.service.accounts.hashing import Asker
from lobby_server.service.accounts.letters import CONFIRMATION_TTL_S, MAILED_RESET_TTL_S
from lobby_server.service.accounts.upkeep import AccountUpkeep, fingerprint_of
from lobby_server.service.auth import Claims, Tokens
from lobby_server.service.limits import Limit
from lobby_server.service.mail.outbox import MailOutbox
from lobby_server.service.mail.ports import MailKind, WaitingMail
from lobby_server.service.ports import Account, Clock, EmailTaken, Store

_GOOD_FOR_S = {MailKind.RESET: MAILED_RESET_TTL_S, MailKind.CONFIRMATION: CONFIRMATION_TTL_S}
"""How long a player waits for a mail before they ask again."""


class AccountMailing:
    """For accounts of the local table."""

    def __init__(
        self,
        *,
        store: Store,
        upkeep: AccountUpkeep,
        tokens: Tokens,
        forgetting: Forgetting,
        outbox: MailOutbox,
        limit: Limit,
        clock: Clock,
        new_id: Callable[[], str],
    ) -> None:
        """`limit`: of mails, by account and by address. `new_id`: of a mail; another one each time, which nobody can
        guess."""
        self._store = store
        self._upkeep = upkeep
        self._tokens = tokens
        self._forgetting = forgetting
        self._outbox = outbox
        self._limit = limit
        self._clock = clock
        self._new_id = new_id

    @property
    def is_on(self) -> bool:
        return self._outbox.is_on

    async def ask_reset(self, login: str, *, language: Language) -> None:
        """Send a link to another password to the confirmed address of an account, if there is one. Raises `Refusal`
        (``mail_off``), `StoreUnavailable`."""
        self._check_on()
        account = await self._store.account_by_login(login)

        async def decide() -> WaitingMail | None:
            if account is None or account.email is None or not account.email_confirmed:
                return None
            return await self._mail(MailKind.RESET, account, to=account.email, language=language)

        self._outbox.ask(decide)

    async def ask_email(self, claims: Claims, *, email: str, password: str, language: Language, asker: Asker) -> None:
        """Send a link to an address that is to be the account's. Until it is followed the address stays what it was.
        Raises `Refusal` (``mail_off``, ``account_not_here``, ``invalid_credentials``), and as `Accounts.login`."""
        self._check_on()
        account = await self._upkeep.proven(claims, password, asker)

        self._outbox.ask(lambda: self._mail(MailKind.CONFIRMATION, account, to=email, language=language))

    async def remove_email(self, claims: Claims, *, password: str, asker: Asker) -> None:
        """The account has no address any more. Raises as `ask_email`, without ``mail_off``."""
        account = await self._upkeep.proven(claims, password, asker)
        await self._store.set_email(account.id, None)

    async def confirm(self, token: str) -> Account:
        """By the link of a mail; a second time changes nothing. Raises `Refusal` (``email_link_invalid``,
        ``email_taken``), `StoreUnavailable`."""
        try:
            user_id, email, fingerprint = self._tokens.verify_email(token)
        except TokenRefused:
            raise Refusal(RefusalCode.EMAIL_LINK_INVALID) from None
        while (account := await self._store.account(user_id)) is not None:
            if account.email_confirmed and account.email == email:
                return account
            if fingerprint_of(account) != fingerprint:
                break
            try:
                await self._store.set_email(account.id, email, known=account)  # or look again: it is another one by now
            except EmailTaken:
                raise Refusal(RefusalCode.EMAIL_TAKEN) from None
        raise Refusal(RefusalCode.EMAIL_LINK_INVALID)

    # -- private --------------------------------------------------------------------------------------------------

    def _check_on(self) -> None:
        if not self._outbox.is_on:
            raise Refusal(RefusalCode.MAIL_OFF)

    async def _mail(self, kind: MailKind, account: Account, *, to: str, language: Language) -> WaitingMail | None:
        """None: there were too many lately, or the account is deleted by now."""
        if not await self._may_write(account, to) or self._forgetting.is_deleted(account.user):
            return None
        return WaitingMail(
            id=self._new_id(),
            kind=kind,
            user_id=account.id,
            to=to,
            fingerprint=fingerprint_of(account),
            language=language,
            good_until=self._clock.utc_now() + timedelta(seconds=_GOOD_FOR_S[kind]),
        )

    async def _may_write(self, account: Account, email: str) -> bool:
        """Neither one account nor one address gets more mails than the limit, whoever asks for them. Nodes count in a
        place that others can read: no address stands there."""
        by_account = await self._limit.take(f"account {account.id}")
        recipient = hashlib.sha256(email.casefold().encode()).hexdigest()[:16]
        return not by_account and not await self._limit.take(f"to {recipient}")
