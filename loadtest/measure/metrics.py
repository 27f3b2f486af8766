"""The metrics of a run: their names in thresholds, tables and files, and which series or requests each one joins.

One name per measured quantity, whatever Locust's table or the routes of a server call it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from loadtest.measure.examples import NOT_UNDERSTOOD
from loadtest.measure.judging.tally import ReachTally
from loadtest.measure.ledger import FRESH_BY_PUSH, RECONNECT_TO_FRESH
from loadtest.measure.recorder import LATENESS, LOOP_LAG, OWN_LOSSES, Recorder, RequestKey
from loadtest.measure.series import Series, merged

RECONNECT = "reconnect"
ARRIVALS = "arrivals"
WITHOUT_A_SEAT = "arrivals without a seat"
POLLS_SKIPPED = "polls skipped"
RESTARTS = "restarts of the server"
RESTARTS_ASKED_FOR = "restarts asked for"
"""The operator was asked to restart the server; whether that was done is not known."""
RESTARTS_FAILED = "restarts that failed"
FAULTS, FAULTS_FAILED = "faults", "faults that failed"
FAN_OUT = {"presence": "fan-out of presence", "rooms": "fan-out of rooms"}
SPREAD = "fan-out of others"
TCP_ROUND_TRIP = "round trip of TCP"
SEGMENTS, RETRANSMITTED = "TCP segments sent, of a sample", "TCP segments sent again, of the sample"
LATE_WORKERS = "workers that joined the running test"
ONLINE_BEFORE = "players' users that were online before the run"

FAILURES = "players who gave up"
WITHOUT_IDENTITY = "players without a user of their own"
"""No token was left for them; they do not play, so the load is not the one that was asked for."""
CALLED_OFF = "workers that called the run off"
ROLE_FAULTS = "faults of the role "
"""Begins the name of an event per kind of fault in the code of a role."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    name: str
    title: str
    series: tuple[str, ...] = ()
    requests: tuple[RequestKey, ...] = ()

    @property
    def parts(self) -> tuple[str | RequestKey, ...]:
        return (*self.series, *self.requests)


_OF_EVERY_RUN = (
    Metric(name="register", title="Register", requests=(("POST", "/api/auth/register"),)),
    Metric(name="login", title="Log in", requests=(("POST", "/api/auth/login"),)),
    Metric(name="upgrade", title="Upgrade", requests=(("WS", "upgrade"),)),
    Metric(name="handshake", title="Handshake", requests=(("WS", "handshake"),)),
    Metric(name="heartbeat", title="Heartbeat round trip", requests=(("WS", "heartbeat"),)),
    Metric(name="room_create", title="Create a room", requests=(("POST", "/api/rooms"),)),
    Metric(name="fanout", title="Fan-out, all", series=tuple(FAN_OUT.values())),
    Metric(name="fanout_presence", title="Fan-out of presence", series=(FAN_OUT["presence"],)),
    Metric(name="fanout_rooms", title="Fan-out of rooms", series=(FAN_OUT["rooms"],)),
    Metric(name="spread", title="Spread: first to hear of others to each", series=(SPREAD,)),
    Metric(name="fresh", title="Time to fresh, by push", series=(FRESH_BY_PUSH,)),
    Metric(name="reconnect", title="Reconnect: loss to accepted", series=(RECONNECT,)),
    Metric(name="reconnect_fresh", title="Reconnect: loss to fresh", series=(RECONNECT_TO_FRESH,)),
    Metric(name="fetch", title="Fetch", requests=(("GET", "/api/rooms"),)),
    Metric(name="poll", title="Poll", requests=(("GET", "/api/rooms (poll)"), ("GET", "/api/rooms (poll, ETag)"))),
    Metric(name="tcp_round_trip", title="Round trip of the network (TCP)", series=(TCP_ROUND_TRIP,)),
    Metric(name="lateness", title="Lateness of the swarm", series=(LATENESS,)),
    Metric(name="loop_lag", title="Loop lag of the generator", series=(LOOP_LAG,)),
)


class MetricBook(Mapping[str, Metric]):
    """By name. Those of every run are in it from the beginning; a role that is entered adds its own."""

    def __init__(self, metrics: Iterable[Metric] = ()) -> None:
        self._metrics = {metric.name: metric for metric in metrics}
        self.counters: dict[str, str] = {}
        """Of the roles: the event that is counted, by the name that thresholds use."""
        self.expectations: dict[str, str] = {}
        """Of the roles: the title, by name."""

    def add(self, metric: Metric) -> None:
        """Raises `ValueError` for a name that is taken. The same once more is no error."""
        if metric != self.get(metric.name, metric):
            raise ValueError(f"there is a series {metric.name} already: choose another name")
        self._metrics[metric.name] = metric

    def add_counter(self, name: str, event: str) -> None:
        """Raises `ValueError`, as `add`."""
        if self.counters.get(name, event) != event or name in COUNTS_OF_EVERY_RUN:
            raise ValueError(f"there is a counter {name} already: choose another name")
        self.counters[name] = event

    def add_expectation(self, name: str, title: str) -> None:
        """What its listeners should hear; the times are a series of that name. Raises `ValueError`, as `add`."""
        if name in ("presence", "rooms"):
            raise ValueError(f"{name} is what the ledger expects already: choose another name")
        self.add(Metric(name=name, title=title, series=(name,)))
        self.expectations[name] = title

    def __getitem__(self, name: str) -> Metric:
        return self._metrics[name]

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._metrics))

    def __len__(self) -> int:
        return len(self._metrics)

    @property
    def count_names(self) -> tuple[str, ...]:
        """Of the single numbers that a threshold may name."""
        own = (f"{figure}_{name}" for name in self.expectations for figure in ("reach", "lost"))
        return (*COUNTS_OF_EVERY_RUN, *own, *self.counters)

    def is_share(self, count_name: str) -> bool:
        """Of another number, so that percent say something."""
        reaches = {"reach", "reach_presence", "reach_rooms", *(f"reach_{name}" for name in self.expectations)}
        return count_name == "errors.rate" or count_name in reaches


def series_of(recorder: Recorder, metric: Metric) -> Series:
    """All that was recorded under that name, in one histogram."""
    parts = [recorder.reported(name) for name in metric.parts]
    return parts[0] if len(parts) == 1 else merged(*parts)


def series_at(recorder: Recorder, metric: Metric, place: str) -> Series:
    """What of that metric was put to one place (`loadtest.measure.points`)."""
    return merged(*(recorder.series_at(name, place) for name in metric.parts))


def counts_by_place(recorder: Recorder, metric: Metric) -> Counter[str]:
    """How many durations of that metric were put where (`loadtest.measure.points`)."""
    places: Counter[str] = Counter()
    for name in metric.parts:
        places.update(recorder.counts_by_place(name))
    return places


def counts_of(recorder: Recorder, *, duration_s: float) -> dict[str, float | None]:
    """The counts and rates that a threshold may name; None where nothing was measured."""
    tallies = recorder.tallies
    presence, rooms, both = tallies["presence"], tallies["rooms"], ReachTally()
    for tally in tallies.values():
        both.add(tally)
    all_requests, events = recorder.requests, recorder.events
    requests = sum(figures.count for figures in all_requests.values())
    errors = sum(figures.failure_count for figures in all_requests.values())
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
        "missed": both.missed,
        "unjudged": both.unjudged,
        "not_understood": events[NOT_UNDERSTOOD],
        "errors.rate": errors / requests if requests else None,
        "errors.count": errors,
        "requests.count": requests,
        "requests.rate": requests / duration_s if duration_s else None,
        "received.count": received,
        "received.rate": received / duration_s if duration_s else None,
        "losses": events["connections lost"] - events[OWN_LOSSES],
        "reconnects": events["reconnects"],
        "gave_up": events[FAILURES],
        **{f"reach_{name}": tallies.get(name, ReachTally()).reach for name in METRICS.expectations},
        **{f"lost_{name}": tallies.get(name, ReachTally()).lost for name in METRICS.expectations},
        **{name: events[event] for name, event in METRICS.counters.items()},
    }


METRICS = MetricBook(_OF_EVERY_RUN)
"""Of this process: what every run has, and what the roles have entered."""
COUNTS_OF_EVERY_RUN = tuple(counts_of(Recorder(), duration_s=0.0))


def errors_by_name(recorder: Recorder) -> Counter[str]:
    """Failures under names that are the same for every run and every server."""
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
