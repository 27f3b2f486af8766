"""Overview of a run that must agree because they are of one quantity: what two scenarios measured, or what follows.

* bytes of per client-hour: the same way, list and rate, in two scenarios;
* events of per client-hour: the achieved rate, where the server announces every change by itself;
* requests of plain polling: one a period;
* bytes with TCP/IP: the model, and what the link of its own carried;
* framed bytes: the kernel's count of the same sockets, to the byte;
* the break-even: the measured cells, the model that is fitted to them, and the simple model.

A pair has a limit of its own, told beside it. When it disagrees, it says which figure is believed and why, or that
neither is. Everything is derived from the run, of runs that are kept, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bench.analysis.break_even import FLAT, Surface, simple_per_s, surfaces_of
from bench.analysis.consistency.flows import SINGLE_PER_S, Flow, flows
from bench.analysis.crossings import crossing_per_s, measured_crossing
from bench.analysis.derived.overview import traffic_of, way_costs_of
from bench.analysis.derived.traffic import WayCost
from bench.analysis.estimates import distance
from bench.analysis.sources import achieved as rate_of_group
from bench.analysis.sources import crossing, hour
from bench.analysis.validity import Judgement, judge_group
from bench.analysis.windows import over_the_window
from bench.citations import Quantity, cite, combined, number
from bench.measures import BYTES_PER_CLIENT_HOUR, FRAMED_OVER_KERNEL
from bench.record.run import Run
from bench.record.traffic import TrafficGroup
from bench.words import WAY_WORDS, count, in_bytes, in_digits, rate_words, size, size_words, way_words
from loadtest.results.validity import Validity

COUNTED_LIMIT = 0.02
"""Bytes and messages are counted, and differ by the digits of numbers in them alone. One more or less at the edges of
the window is added."""

TCP_IP_LIMIT = 0.05
"""What the model of TCP/IP may be off."""

MODEL_LIMIT = 0.10
"""What a model of the break-even may be off."""

SIMPLE_LIMIT = 0.20
"""The simple model leaves out heartbeats and the announcement itself, which weigh more the shorter the list is."""

SINGLE_CLIENTS = 1_000
"""Likewise: with more clients the server lets more time pass between two announcements."""

FETCHED_BY_POLLS = ("polling", "polling_etag", "polling_gzip")

FETCHED_ALL = 0.98
"""Fetches per announcement below which fetches ran into each other."""


@dataclass(frozen=True)
class Side:
    """One of two figures."""

    source: str
    value: float
    words: str
    judgement: Judgement = Judgement(Validity.VALID)
    fetched: float = 1.0
    """Fetches per announcement, for who fetches on each."""
    of: Quantity = field(default_factory=dict)
    """What `value` is, for the auditor; likewise `fetched`."""
    of_fetched: Quantity = field(default_factory=dict)
    is_model: bool = False
    """Reckoned, where the other is counted."""
    is_fitted: bool = False
    """By a model that was fitted to the cells of the other."""
    is_uneven: bool = False
    """In its window one room more was made than ended, or the reverse, and that can be the difference."""

    @property
    def doubt(self) -> str:
        """Why it is not to be believed; empty where nothing is known against it."""
        if self.judgement.validity is not Validity.VALID:
            return f"{self.source} is {self.judgement.without_amounts}"
        if self.is_model:
            return f"{self.source} leaves out the opening of connections, and guesses what is acknowledged by itself"
        if self.is_fitted:
            return f"{self.source} misses cells, and where two ways cost nearly the same a little moves a crossing far"
        if self.fetched < FETCHED_ALL:
            fetched = cite(in_digits(self.fetched, 2), self.of_fetched)
            return f"in {self.source} fetches ran into each other, {fetched} per announcement"
        if self.is_uneven:
            return f"in {self.source} a window had one room more made than ended, or the reverse"
        return ""


@dataclass(frozen=True)
class Pair:
    """Two figures of one quantity."""

    quantity: str
    own: Side
    other: Side
    limit: float
    """As a distance from a ratio of 1; 0: they are equal."""
    why: str
    """Where the limit is from."""

    @property
    def ratio(self) -> float:
        return self.own.value / self.other.value if self.other.value else float("nan")

    @property
    def agrees(self) -> bool:
        return distance(self.ratio) <= self.limit

    @property
    def verdict(self) -> str:
        """In words; of two that disagree, which is believed."""
        if self.agrees:
            return "agree"
        sides = (self.own, self.other)
        doubtful = [side for side in sides if side.doubt]
        if len(doubtful) == 1:
            believed = next(side for side in sides if side is not doubtful[0])
            return f"disagree: {believed.source} is believed, {doubtful[0].doubt}"
        reasons = "; ".join(side.doubt for side in doubtful) or "nothing is known against either"
        return f"disagree: neither is believed ({reasons})"


def pairs(run: Run) -> list[Pair]:
    """All of a run, in the order of the list above."""
    run = over_the_window(run)
    measured = flows(run)
    return [
        *_same_bytes(measured), *_on_the_link(run), *(pair for flow in measured for pair in _by_themselves(flow)),
        *_kernel(run), *_break_even(run),
    ]  # fmt: skip


def _same_bytes(measured: Sequence[Flow]) -> Iterator[Pair]:
    """Each against the first that measured the same; idle, all who hold a socket are the same whatever the list."""
    first: dict[tuple[str, int, float, float], Flow] = {}
    for flow in measured:
        is_idle_socket = not flow.polls and not flow.nominal_per_s
        way, rooms = ("a socket", 0) if is_idle_socket else (flow.way, flow.rooms)
        key = (way, rooms, flow.nominal_per_s, flow.poll_s if flow.polls else 0.0)
        other = first.setdefault(key, flow)
        if other.source == flow.source:
            continue
        rate = other.achieved_per_s
        what = way if is_idle_socket else f"{way_words(way)}, {size_words(rooms, 'room')}"
        own, reference = flow.at(rate), other.bytes
        limit = COUNTED_LIMIT + flow.edge + other.edge
        off = distance(own / reference) if reference else 0.0
        is_by_one = off <= limit + flow.odd_share + other.odd_share
        yield Pair(
            quantity=f"bytes per client-hour, {what}, {other.when}",
            own=Side(
                flow.source,
                own,
                in_bytes(own),
                flow.judgement,
                flow.fetched,
                is_uneven=is_by_one and flow.odd_share > 0,
                of=flow.of_bytes_at(other),
                of_fetched=flow.of_fetched,
            ),
            other=Side(
                other.source,
                reference,
                in_bytes(reference),
                other.judgement,
                other.fetched,
                is_uneven=is_by_one and other.odd_share > 0,
                of=other.of_bytes,
                of_fetched=other.of_fetched,
            ),
            limit=limit,
            why=f"{COUNTED_LIMIT:.0%} and "
            + ("what phases drawn one by one differ by" if flow.by_chance else "one exchange at an edge"),
        )


def _on_the_link(run: Run) -> Iterator[Pair]:
    """Of each way, where the model of TCP/IP is furthest from what its link carried."""
    worst: dict[str, WayCost] = {}
    costs = way_costs_of(run)
    for cost in costs:
        if cost.measured:
            worst[cost.kind] = max(worst.get(cost.kind, cost), cost, key=_off)
    for way, cost in worst.items():
        made = rate_of_group(way, cost.rooms, cost.changes_per_s)
        where = f"{size_words(cost.rooms, 'room')}, {rate_words(cost.changes_per_s, cost.achieved_per_s, made)}"
        yield Pair(
            quantity=f"bytes per client-hour with TCP/IP, {way_words(way)}, the worst: {where}",
            own=Side(
                "the model",
                cost.model,
                in_bytes(cost.model),
                cost.judgement,
                is_model=True,
                of=hour(way, cost.rooms, cost.changes_per_s, "wire"),
            ),
            other=Side(
                "its link",
                cost.measured or 0.0,
                in_bytes(cost.measured or 0.0),
                cost.judgement,
                of=hour(way, cost.rooms, cost.changes_per_s),
            ),
            limit=TCP_IP_LIMIT,
            why=f"{TCP_IP_LIMIT:.0%}: acknowledgements that the kernel sends by themselves or not",
        )


def _off(cost: WayCost) -> float:
    return distance(cost.model / cost.measured) if cost.measured else 0.0


def _by_themselves(flow: Flow) -> Iterator[Pair]:
    """What follows from the rate and the period alone."""
    where = f"{way_words(flow.way)}, {size_words(flow.rooms, 'room')}, {flow.when}"
    is_single = 0 < flow.nominal_per_s <= SINGLE_PER_S and flow.clients <= SINGLE_CLIENTS
    if not flow.polls and is_single and flow.events is not None:
        due = flow.achieved_per_s * 3600
        yield Pair(
            quantity=f"events per client-hour, {where}",
            own=Side(flow.source, flow.events, count(flow.events), flow.judgement, of=flow.of_events),
            other=Side(
                "changes of that window",
                due,
                f"{count(due)} an hour",
                of=combined("product", flow.of_rate, number(3600)),
            ),
            limit=COUNTED_LIMIT,
            why=f"{COUNTED_LIMIT:.0%}: nothing is on its way at an edge",
        )
    if flow.way == "polling" and flow.source != "bandwidth":
        due = 3600 / flow.poll_s
        yield Pair(
            quantity=f"requests per client-hour, {where}",
            own=Side(flow.source, flow.requests, count(flow.requests), flow.judgement, of=flow.of_requests),
            other=Side(
                f"one per {cite(f'{flow.poll_s:g}', flow.of_poll)} s",
                due,
                count(due),
                of=combined("times", number(3600), flow.of_poll),
            ),
            limit=COUNTED_LIMIT + 1 / max(1.0, due * flow.hours),
            why=f"{COUNTED_LIMIT:.0%} and one request at an edge",
        )


def _kernel(run: Run) -> Iterator[Pair]:
    """Framed bytes are what TCP carries."""
    groups: dict[str, list[TrafficGroup]] = {}
    traffic = traffic_of(run)
    for group in traffic.groups if traffic is not None else ():
        groups.setdefault(group.kind, []).append(group)
    for way, same in groups.items():
        counted = [client for group in same for client in group.clients if client.kernel_sent_bytes is not None]
        ours = sum(client.framed_bytes for client in counted)
        theirs = sum((client.kernel_sent_bytes or 0) + (client.kernel_received_bytes or 0) for client in counted)
        if theirs:
            worst = max((judge_group(group) for group in same), key=lambda each: each.validity is not Validity.VALID)
            yield _framed("bandwidth", way, ours, theirs, worst)
    for found in run.findings:
        ratios = [
            (each.party, reading.value)
            for each in found.measures if each.measure == FRAMED_OVER_KERNEL for reading in each.readings
        ]  # fmt: skip
        if ratios:
            party, worst_ratio = max(ratios, key=lambda each: distance(each[1]))
            of = {"of": "furthest", "scenario": found.name, "name": FRAMED_OVER_KERNEL.name}
            cells = cite(f"{len(ratios)}", {**of, "take": "n"})
            worst_way = cite(way_words(party), {**of, "of": "furthest party", "names": WAY_WORDS})
            words = f"all ways, {cells} cells; the worst is {worst_way}"
            yield Pair(
                quantity=f"framed bytes, {words}",
                own=Side(
                    found.name,
                    worst_ratio,
                    f"{worst_ratio:.6g} ×",
                    of=of,
                ),
                other=Side("TCP_INFO", 1.0, "1 ×", of=number(1)),
                limit=0.0,
                why="to the byte",
            )


def _framed(source: str, way: str, ours: int, theirs: int, judgement: Judgement) -> Pair:
    def kernel(take: str) -> Quantity:
        return {"of": "kernel", "way": way, "take": take}

    return Pair(
        quantity=f"framed bytes, {way_words(way)}",
        own=Side(source, ours, f"{count(ours)} B", judgement, of=kernel("framed")),
        other=Side("TCP_INFO", theirs, f"{count(theirs)} B", of=kernel("kernel")),
        limit=0.0,
        why="to the byte",
    )


def _break_even(run: Run) -> Iterator[Pair]:
    """Of bytes, push against each way of polling, where the cells next to it have their announcements one by one: by
    these cells, by a model that held-out cells confirm, and against plain polling by the simple model."""
    if run.found("break-even") is None:
        return
    fitted = {each.way: each for each in surfaces_of(run, BYTES_PER_CLIENT_HOUR)}
    for rival in FETCHED_BY_POLLS:
        if not {"push", rival} <= fitted.keys():
            continue
        for clients in run.profile.break_even.clients:
            yield from _break_even_with(run, fitted["push"], fitted[rival], clients)


def _break_even_with(run: Run, push: Surface, rival: Surface, clients: int) -> Iterator[Pair]:
    measured = measured_crossing(push, rival, clients)
    if measured is None or measured.high_per_s > SINGLE_PER_S * (1 + COUNTED_LIMIT):
        return
    of = {take: crossing(BYTES_PER_CLIENT_HOUR, "push", rival.way, clients, take) for take in ("rate", "model")}
    per_s = f"{in_digits(measured.per_s)} changes per second"
    own = Side("what was measured", measured.per_s, per_s, measured.judgement, of=of["rate"])
    quantity = f"break-even of push and {way_words(rival.way)} in bytes, {size(clients)} clients"
    rate = crossing_per_s(push, rival, clients)
    is_plain = rival.way in FLAT
    if rate is not None and (is_plain or (push.is_confirmed and rival.is_confirmed)):
        errors = [*push.errors, *([] if is_plain else rival.errors)]
        off = Side("the fitted model", rate, in_digits(rate), of=of["model"], is_fitted=True)
        why = f"{MODEL_LIMIT:.0%}; the model misses a cell by up to {max(errors, default=0.0):.0%}"
        yield Pair(quantity, own, off, MODEL_LIMIT, why)
    if is_plain:
        simple = simple_per_s(run.profile.break_even.poll_s)
        why = f"{SIMPLE_LIMIT:.0%}: it leaves out heartbeats and the announcement"
        of_simple = crossing(BYTES_PER_CLIENT_HOUR, "push", rival.way, clients, "simple")
        by_rule = Side("the simple model", simple, in_digits(simple), of=of_simple)
        yield Pair(quantity, own, by_rule, SIMPLE_LIMIT, why)
