"""What clients of one way came to per client-hour, in whichever scenario it was measured: one shape for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt

from bench.analysis.derived.overview import way_costs_of
from bench.analysis.estimates import at, estimate
from bench.analysis.sources import achieved as rate_of_group
from bench.analysis.sources import hour, readings
from bench.analysis.validity import Judgement
from bench.analysis.windows import COST_POLL_S, HEARTBEATS_AN_HOUR, MENDED, achieved_per_s, heartbeat_bytes
from bench.citations import Quantity, number, setting
from bench.measures import (
    BYTES_PER_CLIENT_HOUR,
    CHANGES_PER_S,
    EVENTS_PER_CLIENT_HOUR,
    EVENTS_PER_PLAYER_HOUR,
    KIB_PER_PLAYER_HOUR,
    REQUESTS_PER_CLIENT_HOUR,
    REQUESTS_PER_PLAYER_HOUR,
)
from bench.record.profiles.sizes import COST_ROOMS, LIVES
from bench.record.run import Run
from bench.words import rate_words, size

SINGLE_PER_S = 1.0
"""Up to this rate changes are at least half a second apart, and each is announced by itself."""


@dataclass(frozen=True)
class Flow:
    """What clients of one way came to in one scenario, per client-hour."""

    source: str
    way: str
    rooms: int
    clients: int
    nominal_per_s: float
    achieved_per_s: float
    poll_s: float
    bytes: float
    events: float | None
    requests: float
    hours: float
    """Client-hours that were counted in one window."""
    judgement: Judgement
    of_bytes: Quantity
    """The quantities of its fields, to cite them by."""
    of_events: Quantity
    of_requests: Quantity
    of_rate: Quantity
    of_poll: Quantity
    is_exact: bool = False
    """Nobody acts at the edges of the window, and nothing is on its way."""
    changes: int = 0
    """Of the list in one window."""
    by_chance: bool = False
    """Heartbeats came at phases that were drawn one by one, and not spread evenly."""

    @property
    def polls(self) -> bool:
        return self.way.startswith("polling")

    @property
    def when(self) -> str:
        return rate_words(self.nominal_per_s, self.achieved_per_s, self.of_rate) if self.nominal_per_s else "idle"

    @property
    def fetched(self) -> float:
        """Fetches per announcement; 1 of who does not fetch on them."""
        if self.way not in ("push", "rev") or not self.events:
            return 1.0
        return (self.requests - HEARTBEATS_AN_HOUR) / self.events

    @property
    def of_fetched(self) -> Quantity:
        return {"of": "fetched", "requests": self.of_requests, "events": self.of_events}

    def at(self, changes_per_s: float) -> float:
        """Bytes at a rate near the achieved one: for who is told, what changes cause grows with it."""
        if self.polls or not self.achieved_per_s:
            return self.bytes
        idle = HEARTBEATS_AN_HOUR * heartbeat_bytes()
        return idle + (self.bytes - idle) * changes_per_s / self.achieved_per_s

    def of_bytes_at(self, other: Flow) -> Quantity:
        """Of `at` the rate of another."""
        if self.polls or not self.achieved_per_s:
            return self.of_bytes
        return {"of": "at rate", "own": self.of_bytes, "from": self.of_rate, "to": other.of_rate}

    @property
    def odd_share(self) -> float:
        """Part of the bytes that an odd number of changes may make more or less: one room more was made than ended, or
        the reverse. A delta with a room is three times as long as one that takes it away, so half of one more or less;
        a list is longer by that room for as long as it is there."""
        if self.changes % 2 == 0 or (not self.rooms and self.way != "delta"):
            return 0.0
        return (0.5 if self.way == "delta" else 1 / self.rooms) / self.changes

    @property
    def edge(self) -> float:
        """Part of the bytes that may be in the window or not, by how its edges fell: one poll or heartbeat of all
        clients, and one event of each where changes follow so closely that one may be on its way."""
        if self.is_exact or not self.bytes:
            return 0.0
        if self.polls:
            return 1 / max(1.0, self.requests * self.hours)
        heartbeats = 2 * sqrt(HEARTBEATS_AN_HOUR * self.hours) if self.by_chance else 1.0
        on_its_way = 0.0
        if self.nominal_per_s > SINGLE_PER_S and self.events:
            on_its_way = self.clients / (self.events * self.hours)
        return on_its_way + heartbeats * heartbeat_bytes() / (self.bytes * self.hours)


def flows(run: Run) -> list[Flow]:
    """Of all scenarios with windows, bandwidth first. Of a run `over_the_window`."""
    return [*_bandwidth_flows(run), *_cell_flows(run)]


def _bandwidth_flows(run: Run) -> Iterator[Flow]:
    """At true length alone: in a shortened run everybody acts more often."""
    sizes = run.profile.bandwidth
    if run.found("bandwidth") is None or sizes.time_scale != 1:
        return
    for cost in way_costs_of(run):
        yield Flow(
            source="bandwidth", way=cost.kind, rooms=cost.rooms, clients=sizes.clients,
            nominal_per_s=cost.changes_per_s, achieved_per_s=cost.achieved_per_s, poll_s=sizes.poll_s,
            bytes=cost.model, events=cost.events, requests=cost.requests,
            hours=sizes.clients * sizes.window_s / 3600, judgement=cost.judgement, is_exact=True, changes=cost.changes,
            of_bytes=hour(cost.kind, cost.rooms, cost.changes_per_s, "wire"),
            of_events=hour(cost.kind, cost.rooms, cost.changes_per_s, "events"),
            of_requests=hour(cost.kind, cost.rooms, cost.changes_per_s, "requests"),
            of_rate=rate_of_group(cost.kind, cost.rooms, cost.changes_per_s), of_poll=setting("bandwidth.poll_s"),
        )  # fmt: skip


def _cell_flows(run: Run) -> Iterator[Flow]:
    profile = run.profile
    windows = {
        "freshness": (profile.freshness.window_s, profile.freshness.poll_s),
        "break-even": (profile.break_even.window_s, profile.break_even.poll_s),
        "cost": (profile.cost.window_s, COST_POLL_S),
    }
    for name, (window_s, poll_s) in windows.items():
        found = run.found(name)
        for measure in found.measures if found is not None else ():
            is_cost = measure.measure == KIB_PER_PLAYER_HOUR
            made = estimate(measure)
            if found is None or made is None or not (is_cost or measure.measure == BYTES_PER_CLIENT_HOUR):
                continue
            of_events = EVENTS_PER_PLAYER_HOUR if is_cost else EVENTS_PER_CLIENT_HOUR
            of_requests = REQUESTS_PER_PLAYER_HOUR if is_cost else REQUESTS_PER_CLIENT_HOUR
            events, requests = (at(found, each, measure.party, measure.where) for each in (of_events, of_requests))
            achieved = achieved_per_s(found, measure.party, measure.where)
            in_list = {"in_list": COST_ROOMS} if is_cost else {}
            of_rate = readings(name, CHANGES_PER_S, measure.party, measure.where)
            yield Flow(
                source=f"{name}, {size(measure.clients)} clients",
                way=LIVES[measure.party][0] if is_cost else measure.party,
                rooms=COST_ROOMS if is_cost else measure.rooms, clients=measure.clients,
                nominal_per_s=measure.changes_per_s,
                achieved_per_s=achieved if achieved is not None else measure.changes_per_s, poll_s=poll_s,
                bytes=made.value * 1024 if is_cost else made.value, events=events.value if events else None,
                requests=requests.value if requests else 0.0, hours=measure.clients * window_s / 3600,
                judgement=made.judgement, by_chance=MENDED in found.notes,
                changes=max(1, round(measure.changes_per_s * window_s)) if measure.changes_per_s else 0,
                of_bytes={**readings(name, measure.measure, measure.party, measure.where), **in_list},
                of_events={**readings(name, of_events, measure.party, measure.where), **in_list},
                of_requests={**readings(name, of_requests, measure.party, measure.where), **in_list},
                of_rate=of_rate if achieved is not None else number(measure.changes_per_s),
                of_poll=number(COST_POLL_S) if is_cost else setting(f"{name.replace('-', '_')}.poll_s"),
            )  # fmt: skip
