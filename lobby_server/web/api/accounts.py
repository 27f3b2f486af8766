"""The HTTP API of accounts and tokens. Source: the protocol contract, section 3."""

from __future__ import annotations

from lobby_server.core.refusal import Refusal
from lobby_server.protocol import requests, resources
from lobby_server.protocol.codes import ApiCode
from lobby_server.web.api import bodies
from lobby_server.web.api.operation import Caller, operation
from lobby_server.web.base import ApiFault, BaseHandler
from lobby_server.web.refusals import problem_of


class LimitedHandler(BaseHandler):
    """One whose calls hash passwords: limited by address."""

    def prepare(self) -> None:
        super().prepare()
        if self.request.method != "POST":
            return
        wait_s = self.app.auth_limit.take(self.client.bucket, self.app.clock.monotonic_s())
        if wait_s:
            raise ApiFault(
                429,
                ApiCode.RATE_LIMITED,
                "There were too many attempts from this address; wait a moment.",
                retry_after_s=wait_s,
            )


class RegisterHandler(LimitedHandler):
    @operation(
        "Make an account, and log in",
        answers={201: resources.Session},
        body=requests.Registration,
        caller=Caller.ANYBODY,
        refusals=(ApiCode.USERNAME_TAKEN, ApiCode.EMAIL_TAKEN, ApiCode.RATE_LIMITED),
    )
    async def post(self) -> None:
        body = self.body_object()
        email = body.get("email")
        session = await self.app.accounts.register(
            username=body.get("username"), password=body.get("password"), email=None if email == "" else email
        )
        self.answer(session, 201)


class LoginHandler(LimitedHandler):
    @operation(
        "Log in",
        answers={200: resources.Session},
        body=requests.Login,
        caller=Caller.ANYBODY,
        refusals=(ApiCode.INVALID_CREDENTIALS, ApiCode.RATE_LIMITED),
    )
    async def post(self) -> None:
        given = bodies.read(self.body_object(), requests.Login)
        self.answer(await self.app.accounts.login(login=given.username, password=given.password))


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


class RefreshHandler(BaseHandler):
    @operation("A fresh token", answers={200: resources.FreshToken})
    async def post(self) -> None:
        self.answer(self.app.accounts.refresh(self.claims()))


class LogoutHandler(BaseHandler):
    @operation("Sign the token out; its sockets are closed", answers={204: None})
    async def post(self) -> None:
        claims = self.claims()
        await self.app.accounts.revoke(claims)
        self.app.lobby.sign_out(claims.user, claims.token_id)
        self.set_status(204)
        self.clear_header("Content-Type")
