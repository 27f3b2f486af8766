"""What all HTTP handlers share: JSON in and out, one shape of error, tokens, origins."""

from __future__ import annotations

import logging
from typing import Any, TypeVar

import msgspec
import tornado.web

from lobby_server.core.machine.deleted import NamesDeletedUser
from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, TokenRefused
from lobby_server.protocol.codes import ApiCode
from lobby_server.protocol.decoding import FAULTS, decode_untyped, what_is_wrong
from lobby_server.protocol.encoding import encode_json
from lobby_server.protocol.requests import MAX_BODY_BYTES
from lobby_server.protocol.resources import Problem
from lobby_server.service.accounts.hashing import CallerGone, Overloaded
from lobby_server.service.app import App
from lobby_server.service.auth import Claims
from lobby_server.service.ports import StoreUnavailable
from lobby_server.service.watch.events import LogEvent
from lobby_server.web.client_address import Client
from lobby_server.web.context import WebContext
from lobby_server.web.refusals import problem_of

log = logging.getLogger("lobby.web")

RETRY_AFTER_S = 5
"""Of an answer with 503 that does not say otherwise."""
BARE_PREFIX = "/ prefix"
"""What the routes know the path prefix without a slash by; no request has such a path."""
MAX_ID_DIGITS = 18
"""Of an id in an address: what is longer fits into no database."""
MAX_PATH_CHARACTERS = 256
"""Of a text in the path. Nothing has so long an id, so one that is cut there leads nowhere either; and it may go from
node to node, in entries that are to stay small."""
EXPOSED_HEADERS = "Allow, ETag, Retry-After, WWW-Authenticate"
"""What a page of an allowed origin may read besides the headers that every page may (Fetch Standard)."""
TOO_MANY_ASKED = "You have asked a lot of people in a short time; wait a moment."
_Answer = TypeVar("_Answer", bound=msgspec.Struct)


class ApiFault(tornado.web.HTTPError):
    """An answer that is an error: status, stable code, a sentence for people."""

    def __init__(
        self,
        status: int,
        code: ApiCode,
        sentence: str,
        *,
        fields: dict[str, str] | None = None,
        existing_room_id: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(status, log_message=None)
        self.problem = Problem(error=sentence, code=code, fields=fields, existing_room_id=existing_room_id)
        self.retry_after_s = retry_after_s


_CODES = {
    400: (ApiCode.INVALID_REQUEST, "The request could not be read."),
    403: (ApiCode.FORBIDDEN_ORIGIN, "Pages of this origin may not use the lobby."),
    404: (ApiCode.NOT_FOUND, "There is nothing at this address."),
    405: (ApiCode.METHOD_NOT_ALLOWED, "This address does not take that method."),
    413: (ApiCode.PAYLOAD_TOO_LARGE, f"The body is larger than {MAX_BODY_BYTES} bytes."),
    503: (ApiCode.TRY_AGAIN_LATER, "The server cannot do that at the moment; try again in a few seconds."),
}


def _problem(status: int) -> Problem:
    fault = (ApiCode.INTERNAL_ERROR, "The server made a mistake; it is in its log.")
    code, sentence = _CODES.get(status, fault)
    return Problem(error=sentence, code=code)


class BaseHandler(tornado.web.RequestHandler):
    """A handler of the API."""

    has_callers = True
    """Whether it asks whose token a call brings."""
    context: WebContext
    app: App
    problem_code: str | None = None
    """Of the error that was answered."""
    caller_id: int | None = None
    """The user of the token that the call brought, once it was looked at."""

    def initialize(self, context: WebContext) -> None:
        self.context, self.app = context, context.app

    @property
    def client(self) -> Client:
        """Who is at the other end, proxies left out."""
        headers = self.request.headers
        return self.context.proxies.client(
            self.request.remote_ip or "", headers.get("X-Forwarded-For"), headers.get("X-Forwarded-Proto")
        )

    @property
    def user_agent(self) -> str:
        """What the client calls itself."""
        return str(self.request.headers.get("User-Agent", ""))

    def set_default_headers(self) -> None:
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.clear_header("Server")

    async def prepare(self) -> None:
        """A call with a token begins when all is known here that was answered on any node: the token may have been
        signed out there, or its user banned."""
        self.context.calls.add(self)
        if self.app.drain.is_begun:
            self.set_header("Connection", "close")  # the next call goes to the next process
        self._allow_origin()
        if len(self.request.body) > MAX_BODY_BYTES:
            raise ApiFault(413, *_CODES[413])
        if self.has_callers and "Authorization" in self.request.headers:
            await self.app.replica.begin_call()

    def on_finish(self) -> None:
        self.context.calls.discard(self)

    def on_connection_close(self) -> None:
        super().on_connection_close()
        self.context.calls.discard(self)

    def head(self, *path_arguments: str) -> Any:
        """As GET; Tornado leaves the body out (RFC 9110 section 9.1 wants both of every server)."""
        return self.get(*path_arguments)

    def options(self, *_: str) -> None:
        """What a browser asks before it lets a page of an allowed origin call."""
        self.set_header("Allow", self._allowed_methods())
        if self.context.settings.origins:
            self.set_header("Access-Control-Allow-Methods", self._allowed_methods())
            self.set_header("Access-Control-Allow-Headers", "Authorization, Content-Type, If-None-Match")
            self.set_header("Access-Control-Max-Age", "600")
        self.set_status(204)

    def compute_etag(self) -> None:
        """No hash over finished bodies; the room list has its revision."""

    # -- in ---------------------------------------------------------------------------------------------------

    def decode_argument(self, value: bytes, name: str | None = None) -> str:
        text = super().decode_argument(value, name)
        return text if name is not None else text[:MAX_PATH_CHARACTERS]

    def body_object(self) -> dict[str, Any]:
        """The JSON object of the body. Raises `ApiFault` 400."""
        try:
            body = decode_untyped(self.request.body)
        except FAULTS as fault:
            sentence = f"The body cannot be read. {what_is_wrong(self.request.body, fault)}"
            raise ApiFault(400, ApiCode.INVALID_REQUEST, sentence) from None
        if not isinstance(body, dict):
            raise ApiFault(400, ApiCode.INVALID_REQUEST, "The body is not a JSON object.")
        return body

    def claims(self) -> Claims:
        """Who calls. Raises `ApiFault` 401 without a token, `TokenRefused` with one that does not hold."""
        scheme, _, token = self.request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise ApiFault(401, ApiCode.AUTHENTICATION_REQUIRED, "A token is needed: Authorization: Bearer <token>.")
        claims = self.app.tokens.verify(token.strip())
        self.caller_id = claims.user.id
        return claims

    async def caller(self) -> User:
        """Who calls, as `claims` says; for a call that another user will hear of: also 429 when there are too many."""
        user = self.claims().user
        wait_s = await self.app.social_limit.take(str(user.id))
        if wait_s:
            raise ApiFault(429, ApiCode.RATE_LIMITED, TOO_MANY_ASKED, retry_after_s=wait_s)
        return user

    def before(self) -> int | None:
        """The id in the query from which a page goes back. Raises `ApiFault` 400."""
        text = self.get_query_argument("before", None)
        if text is None:
            return None
        if not (text.isascii() and text.isdecimal()) or len(text) > MAX_ID_DIGITS:
            raise ApiFault(400, ApiCode.INVALID_REQUEST, "before is an id.", fields={"before": "before is an id."})
        return int(text)

    # -- out --------------------------------------------------------------------------------------------------

    def answer(self, body: _Answer, status: int = 200) -> None:
        self.set_status(status)
        if status >= 400:
            self.problem_code = getattr(body, "code", None)
        if status == 401:
            self.set_header("WWW-Authenticate", "Bearer")
        self.finish(encode_json(body))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        self._allow_origin()  # Tornado has cleared the headers: a page of an allowed origin reads errors too
        fault = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(fault, StoreUnavailable):
            self.set_status(503)
            problem = _problem(503)
        elif isinstance(fault, Overloaded):
            self.set_status(503)
            self.set_header("Retry-After", str(round(fault.retry_after_s)))
            problem = _problem(503)
        elif isinstance(fault, CallerGone):
            self.set_status(499, "Client Closed Request")  # nginx's status: nobody reads it, and the log says it
            problem = _problem(400)
        elif isinstance(fault, Refusal):
            status_code, problem = problem_of(self._as_the_caller_sees_it(fault))
            self.set_status(status_code)
        elif isinstance(fault, ApiFault):
            problem = fault.problem
            if fault.retry_after_s is not None:
                self.set_header("Retry-After", str(max(1, round(fault.retry_after_s + 0.5))))
        else:
            problem = _problem(status_code)
        if self.get_status() == 503 and "Retry-After" not in self._headers:
            self.set_header("Retry-After", str(RETRY_AFTER_S))
        if self.get_status() == 405:
            self.set_header("Allow", self._allowed_methods())
        if self.get_status() == 426:
            self.set_header("Upgrade", "websocket")  # RFC 9110 section 15.5.22
            self.set_header("Connection", "Upgrade")
            self.set_header("Sec-WebSocket-Version", "13")  # RFC 6455 section 4.2.2
        self.answer(problem, self.get_status())

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        if isinstance(value, Refusal | CallerGone):
            return
        if isinstance(value, Overloaded):
            log.warning(
                "%s %s: %s", self.request.method, self.request.path, value, extra={"event": LogEvent.CALL_FAILED.value}
            )
            return
        if isinstance(value, StoreUnavailable):
            log.error(
                "%s %s: %s", self.request.method, self.request.path, value, extra={"event": LogEvent.CALL_FAILED.value}
            )
        elif not isinstance(value, tornado.web.HTTPError):
            log.error(
                "%s %s failed",
                self.request.method,
                self.request.path,
                exc_info=(typ, value, tb),
                extra={"event": LogEvent.CALL_FAILED.value},
            )

    # -- private ----------------------------------------------------------------------------------------------

    def _as_the_caller_sees_it(self, refusal: Refusal) -> Refusal:
        """A caller who was deleted during the call is told so, and not that somebody does not exist."""
        if isinstance(refusal, NamesDeletedUser) and refusal.user_id == self.caller_id:
            return TokenRefused("The token was signed out.")
        return refusal

    def _allowed_methods(self) -> str:
        own = [
            name
            for name in self.SUPPORTED_METHODS
            if getattr(type(self), name.lower()) is not getattr(tornado.web.RequestHandler, name.lower())
        ]
        if "GET" not in own:
            own.remove("HEAD")
        return ", ".join(own)

    def _allow_origin(self) -> None:
        origin = self.request.headers.get("Origin")
        if self.context.settings.origins:
            self.set_header("Vary", "Origin")
            if origin and self.context.origin_is_allowed(origin, self.request.host):
                self.set_header("Access-Control-Allow-Origin", origin)
                self.set_header("Access-Control-Expose-Headers", EXPOSED_HEADERS)


class NotFoundHandler(BaseHandler):
    """Every address that is none."""

    async def prepare(self) -> None:
        raise ApiFault(404, *_CODES[404])


class PrefixHandler(BaseHandler):
    """The bare path prefix: pages refer to their files from the folder that they are in, so they need the slash."""

    def get(self) -> None:
        self.clear_header("Content-Type")
        self.redirect(f"{self.context.settings.path_prefix}/", status=308)
