"""The mails of accounts, written as they are sent: the link of each is made then, so that it works for as long as the
mail says, however long the mail server was away.
"""

from __future__ import annotations

from lobby_server.service.accounts.upkeep import fingerprint_of
from lobby_server.service.auth import Tokens
from lobby_server.service.mail.letters import confirmation_letter, reset_letter
from lobby_server.service.mail.ports import Mail, MailKind, WaitingMail
from lobby_server.service.ports import Clock, Store

MAILED_RESET_TTL_S = 3600
CONFIRMATION_TTL_S = 24 * 3600


class AccountLetters:
    """`lobby_server.service.mail.outbox.Write`."""

    def __init__(self, *, store: Store, tokens: Tokens, clock: Clock, page_url: str) -> None:
        """`page_url`: of the lobby page; links in mails begin with it, and not with what a client calls the host."""
        self._store = store
        self._tokens = tokens
        self._clock = clock
        self._page_url = page_url

    async def write(self, mail: WaitingMail) -> Mail | None:
        """None when the account is gone, or has another password or address since the mail was asked for. Raises
        `StoreUnavailable`."""
        account = await self._store.account(mail.user_id)
        if account is None or fingerprint_of(account) != mail.fingerprint:
            return None
        if mail.kind is MailKind.RESET:
            token = self._tokens.issue_reset(account.id, mail.fingerprint, expires_at_s=self._in_s(MAILED_RESET_TTL_S))
            compose, link = reset_letter, f"{self._page_url}/#reset={token}"
        else:
            ends_s = self._in_s(CONFIRMATION_TTL_S)
            token = self._tokens.issue_email(account.id, mail.to, mail.fingerprint, expires_at_s=ends_s)
            compose, link = confirmation_letter, f"{self._page_url}/#confirm={token}"
        return compose(to=mail.to, username=account.username, page=self._page_url, link=link, language=mail.language)

    def _in_s(self, seconds: float) -> float:
        return self._clock.utc_now().timestamp() + seconds
