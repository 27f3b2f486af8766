"""The lobby's API over the shared reader, for players who wait for the answer: with the kernel's times.

A greenlet that waits is woken late where its process is busy. So an answer counts from when its request went out, or
was due, to when the kernel had it, and what this process alone was late in sending is left out: `late_s` says it.
Locust's own session (`LocustHttp`) does the same calls over TLS and for servers of other protocols, with times of its
own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import gevent
from gevent import GreenletExit
from gevent.event import Event

from loadtest.client import HttpAnswer, HttpCall, ServerAway
from loadtest.measure.recorder import Recorder
from loadtest.players.locust_http import HEAD_BYTES, LocustHttp, event_of, moved
from loadtest.players.request_table import RequestTable
from loadtest.wire.lines.line import LineSpeed
from loadtest.wire.messages.answers import Answer
from loadtest.wire.messages.heads import BadAnswer, host_header
from loadtest.wire.outgoing.http import HttpPool
from loadtest.wire.places import Place

LAST_ANSWER_S = 2.0
"""How long a player who is stopped in a call waits for its answer: a room that was made has to be deleted."""

WITHOUT_A_BODY = frozenset({"GET", "HEAD", "DELETE"})
"""Unless they have one."""


class WireHttp(LocustHttp):
    """Not from the reader's or the timers' greenlet: a call blocks."""

    def __init__(
        self,
        pools: Mapping[str, HttpPool],
        recorder: Recorder,
        table: RequestTable,
        *,
        names: Mapping[str, str] | None = None,
        paths: Mapping[str, str] | None = None,
        intended_s: float | None = None,
        line: LineSpeed | None = None,
        place: Place | None = None,
    ) -> None:
        """`pools` by the address of the node; the first is that of players without a place. Else as `LocustHttp`."""
        super().__init__(None, recorder, names=names, paths=paths, intended_s=intended_s, line=line, place=place)
        self._pools, self._table = pools, table
        self._clock = next(iter(pools.values())).timers.clock

    @property
    def url(self) -> str:
        return next(iter(self._pools)) if self._place is None else self._place.host

    def _made_of(self, parts: Mapping[str, Any]) -> WireHttp:
        return WireHttp(self._pools, self._recorder, self._table, **parts)

    def call(self, request: HttpCall) -> HttpAnswer:
        host, name, up_s = self.url, self._names.get(request.route, request.route), 0.0
        if self._line:
            up_s = self._wait(self._line.wait_up_s(len(request.body or b"") + HEAD_BYTES))
        asked = _Asked(self._clock())
        self._pools[host].ask(_bytes_of(host, request, self._paths), asked)
        try:
            asked.is_over.wait()
        except GreenletExit:  # of a player who is stopped, and who gets no second chance to hear what came of the call
            asked.is_over.wait(LAST_ANSWER_S)
            gevent.kill(gevent.getcurrent())  # when this call has been made use of
        self.late_s = asked.begins_s - asked.asked_s
        if asked.answer is None:
            self._table.told(request.method, name, self._duration_s(asked, self._clock(), up_s), asked.why)
            if self._place is not None:
                self._place.leave(host)
            raise ServerAway(host, asked.why)
        status, length = asked.answer.head.status, len(asked.answer.body)
        self._recorder.count(f"body bytes in of {request.method} {name}", length)
        if request.body:
            self._recorder.count(f"body bytes out of {request.method} {name}", len(request.body))
        self.answered_s = asked.arrived_s
        if self._line:
            self.answered_s += self._wait(self._line.wait_down_s(length + HEAD_BYTES))
        try:
            body = asked.answer.decoded()
        except BadAnswer as bad:
            self._table.told(request.method, name, None, str(bad))
            raise ServerAway(host, str(bad)) from None
        duration_s = self._duration_s(asked, self.answered_s, up_s)
        event = event_of(request, status, body)
        if event is not None:
            self._recorder.count(event)
        elif status >= 400:
            self._table.told(request.method, name, duration_s, f"HTTP {status}", length=length)
        else:
            self._table.good(request.method, name, duration_s, length=length)
        return HttpAnswer(status=status, headers=asked.answer.head.headers, body=body)

    def _duration_s(self, asked: _Asked, ended_s: float, up_s: float) -> float:
        """From when it went out, or from when it was due: then the way up the line is in it already."""
        if self._intended_s is None:
            return max(0.0, ended_s - asked.begins_s) + up_s
        return max(0.0, ended_s - self._intended_s - self.late_s)

    def _tell_failure(self, text: str) -> None:
        self._table.told("HTTP", "answer", None, text)

    def close(self) -> None:
        for pool in self._pools.values():
            pool.close()


class _Asked:
    """An `Asker` that a greenlet waits for."""

    __slots__ = ("answer", "arrived_s", "asked_s", "begins_s", "is_over", "why")

    def __init__(self, asked_s: float) -> None:
        self.asked_s = self.begins_s = asked_s
        self.arrived_s = 0.0
        self.answer: Answer | None = None
        self.why = ""
        self.is_over = Event()

    def begins(self, at_s: float) -> None:
        self.begins_s = at_s

    def answered(self, answer: Answer, arrived_s: float) -> None:
        self.answer, self.arrived_s = answer, arrived_s
        self.is_over.set()

    def unanswered(self, why: str) -> None:
        self.why = why.lower()
        self.is_over.set()


def _bytes_of(host: str, request: HttpCall, paths: Mapping[str, str]) -> bytes:
    target = urlsplit(host).path.rstrip("/") + moved(request.path, paths)
    headers = {"host": host_header(host), "accept-encoding": "gzip", **request.headers}
    if request.body is not None or request.method not in WITHOUT_A_BODY:
        headers["content-length"] = str(len(request.body or b""))
    lines = [f"{request.method} {target} HTTP/1.1", *(f"{name}: {text}" for name, text in headers.items()), "", ""]
    return "\r\n".join(lines).encode() + (request.body or b"")
