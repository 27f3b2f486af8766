"""The names that thresholds, tables and files use, and where each one's figures come from.

One name a thing that is measured, whatever Locust's table or the routes of a server call it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from loadtest.measure.ledger import FRESH_BY_PUSH, RECONNECT_TO_FRESH
from loadtest.measure.recorder import Recorder, RequestKey
from loadtest.measure.series import Series, merged

FRESH_BY_POLL = "time to fresh, by polling"
RECONNECT = "reconnect"
LATENESS = "lateness of the swarm"
"""Of what players do, of the beginnings of their sessions and of heartbeats. Timers wake to the millisecond: half of
one is ordinary, and contained in whatever counts from an intended time, such as the round trip of a heartbeat."""
ARRIVALS = "arrivals"
WITHOUT_A_SEAT = "arrivals without a seat"
POLLS_SKIPPED = "polls skipped"
RESTARTS = "restarts of the server"
RESTARTS_ASKED_FOR = "restarts asked for"
"""Of whoever watches the run: whether it was done is not known."""
RESTARTS_FAILED = "restarts that failed"
LOOP_LAG = "loop lag of the generator"
FAN_OUT = {"presence": "fan-out of presence", "rooms": "fan-out of rooms"}

CHAT_DELIVERY = "chat delivery"
INVITATION = "invitation round trip"

FAILURES = "players who gave up"


@dataclass(frozen=True, kw_only=True)
class Metric:
    name: str
    title: str
    series: tuple[str, ...] = ()
    requests: tuple[RequestKey, ...] = ()


METRICS = (
    Metric(name="register", title="Register", requests=(("POST", "/api/auth/register"),)),
    Metric(name="login", title="Log in", requests=(("POST", "/api/auth/login"),)),
    Metric(name="upgrade", title="Upgrade", requests=(("WS", "upgrade"),)),
    Metric(name="handshake", title="Handshake", requests=(("WS", "handshake"),)),
    Metric(name="heartbeat", title="Heartbeat round trip", requests=(("WS", "heartbeat"),)),
    Metric(name="room_create", title="Make a room", requests=(("POST", "/api/rooms"),)),
    Metric(name="fanout", title="Fan-out, all", series=tuple(FAN_OUT.values())),
    Metric(name="fanout_presence", title="Fan-out of presence", series=(FAN_OUT["presence"],)),
    Metric(name="fanout_rooms", title="Fan-out of rooms", series=(FAN_OUT["rooms"],)),
    Metric(name="fresh", title="Time to fresh, by push", series=(FRESH_BY_PUSH,)),
    Metric(name="fresh_poll", title="Time to fresh, by polling", series=(FRESH_BY_POLL,)),
    Metric(name="reconnect", title="Reconnect: loss to accepted", series=(RECONNECT,)),
    Metric(name="reconnect_fresh", title="Reconnect: loss to fresh", series=(RECONNECT_TO_FRESH,)),
    Metric(name="fetch", title="Fetch", requests=(("GET", "/api/rooms"),)),
    Metric(name="poll", title="Poll", requests=(("GET", "/api/rooms (poll)"), ("GET", "/api/rooms (poll, ETag)"))),
    Metric(name="chat", title="Chat delivery: said to heard", series=(CHAT_DELIVERY,)),
    Metric(name="invitation", title="Invitation: sent to joined", series=(INVITATION,)),
    Metric(name="lateness", title="Lateness of the swarm", series=(LATENESS,)),
    Metric(name="loop_lag", title="Loop lag of the generator", series=(LOOP_LAG,)),
)
BY_NAME: Mapping[str, Metric] = {metric.name: metric for metric in METRICS}


def series_of(recorder: Recorder, metric: Metric) -> Series:
    """All that was recorded under that name, in one histogram."""
    parts = [recorder.series[name] for name in metric.series if name in recorder.series]
    parts += [recorder.requests[key].times for key in metric.requests if key in recorder.requests]
    return parts[0] if len(parts) == 1 else merged(*parts)


def counts_of(recorder: Recorder, *, duration_s: float) -> dict[str, float | None]:
    """The single numbers that a threshold may ask for; None where there is nothing to judge by."""
    presence, rooms = recorder.presence, recorder.rooms
    both = recorder.presence
    both.add(rooms)
    requests = sum(figures.count for figures in recorder.requests.values())
    errors = sum(figures.failure_count for figures in recorder.requests.values())
    events = recorder.events
    received = sum(number for name, number in events.items() if name.startswith("received "))
    return {
        "reach": both.reach,
        "reach_presence": presence.reach,
        "reach_rooms": rooms.reach,
        "lost": both.lost,
        "late": both.late,
        "duplicates": both.duplicates,
        "out_of_order": both.out_of_order,
        "unexpected": both.unexpected,
        "errors.rate": errors / requests if requests else None,
        "errors.count": errors,
        "requests.count": requests,
        "requests.rate": requests / duration_s if duration_s else None,
        "received.count": received,
        "received.rate": received / duration_s if duration_s else None,
        "losses": events["connections lost"],
        "reconnects": events["reconnects"],
        "gave_up": events[FAILURES],
    }


COUNT_NAMES = tuple(counts_of(Recorder(), duration_s=0.0))


def errors_by_name(recorder: Recorder) -> Counter[str]:
    """What failed, under names that stay the same from run to run and server to server."""
    names: Counter[str] = Counter()
    for figures in recorder.requests.values():
        for text, number in figures.failures.items():
            names[error_name(text)] += number
    return names


_NAMES = (
    (r"\bHTTP (\d{3})\b|answered the upgrade with (\d{3})", "http_{}"),
    (r"closed with (\d{4})", "closed_{}"),
    (r"answered with (\w+)", "refused_{}"),
    (r"connection refused", "connection_refused"),
    (r"connection reset|reset by peer", "connection_reset"),
    (r"handshake was not answered", "handshake_timeout"),
    (r"timed? ?out", "timeout"),
    (r"lost before the answer", "lost_before_answer"),
    (r"too many open files", "out_of_file_descriptors"),
    (r"cannot assign requested address|address already in use", "out_of_ports"),
    (r"nothing heard", "silence"),
    (r"broken pipe|closed|gone|no answer", "connection_closed"),
)


def error_name(text: str) -> str:
    """``HTTP 503`` → ``http_503``. A text of no known kind becomes its own first words, without figures."""
    for pattern, name in _NAMES:
        found = re.search(pattern, text, re.IGNORECASE)
        if found is not None:
            return name.format(next((group for group in found.groups() if group), ""))
    return "_".join(re.findall(r"[a-z]+", text.lower())[:6]) or "unknown"
