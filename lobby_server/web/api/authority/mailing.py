"""The HTTP API of an account's settings and email address, and the way back in by mail."""

from __future__ import annotations

from lobby_server.protocol import requests, resources
from lobby_server.protocol.authority.account_resources import AccountOverview
from lobby_server.protocol.codes import ApiCode
from lobby_server.service.auth import Claims
from lobby_server.web.api import bodies
from lobby_server.web.api.accounts import HashingHandler
from lobby_server.web.api.operation import Caller, operation
from lobby_server.web.base import ApiFault, BaseHandler

TOO_MANY_MAILS = "Too many mails were asked for; try again later."
_HASHING = (ApiCode.RATE_LIMITED, ApiCode.TRY_AGAIN_LATER)


class MailingHandler(HashingHandler):
    """One whose calls send a mail: also limited by the address of the client, whoever the mail would go to."""

    async def check_mail_limit(self) -> None:
        """Raises `ApiFault` 429."""
        wait_s = await self.app.mail_asking_limit.take(self.client.bucket)
        if wait_s:
            raise ApiFault(429, ApiCode.RATE_LIMITED, TOO_MANY_MAILS, retry_after_s=wait_s)


class ResetRequestHandler(MailingHandler):
    @operation(
        "Ask for a mail with a reset link; the answer is the same whether the account exists or not",
        answers={200: resources.Done},
        body=requests.ResetRequest,
        caller=Caller.ANYBODY,
        refusals=(ApiCode.MAIL_OFF, ApiCode.RATE_LIMITED),
    )
    async def post(self) -> None:
        given = bodies.read(self.body_object(), requests.ResetRequest)
        await self.check_mail_limit()
        await self.app.mailing.ask_reset(given.username, language=given.language)
        self.answer(resources.Done())


class EmailConfirmationHandler(HashingHandler):
    @operation(
        "Confirm the email address of an account by the link of a mail",
        answers={200: resources.Done},
        body=requests.EmailConfirmation,
        caller=Caller.ANYBODY,
        refusals=(ApiCode.EMAIL_LINK_INVALID, ApiCode.EMAIL_TAKEN, ApiCode.RATE_LIMITED),
    )
    async def post(self) -> None:
        given = bodies.read(self.body_object(), requests.EmailConfirmation)
        await self.app.mailing.confirm(given.token)
        self.answer(resources.Done())


class EmailHandler(MailingHandler):
    @operation(
        "Have a mail sent to a new email address, which counts once it is confirmed; without an address: remove it",
        answers={200: resources.Done},
        body=requests.EmailChange,
        refusals=(ApiCode.ACCOUNT_NOT_HERE, ApiCode.INVALID_CREDENTIALS, ApiCode.MAIL_OFF, *_HASHING),
    )
    async def post(self) -> None:
        claims, given = self.claims(), bodies.read(self.body_object(), requests.EmailChange)
        mailing = self.app.mailing
        if not given.email:
            await mailing.remove_email(claims, password=given.password, asker=self.asker)
        else:
            await self.check_mail_limit()
            await mailing.ask_email(
                claims, email=given.email, password=given.password, language=given.language, asker=self.asker
            )
        self.answer(resources.Done())


class AccountHandler(BaseHandler):
    @operation("The account of the caller, and its settings", answers={200: AccountOverview})
    async def get(self) -> None:
        await self._answer_with(self.claims())

    @operation(
        "Change the settings of the account",
        answers={200: AccountOverview},
        body=requests.AccountChange,
        refusals=(ApiCode.RATE_LIMITED, ApiCode.TRY_AGAIN_LATER),
    )
    async def patch(self) -> None:
        user, given = await self.caller(), bodies.read(self.body_object(), requests.AccountChange)
        await self.app.social.whereabouts.choose(user, given.whereabouts)
        await self._answer_with(self.claims())

    async def _answer_with(self, claims: Claims) -> None:
        self.answer(await self.app.upkeep.overview(claims, sends_mail=self.app.mailing.is_on))
