"""The HTTP API of accounts and tokens. Source: the protocol contract, section 3."""

from __future__ import annotations

from lobby_server.core.refusal import Refusal
from lobby_server.protocol import requests, resources
from lobby_server.protocol.codes import ApiCode
from lobby_server.service.accounts.hashing import Asker
from lobby_server.service.auth import Claims
from lobby_server.web.api import bodies
from lobby_server.web.api.operation import Caller, operation
from lobby_server.web.base import ApiFault, BaseHandler
from lobby_server.web.refusals import problem_of

TOO_MANY_ATTEMPTS = "There were too many attempts from this address; wait a moment."


class HashingHandler(BaseHandler):
    """One whose calls hash passwords: limited by address, and given up when their client is gone."""

    asker: Asker

    async def prepare(self) -> None:
        self.asker = Asker(self.client.bucket)  # who may be gone before it is known what other nodes have answered
        await super().prepare()
        if self.request.method != "POST":
            return
        wait_s = await self.app.auth_limit.take(self.client.bucket)
        if wait_s:
            raise _too_many(TOO_MANY_ATTEMPTS, wait_s)

    def on_connection_close(self) -> None:
        super().on_connection_close()
        self.asker.gone()


class TokenHandler(BaseHandler):
    """One whose calls make or end tokens: limited by user."""

    async def limited_claims(self) -> Claims:
        """As `claims`; also 429."""
        claims = self.claims()
        wait_s = await self.app.token_limit.take(str(claims.user.id))
        if wait_s:
            raise _too_many("You have asked for too many tokens; wait a moment.", wait_s)
        return claims


def _too_many(sentence: str, wait_s: float) -> ApiFault:
    return ApiFault(429, ApiCode.RATE_LIMITED, sentence, retry_after_s=wait_s)


class RegisterHandler(HashingHandler):
    @operation(
        "Make an account, and log in",
        answers={201: resources.Session},
        body=requests.Registration,
        caller=Caller.ANYBODY,
        refusals=(ApiCode.USERNAME_TAKEN, ApiCode.EMAIL_TAKEN, ApiCode.RATE_LIMITED, ApiCode.TRY_AGAIN_LATER),
    )
    async def post(self) -> None:
        body = self.body_object()
        email = body.get("email")
        session = await self.app.accounts.register(
            username=body.get("username"),
            password=body.get("password"),
            email=None if email == "" else email,
            asker=self.asker,
            client=self.user_agent,
        )
        self.answer(session, 201)


class LoginHandler(HashingHandler):
    @operation(
        "Log in",
        answers={200: resources.Session},
        body=requests.Login,
        caller=Caller.ANYBODY,
        refusals=(
            ApiCode.INVALID_CREDENTIALS,
            ApiCode.USER_BANNED,
            ApiCode.RATE_LIMITED,
            ApiCode.TRY_AGAIN_LATER,
        ),
    )
    async def post(self) -> None:
        given = bodies.read(self.body_object(), requests.Login)
        session = await self.app.accounts.login(
            login=given.username, password=given.password, asker=self.asker, client=self.user_agent
        )
        self.answer(session)


class VerifyHandler(BaseHandler):
    @operation("Whether a token holds, and whose it is", answers={200: resources.Verified})
    async def get(self) -> None:
        try:
            claims = self.claims()
        except (ApiFault, Refusal) as fault:
            status, problem = problem_of(fault) if isinstance(fault, Refusal) else (fault.status_code, fault.problem)
            self.answer(resources.NotVerified(valid=False, error=problem.error, code=problem.code), status)
            return
        self.answer(resources.Verified(valid=True, user=await self.app.accounts.user(claims.user)))


class RefreshHandler(TokenHandler):
    @operation("A fresh token", answers={200: resources.FreshToken}, refusals=(ApiCode.RATE_LIMITED,))
    async def post(self) -> None:
        self.answer(await self.app.accounts.refresh(await self.limited_claims()))


class LogoutHandler(TokenHandler):
    @operation("Sign the token out; its sockets are closed", answers={204: None}, refusals=(ApiCode.RATE_LIMITED,))
    async def post(self) -> None:
        claims = await self.limited_claims()
        await self.app.sign_ins.log_out(claims)
        self.set_status(204)
        self.clear_header("Content-Type")
