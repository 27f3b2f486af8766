"""The lobby's API over Locust's own HTTP session: every call is timed and grouped in Locust's table.

All players of a process share one session with a pool of keep-alive connections: a session each would cost 30 KiB per
player and, beside a socket each, more files than a process may open.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, TypeVar

import gevent
from geventhttpclient.client import HTTPClientPool
from locust.contrib.fasthttp import FastHttpSession
from locust.env import Environment

from loadtest.client import HttpAnswer, HttpCall, LobbyApi, ServerAway, UnexpectedAnswer
from loadtest.measure.examples import not_understood
from loadtest.measure.recorder import Recorder
from loadtest.players.shared_lists import SharedLists
from loadtest.wire.lines.line import LineSpeed
from loadtest.wire.places import Place
from lobby_server.protocol.codes import ApiCode
from lobby_server.protocol.resources import Room

TOO_MANY_REQUESTS = 429
BAD_REQUEST = 400
FORBIDDEN = 403
CONFLICT = 409
NOT_FOUND = 404
TIMEOUT_S = 30.0

NOT_AN_OUTCOME = {
    ("POST", "/api/auth/register", CONFLICT): "accounts found made",
    ("POST", "/api/rooms", CONFLICT): "rooms found made",
    ("DELETE", "/api/rooms/[id]", NOT_FOUND): "rooms found gone",
    ("POST", "/api/friends/requests", CONFLICT): "friends found made",
    ("POST", "/api/friends/requests", NOT_FOUND): "acquaintances found gone",
    ("POST", "/api/friends/requests/[id]/accept", NOT_FOUND): "friend requests found answered",
    ("POST", "/api/parties", CONFLICT): "parties found made",
    **{
        ("POST", f"/api/parties/[id]/{what}", status): f"parties found otherwise ({what})"
        for what in ("invites", "join", "leave")
        for status in (FORBIDDEN, NOT_FOUND, CONFLICT)
    },
    **{
        (method, f"/api/rooms/[id]{what}", status): f"rooms found otherwise ({deed})"
        for method, what, deed, statuses in (
            ("PATCH", "", "settings", (NOT_FOUND,)),
            ("POST", "/ready", "ready", (FORBIDDEN, NOT_FOUND, CONFLICT)),
            ("POST", "/start", "start", (FORBIDDEN, NOT_FOUND, CONFLICT)),
            ("DELETE", "/start", "end of the game", (NOT_FOUND,)),
            ("POST", "/host", "hand-over", (BAD_REQUEST, FORBIDDEN, NOT_FOUND)),
            ("GET", "/bans", "bans", (NOT_FOUND,)),
            ("DELETE", "/bans/[id]", "bans", (NOT_FOUND,)),
        )
        for status in statuses
    },
    ("POST", "/api/codes/[code]", FORBIDDEN): "rooms found otherwise (code)",
    ("POST", "/api/codes/[code]", NOT_FOUND): "rooms found otherwise (code)",
    ("POST", "/api/reports", NOT_FOUND): "acquaintances found gone",
    ("POST", "/api/blocks", NOT_FOUND): "acquaintances found gone",
    ("DELETE", "/api/blocks/[id]", NOT_FOUND): "blocks found lifted",
}
"""Answers about what was so before the player came (an earlier run, a time to live), or what another player did a
moment before: left the room, was not ready, deleted it. Events, not failures."""
HEAD_BYTES = 300
"""Of a request or an answer, about."""
T = TypeVar("T")
THROTTLED = "throttled (429)"
_NOT_HOST_CODE = f'"{ApiCode.NOT_HOST.value}"'.encode()
NOT_HOST = "rooms that have another host by now"
"""A room whose host asked to delete it after losing it while away."""


def new_session(environment: Environment, *, host: str, connections: int) -> FastHttpSession:
    """For all players of this process; a request beyond so many at once waits for its turn, which its time contains."""
    pool = HTTPClientPool(concurrency=connections, connection_timeout=TIMEOUT_S, network_timeout=TIMEOUT_S)
    return FastHttpSession(host, environment.events.request, None, client_pool=pool)


class NotUnderstood(Exception):
    """In Locust's table of failures; its text is what groups them."""


class LocustHttp:
    """An `HttpCaller`. `names` replaces route names, so that a poll and a fetch are told apart in the table.

    A 429 is counted as an event: as a request, its quick refusal would flatter the response times.
    """

    def __init__(
        self,
        session: FastHttpSession | Any,
        recorder: Recorder,
        *,
        names: Mapping[str, str] | None = None,
        paths: Mapping[str, str] | None = None,
        intended_s: float | None = None,
        line: LineSpeed | None = None,
        place: Place | None = None,
    ) -> None:
        """`paths`: where another server has what the contract has under a prefix. `intended_s`: when the call should
        have been made (`time.perf_counter`); its time counts from then. `line` and `place`: those of the player who
        makes the call; the place is a node."""
        self._session = session
        self._recorder = recorder
        self._names = names or {}
        self._paths = paths or {}
        self._intended_s = intended_s
        self._line = line
        self._place = place
        self.late_s = 0.0
        """How much later than asked this process alone sent the last call, as far as that is known."""
        self.answered_s = 0.0
        """When the answer to the last call was there, at the player's end of its line."""

    @property
    def url(self) -> str:
        return self._session.base_url or "" if self._place is None else self._place.host

    def intended(self, at_s: float) -> LocustHttp:
        """The same for a call that should have been made at that time."""
        return self._with(intended_s=at_s)

    def over(self, line: LineSpeed) -> LocustHttp:
        """The same for a player with that line."""
        return self._with(line=line)

    def at(self, place: Place) -> LocustHttp:
        """The same for a player who is there."""
        return self._with(place=place)

    def named(self, names: Mapping[str, str]) -> LocustHttp:
        """The same under other names of routes."""
        return self._with(names=names)

    def _with(self, **changes: Any) -> LocustHttp:
        parts = {
            "names": self._names, "paths": self._paths, "intended_s": self._intended_s, "line": self._line,
            "place": self._place,
        }  # fmt: skip
        return self._made_of({**parts, **changes})

    def _made_of(self, parts: Mapping[str, Any]) -> LocustHttp:
        return LocustHttp(self._session, self._recorder, **parts)

    def call(self, request: HttpCall) -> HttpAnswer:
        url = self.url
        waited_s = self._wait(self._line.wait_up_s(len(request.body or b"") + HEAD_BYTES)) if self._line else 0.0
        context = self._session.request(
            request.method,
            url + moved(request.path, self._paths),
            name=self._names.get(request.route, request.route),
            data=request.body,  # type: ignore[arg-type]  # bytes are what it sends in the end
            headers={"accept-encoding": "gzip", **request.headers},
            catch_response=True,
        )
        status = int(context.status_code or 0)
        self._count_bytes(request, context)
        if self._line:
            waited_s += self._wait(self._line.wait_down_s(len(context.content or b"") + HEAD_BYTES))
            context.request_meta["response_time"] = (context.request_meta["response_time"] or 0.0) + waited_s * 1000
        self.answered_s = time.perf_counter()
        event = event_of(request, status, context.content or b"")
        if event is not None:
            self._recorder.count(event)
        else:
            if self._intended_s is not None:
                context.request_meta["response_time"] = (self.answered_s - self._intended_s) * 1000
            with context as response:
                if status == 0:
                    response.failure(_in_few_words(response.error))
                elif status >= 400:
                    response.failure(f"HTTP {status}")
                elif status == 304:
                    response.success()  # Locust takes it for a failure of its own accord
        if status == 0:
            if self._place is not None:
                self._place.leave(url)
            raise ServerAway(url, _in_few_words(getattr(context, "error", None)))
        return HttpAnswer(
            status=status,
            headers={str(name).lower(): str(text) for name, text in (context.headers or {}).items()},
            body=context.content or b"",
        )

    def _wait(self, wait_s: float) -> float:
        gevent.sleep(wait_s)
        return wait_s

    def not_understood(self, error: UnexpectedAnswer, what: str) -> None:
        """Into Locust's table of failures: the request itself stands there with its status, which was good."""
        self._tell_failure(not_understood(self._recorder, error.body, error.what, what=what))

    def _tell_failure(self, text: str) -> None:
        self._session.request_event.fire(
            request_type="HTTP",
            name="answer",
            response_time=None,
            response_length=0,
            exception=NotUnderstood(text),
            context={},
        )

    def _count_bytes(self, request: HttpCall, context: Any) -> None:
        """Of bodies, as they were on the wire: compressed where the server did that."""
        cause = f"{request.method} {self._names.get(request.route, request.route)}"
        length = str((context.headers or {}).get("content-length") or "")
        bytes_in = int(length) if length.isdigit() else len(context.content or b"")
        self._recorder.count(f"body bytes in of {cause}", bytes_in)
        if request.body:
            self._recorder.count(f"body bytes out of {cause}", len(request.body))

    def close(self) -> None:
        self._session.client.close()


def event_of(request: HttpCall, status: int, body: bytes) -> str | None:
    """What an answer is counted as that is no outcome of its request; None: it is one."""
    if status == TOO_MANY_REQUESTS:
        return THROTTLED
    if status == FORBIDDEN and _NOT_HOST_CODE in body:
        return NOT_HOST
    return NOT_AN_OUTCOME.get((request.method, request.route, status))


def moved(path: str, paths: Mapping[str, str]) -> str:
    """Where another server has what the contract has at `path`: `paths` maps prefixes."""
    for prefix, other in paths.items():
        if path.startswith(prefix):
            return other + path[len(prefix) :]
    return path


class SwarmApi(LobbyApi):
    """`LobbyApi` for many players: those who receive the same list of rooms share one object."""

    def __init__(self, http: LocustHttp, lists: SharedLists) -> None:
        super().__init__(http)
        self._locust_http = http
        self._lists = lists

    def intended(self, at_s: float) -> SwarmApi:
        """For a call that should have been made at that time."""
        return self._like(self._locust_http.intended(at_s))

    @property
    def late_s(self) -> float:
        """How much later than asked this process alone sent the last call, as far as that is known."""
        return self._locust_http.late_s

    @property
    def answered_s(self) -> float:
        """When the answer to the last call was there: of the kernel where that is known, else when it was read."""
        return self._locust_http.answered_s

    def over(self, line: LineSpeed | None) -> SwarmApi:
        """For a player with that line."""
        return self if line is None else self._like(self._locust_http.over(line))

    def _like(self, http: LocustHttp) -> SwarmApi:
        return SwarmApi(http, self._lists)

    def at(self, place: Place) -> SwarmApi:
        """For a player who is there."""
        return self._like(self._locust_http.at(place))

    def _expect(self, answer: HttpAnswer, kind: type[T]) -> T:
        try:
            return super()._expect(answer, kind)
        except UnexpectedAnswer as error:
            self._locust_http.not_understood(error, f"an answer ({kind.__name__})")
            raise

    def _read_rooms(self, answer: HttpAnswer) -> tuple[Room, ...]:
        return self._lists.decode(answer.body, lambda: super(SwarmApi, self)._read_rooms(answer))


def _in_few_words(error: BaseException | None) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) if error else "no answer"
