"""What came on one way, and whether that is what a case allows."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.conformance.case import Case, Outcome, Reply, RequestCase, SocketCase, Then, Way
from tests.conformance.http_replies import Response


@dataclass(frozen=True)
class Observation:
    """What came on one way."""

    replies: tuple[Response, ...] = ()
    events: tuple[str, ...] = ()
    close: int | None = None
    is_open: bool = False
    """The connection took one more ping, or one more request, at the end."""
    has_ended: bool = False
    extension: str | None = None
    faults: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [str(reply.status) for reply in self.replies]
        parts += [event[:60] for event in self.events]
        if self.close is not None:
            parts.append(f"close {self.close}")
        parts.append("open" if self.is_open else "TCP ended" if self.has_ended else "no answer, TCP left open")
        if self.extension is not None:
            parts.append(f"[{self.extension}]")
        return ", ".join([*parts, *(f"FAULT {fault}" for fault in self.faults)])

    def alike(self) -> tuple[object, ...]:
        """What must be the same on every way."""
        statuses = tuple(reply.status for reply in self.replies)
        return statuses, self.events, self.close, self.is_open, bool(self.faults)


def judge(case: Case, way: Way, seen: Observation) -> str | None:
    """What is wrong with it, in one sentence; None: it is as it should be."""
    wrong = _judge_socket(case, seen) if isinstance(case, SocketCase) else _judge_request(case, way, seen)
    if wrong is None and seen.faults:
        return f"no server may send what came: {seen}"
    return wrong


# -- private ------------------------------------------------------------------------------------------------------


def _fits(outcome: Outcome, seen: Observation) -> bool:
    if outcome.events != seen.events:
        return False
    if outcome.codes:
        return seen.close in outcome.codes and seen.has_ended
    return seen.is_open


def _reply_fits(wanted: tuple[Reply, ...], came: tuple[Response, ...]) -> bool:
    return len(wanted) == len(came) and all(
        response.status in reply.statuses
        and all(re.fullmatch(pattern, response.value(name.lower()) or "") for name, pattern in reply.has)
        and (reply.body is None or (reply.body in response.body if reply.body else not response.body))
        for reply, response in zip(wanted, came, strict=True)
    )


def _judge_socket(case: SocketCase, seen: Observation) -> str | None:
    if any(_fits(outcome, seen) for outcome in case.allowed):
        return None
    return f"expected {' or '.join(map(str, case.allowed))}, came {seen}"


def _judge_request(case: RequestCase, way: Way, seen: Observation) -> str | None:
    if any(_reply_fits(replies, seen.replies) for replies in case.allowed):
        return _judge_rest(case, way, seen)
    return f"expected {' or '.join(', '.join(map(str, replies)) for replies in case.allowed)}, came {seen}"


def _judge_rest(case: RequestCase, way: Way, seen: Observation) -> str | None:
    if seen.replies[-1].status == 101:
        if seen.events != case.events or not seen.is_open:
            return f"expected {list(case.events)} on a socket that works, came {seen}"
        try:
            holds = (
                seen.extension is None if case.extension is None or not way.deflates else case.extension(seen.extension)
            )
        except ValueError as fault:
            return str(fault)
        return None if holds else f"the response has Sec-WebSocket-Extensions: {seen.extension}"
    if case.then is Then.KEEPS and not seen.is_open:
        return f"expected a connection that takes one more request, came {seen}"
    if case.then is Then.CLOSES and not seen.has_ended:
        return f"expected the end of the connection, came {seen}"
    return None
