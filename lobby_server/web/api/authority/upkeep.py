"""The HTTP API of an account that somebody has: password, sign-ins, export, deletion, and the way back in."""

from __future__ import annotations

from lobby_server.protocol import requests, resources
from lobby_server.protocol.authority import account_resources
from lobby_server.protocol.codes import ApiCode
from lobby_server.web.api import bodies
from lobby_server.web.api.accounts import HashingHandler, TokenHandler
from lobby_server.web.api.authority.administration import AdminHandler
from lobby_server.web.api.operation import Caller, operation

_HASHING = (ApiCode.RATE_LIMITED, ApiCode.TRY_AGAIN_LATER)


class PasswordHandler(HashingHandler):
    @operation(
        "Change the password; all other sign-ins end",
        answers={200: resources.Done},
        body=requests.PasswordChange,
        refusals=(ApiCode.ACCOUNT_NOT_HERE, ApiCode.INVALID_CREDENTIALS, *_HASHING),
    )
    async def post(self) -> None:
        claims, given = self.claims(), bodies.read(self.body_object(), requests.PasswordChange)
        await self.app.upkeep.change_password(
            claims, current=given.current_password, new=given.new_password, asker=self.asker
        )
        self.answer(resources.Done())


class ResetHandler(HashingHandler):
    @operation(
        "Choose another password by a reset link, and log in; all other sign-ins end",
        answers={200: resources.Session},
        body=requests.PasswordReset,
        caller=Caller.ANYBODY,
        refusals=(ApiCode.RESET_LINK_INVALID, ApiCode.USER_BANNED, *_HASHING),
    )
    async def post(self) -> None:
        given = bodies.read(self.body_object(), requests.PasswordReset)
        session = await self.app.upkeep.reset(
            token=given.token, new=given.new_password, asker=self.asker, client=self.user_agent
        )
        self.answer(session)


class SignInsHandler(TokenHandler):
    @operation("Where the caller is signed in", answers={200: account_resources.SignInList})
    async def get(self) -> None:
        self.answer(await self.app.sign_ins.overview(self.claims()))

    @operation("Sign out everywhere else", answers={200: account_resources.SignedOut}, refusals=(ApiCode.RATE_LIMITED,))
    async def delete(self) -> None:
        claims = await self.limited_claims()
        count = await self.app.sign_ins.end_all(claims.user, but=claims.sign_in_id)
        self.answer(account_resources.SignedOut(count=count))


class SignInHandler(TokenHandler):
    @operation(
        "Sign out elsewhere", answers={200: resources.Done}, refusals=(ApiCode.SIGN_IN_NOT_FOUND, ApiCode.RATE_LIMITED)
    )
    async def delete(self, sign_in_id: str) -> None:
        await self.app.sign_ins.end((await self.limited_claims()).user, sign_in_id)
        self.answer(resources.Done())


class ExportHandler(TokenHandler):
    @operation(
        "All that is kept of the caller",
        answers={200: account_resources.AccountExport},
        refusals=(ApiCode.ACCOUNT_NOT_HERE, ApiCode.RATE_LIMITED),
    )
    async def get(self) -> None:
        self.answer(await self.app.exports.export(await self.limited_claims()))


class DeleteAccountHandler(HashingHandler):
    @operation(
        "Delete the account and all that is kept of its user",
        answers={200: resources.Done},
        body=requests.PasswordProof,
        refusals=(ApiCode.ACCOUNT_NOT_HERE, ApiCode.INVALID_CREDENTIALS, *_HASHING),
    )
    async def post(self) -> None:
        claims, given = self.claims(), bodies.read(self.body_object(), requests.PasswordProof)
        await self.app.upkeep.delete(claims, password=given.password, asker=self.asker)
        self.answer(resources.Done())


class ResetLinksHandler(AdminHandler):
    @operation(
        "Make a link by which a user chooses another password, once and within a day",
        answers={201: account_resources.ResetLink},
        body=requests.OneUsername,
        caller=Caller.ADMIN,
        refusals=(ApiCode.USER_NOT_FOUND,),
    )
    async def post(self) -> None:
        by, given = self.administrator(), bodies.read(self.body_object(), requests.OneUsername)
        link = await self.app.upkeep.reset_link(given.username)
        await self.app.administration.note(by, "reset link", link.username, "")
        self.answer(link, 201)


class RolesHandler(AdminHandler):
    @operation(
        "Let a user be an administrator from the next login on, or not any more",
        answers={200: account_resources.AccountRole},
        body=requests.RoleChange,
        caller=Caller.ADMIN,
        refusals=(ApiCode.USER_NOT_FOUND,),
    )
    async def post(self) -> None:
        by, given = self.administrator(), bodies.read(self.body_object(), requests.RoleChange)
        account = await self.app.accounts.set_role(given.username, given.role)
        try:
            await self.app.accounts.end_role(account)
        finally:
            await self.app.administration.note(by, "role", account.username, given.role or "none")
        self.answer(account_resources.AccountRole(user_id=account.id, username=account.username, role=account.role))
