"""The lobby's API over Locust's own HTTP session: every call is timed and grouped in Locust's table."""

from __future__ import annotations

from collections.abc import Mapping

from locust.contrib.fasthttp import FastHttpSession

from loadtest.client import HttpAnswer, HttpCall, ServerAway
from loadtest.recorder import Recorder

TOO_MANY_REQUESTS = 429
CONFLICT = 409
NOT_FOUND = 404

NOT_AN_OUTCOME = {
    ("POST", "/api/auth/register", CONFLICT): "accounts found made",
    ("POST", "/api/rooms", CONFLICT): "rooms found made",
    ("DELETE", "/api/rooms/[id]", NOT_FOUND): "rooms found gone",
}
"""Answers about what was so before the player came (an earlier run, a time to live). Events, not failures."""
THROTTLED = "throttled (429)"


class LocustHttp:
    """An `HttpCaller`. `names` replaces route names, so that a poll and a fetch are told apart in the table.

    A 429 is counted as an event: as a request, its quick refusal would flatter the response times.
    """

    def __init__(self, session: FastHttpSession, recorder: Recorder, *, names: Mapping[str, str] | None = None) -> None:
        self.url = session.base_url or ""
        self._session = session
        self._recorder = recorder
        self._names = names or {}
        self._is_closed = False
        self.is_server_away = False
        """Nobody answered the last call."""

    def call(self, request: HttpCall) -> HttpAnswer:
        context = self._session.request(
            request.method,
            request.path,
            name=self._names.get(request.route, request.route),
            data=request.body,  # type: ignore[arg-type]  # bytes are what it sends in the end
            headers={"accept-encoding": "gzip", **request.headers},
            catch_response=True,
        )
        status = int(context.status_code or 0)
        self.is_server_away = status == 0
        event = NOT_AN_OUTCOME.get((request.method, request.route, status))
        if status == TOO_MANY_REQUESTS:
            event = THROTTLED
        if event is not None:
            self._recorder.count(event)
        elif not self._is_closed:  # what was under way when its user stopped is no failure of the server
            with context as response:
                if status == 0:
                    response.failure(_in_few_words(response.error))
                elif status >= 400:
                    response.failure(f"HTTP {status}")
        if status == 0:
            raise ServerAway(self.url, _in_few_words(getattr(context, "error", None)))
        return HttpAnswer(
            status=status,
            headers={str(name).lower(): str(text) for name, text in (context.headers or {}).items()},
            body=context.content or b"",
        )

    def close(self) -> None:
        self._is_closed = True
        self._session.client.close()


def _in_few_words(error: BaseException | None) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) if error else "no answer"
