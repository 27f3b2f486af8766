"""Forecasts at sizes, rates and numbers of processes that no calibration has seen, each made first and then measured.

The model is fitted in the same run, so that both are of one machine on one day. What is told is by how much a forecast
misses what was measured.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import chain
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from bench.load.cells import measure_cell
from bench.load.changes.changes import MAKING_AND_END, whole_intervals_s
from bench.load.changes.publisher import Publisher, schedule
from bench.load.cluster.sinks import ClusterSinks
from bench.measures import (
    AS_PREDICTED,
    CPU_PER_RETURN,
    FORECAST_ERROR,
    FRESH_AFTER,
    KILL,
    LAST_FRESH,
    MEDIAN_ERROR,
    PREDICTED,
    WORST_ERROR,
    Kind,
)
from bench.prediction.model import Model
from bench.prediction.virtual.lobby import Lobby
from bench.prediction.virtual.measures import Times
from bench.prediction.virtual.setup import Setup
from bench.prediction.virtual.storms import restart
from bench.processes.again import calmly
from bench.processes.cluster.surroundings import SECRET, Surroundings, surroundings, why_not
from bench.processes.lab import OWN_BUILD, Lab
from bench.record.book import Book
from bench.record.disturbance import causes_of
from bench.record.findings import Findings, Reading, Stretch
from bench.record.profiles.sizes import PredictionSizes
from bench.scenarios.cluster.costs import Processes, dealt
from bench.scenarios.cluster.flags import FLAGS as SHARED_FLAGS
from bench.scenarios.prediction.at_scale import compare_at_scale
from bench.scenarios.prediction.broadcasts import FEATURES, PATTERNS
from bench.scenarios.prediction.calibration import PARTS, measure_model
from bench.scenarios.prediction.kept import NAME, counted, errors_in, keep
from bench.scenarios.prediction.lists import USERS
from bench.scenarios.reconnect import FLAGS, ROOMS, STOP_SIGNALS, measure_restart
from bench.stats import percentile
from bench.words import way_words
from loadtest.results.validity import BUSY_SHARE, NEAR_SHARE

POLL_S = 3.0
LEAST_CHANGES = 8
"""Of a window in virtual time."""
TIMEOUT_S = 30.0
INTERVAL_S, INTERVAL_A_CLIENT_S = 0.25, 0.00003
"""Between two lone changes on several processes: each is over before the next."""
CPU, ENGINE, POLL_CPU, BYTES, POLL_BYTES, P50, P99, HALF, MOST, LAST, RETURN = PREDICTED
Figures = dict[str, float]
"""By the names in `bench.measures.FORECAST`."""


class Came(NamedTuple):
    """What a measurement came to."""

    figures: Figures
    stretch: Stretch | None = None
    faults: Sequence[str] = ()
    """What its own ledger found: then it is no measurement of what was predicted."""
    unlike: str = ""
    """Why it is none, though nobody was wrong."""


@dataclass(frozen=True)
class Case:
    """One forecast, and the measurement that it is of."""

    name: str
    clients: int
    predict: Callable[[Model], Figures]
    measure: Callable[[], Came]


def run(lab: Lab) -> Findings:
    """A model; all forecasts by it; then their measurements; then what is too large to be measured."""
    sizes = lab.profile.prediction
    book = lab.book(NAME, FLAGS)
    chance = random.Random(lab.seed)
    if (reason := why_not()) is not None:
        book.skip(f"everything: {reason}")
        return book.result(NAME, FLAGS)
    number = 4 * len(sizes.changes_per_s) + len(sizes.nodes) + 1
    parts = len(PARTS) + 1 + sizes.repeats * number + (sizes.scale is not None)
    with lab.reporter.stage(NAME, float(parts)) as stage:
        model = measure_model(lab, sizes.calibration, say=stage.say, advance=stage.advance)
        keep(book, model)
        with contextlib.ExitStack() as stack:
            place = cache(lambda: stack.enter_context(surroundings(cpus=lab.cpus.server)))
            groups = (_alone(lab, sizes, chance), _together(lab, sizes, place))
            stage.say("forecasts")
            predicted = {case.name: case.predict(model) for case in chain(*groups)}
            for case in chain(*groups):
                for name, value in predicted[case.name].items():
                    book.add(PREDICTED[name], value, clients=case.clients, party=case.name)
            stage.advance()
            for cases in groups:  # one process first: the model's, too, had no Valkey beside it
                for case in chain(*[cases] * sizes.repeats):
                    stage.say(f"{case.name}, {case.clients} clients")
                    calmly(lab, book, partial(hold_against, case, predicted[case.name]))
                    stage.advance()
        write_errors(book)
        if sizes.scale is not None:
            compare_at_scale(book, model, sizes.scale, seed=lab.seed, say=stage.say)
            stage.advance()
    return book.result(NAME, FLAGS)


def write_errors(book: Book) -> None:
    """Of all quantities of all cases that were measured, by their repeats' medians and without sign."""
    everything = book.result(NAME, ()).measures
    measured = counted(everything)
    if not measured:
        book.faults.append("no forecast was held against a measurement")
        return
    measured.sort(key=_size)
    sizes = [_size(each) for each in measured]
    book.add(MEDIAN_ERROR, median(sizes), clients=0, suspect=_in_doubt(list(chain(*measured))))
    book.add(WORST_ERROR, sizes[-1], clients=0, suspect=_in_doubt(measured[-1]))
    book.note(
        f"{len(sizes)} quantities were predicted before they were measured; error is predicted over measured, less one"
    )
    if more := len(errors_in(everything)) - len(sizes):
        book.note(f"{more} more could not be measured, and count for no error")


def _size(readings: Sequence[Reading]) -> float:
    return abs(median(reading.value for reading in readings))


def _in_doubt(readings: Sequence[Reading]) -> str:
    """Why, where at least half of them are."""
    reasons = [reading.invalid or reading.suspect for reading in readings if reading.invalid or reading.suspect]
    return " and ".join(dict.fromkeys(reasons)) if 2 * len(reasons) >= len(readings) else ""


def hold_against(case: Case, predicted: Figures, book: Book) -> None:
    """Measure it, once. What spoils a measurement spoils the error."""
    figures, stretch, faults, unlike = case.measure()
    book.faults += [f"{case.name}: {fault}" for fault in faults]
    invalid = "; ".join(faults) or unlike
    for name, value in figures.items():
        at: dict[str, Any] = {"clients": case.clients, "party": case.name, "stretch": stretch}
        book.add(AS_PREDICTED[name], value, **at, invalid=invalid)
        if value <= 0 or name not in predicted:
            book.faults.append(f"{case.name}: {name} was not {'measured' if value <= 0 else 'predicted'}")
            continue
        doubt: dict[str, Any] = {"invalid": invalid} if invalid else _doubt(value, AS_PREDICTED[name].kind, stretch)
        book.add(FORECAST_ERROR[name], (predicted[name] / value - 1) * 100, **at, **doubt)


def _doubt(value: float, kind: Kind, stretch: Stretch | None) -> dict[str, Any]:
    """`invalid` or `suspect`, and why."""
    if kind is Kind.TIME and stretch is not None and stretch.generator_share > BUSY_SHARE:
        return {"invalid": "the generator was the limit"}
    causes = causes_of([(Reading(value, stretch), kind)])
    if kind is Kind.TIME and stretch is not None and stretch.generator_share > NEAR_SHARE:
        causes.add("the generator was near its limit")
    return {"suspect": " and ".join(sorted(causes))} if causes else {}


def _alone(lab: Lab, sizes: PredictionSizes, chance: random.Random) -> list[Case]:
    """Of one process."""
    found = []
    for way, clients in (
        ("polling", sizes.polling), ("polling_etag", sizes.polling), ("push", sizes.fetching), ("delta", sizes.deltas),
    ):  # fmt: skip
        for rate in sizes.changes_per_s:
            setup = Setup(
                sessions=clients, way=way, presence="all", rooms=sizes.rooms, changes_per_s=rate, poll_s=POLL_S,
                clients="hear", seed=lab.seed,
            )  # fmt: skip
            window_s = whole_intervals_s(rate / MAKING_AND_END, sizes.window_s)
            found.append(
                Case(
                    f"{way_words(way)} at {rate:g} changes per second", clients, partial(_of_cell, setup, window_s),
                    partial(_cell, lab, setup, window_s, chance),
                )
            )  # fmt: skip
    setup = Setup(
        sessions=sizes.herd, way="push", presence="all", rooms=ROOMS, changes_per_s=0.0, clients="sink", seed=lab.seed
    )  # fmt: skip
    back = partial(_of_restart, setup), partial(_restart, lab, sizes.herd)
    found.append(Case("restart, clients of the base protocol", sizes.herd, *back))
    return found


def _together(lab: Lab, sizes: PredictionSizes, place: Callable[[], Surroundings]) -> list[Case]:
    """Of several; `place` is made for the first that is measured."""
    found = []
    for count in sizes.nodes:
        interval_s = INTERVAL_S + INTERVAL_A_CLIENT_S * sizes.broadcast
        setup = Setup(
            sessions=sizes.broadcast, processes=count, way="delta", presence="all", rooms=0, shares_core=True,
            changes_per_s=1 / interval_s, only_makes=True, rooms_interval_s=0.0, clients="sink", seed=lab.seed,
        )  # fmt: skip
        window_s = sizes.broadcasts * interval_s
        found.append(
            Case(
                f"{way_words('delta')} on {count} processes", sizes.broadcast, partial(_of_nodes, setup, window_s),
                partial(_nodes, lab, place, setup, sizes.broadcasts),
            )
        )  # fmt: skip
    return found


# -- one process -------------------------------------------------------------------------------------------------------


def _of_cell(setup: Setup, window_s: float, model: Model) -> Figures:
    used = Lobby(setup, model).steady(max(window_s, LEAST_CHANGES / max(setup.changes_per_s, 0.1)))
    wire = used.wire_bytes_per_s
    if setup.has_sockets:
        figures = {CPU: used.process / used.changes_per_s * 1e3, BYTES: wire / setup.sessions / used.changes_per_s}
    else:
        polls_per_s = setup.sessions / setup.poll_s
        figures = {POLL_CPU: used.process / polls_per_s * 1e6, POLL_BYTES: wire / polls_per_s}
    return {**figures, **_fresh(used.fresh)}


def _fresh(times: Times) -> Figures:
    found = {P50: times.percentile(50), P99: times.percentile(99)}
    return {name: time_s * 1e3 for name, time_s in found.items() if time_s is not None}


def _cell(lab: Lab, setup: Setup, window_s: float, chance: random.Random) -> Came:
    cell = measure_cell(
        lab, setup.way, clients=setup.sessions, changes_per_s=setup.changes_per_s, window_s=window_s,
        poll_s=setup.poll_s, rooms=setup.rooms, chance=chance,
    )  # fmt: skip
    share, bytes_per_s = cell.stretch.server_cpu_s / cell.stretch.wall_s, cell.count.wire_bytes / cell.counted_s
    if setup.has_sockets:
        rate = max(cell.changes_per_s, 1e-9)  # achieved: a busy machine makes another number of them than it was told
        figures = {CPU: share / rate * 1e3, BYTES: bytes_per_s / cell.clients / rate}
    else:
        polls_per_s = max(cell.count.requests / cell.counted_s, 1e-9)
        figures = {POLL_CPU: share / polls_per_s * 1e6, POLL_BYTES: bytes_per_s / polls_per_s}
    if len(cell.fresh_s):
        figures |= {name: percentile(cell.fresh_s, q) * 1e3 for name, q in ((P50, 50), (P99, 99))}
    return Came(figures, cell.stretch, [cell.lost] if cell.lost else ())


# -- several processes -------------------------------------------------------------------------------------------------


def _of_nodes(setup: Setup, window_s: float, model: Model) -> Figures:
    used = Lobby(setup, model).steady(window_s)
    rate = used.changes_per_s
    return {CPU: used.process / rate * 1e3, ENGINE: used.engine / rate * 1e3, **_fresh(used.fresh)}


def _nodes(lab: Lab, place: Callable[[], Surroundings], setup: Setup, number: int) -> Came:
    """Lone changes at the first process, heard on all; CPU of the mean process."""
    interval_s, around = 1 / setup.changes_per_s, place()
    with (
        around.nodes(setup.processes, SHARED_FLAGS) as nodes,
        Publisher(nodes[0].port, SECRET) as publisher,
        lab.generator(
            ClusterSinks, ports=[node.port for node in nodes], pattern=PATTERNS["send_features"], secret=SECRET,
            counts=dealt(setup.sessions, setup.processes), users=USERS, features=FEATURES["send_features"],
        ) as sinks,
    ):  # fmt: skip
        sinks.call(ClusterSinks.open)
        sinks.call(ClusterSinks.say_hello)
        sinks.call(ClusterSinks.accepted)
        time.sleep(INTERVAL_S)
        publisher.publish(0.0)  # finds everything cold
        sinks.call(ClusterSinks.hear, 1, TIMEOUT_S)
        sinks.call(ClusterSinks.keep_stamps)
        chance = random.Random(lab.seed)
        jitters = [chance.random() for _ in range(number)]
        times_s = schedule(number, interval_s=interval_s, start_s=time.perf_counter() + 0.1, jitters=jitters)
        watch = Processes([*(node.pid for node in nodes), around.engine.pid], sinks.pid)
        start_s = time.perf_counter()
        made = [publisher.publish(at_s) for at_s in times_s]
        sinks.call(ClusterSinks.hear, 1 + number, TIMEOUT_S)
        time.sleep(max(0.0, start_s + number * interval_s - time.perf_counter()))
        *used_s, engine_s = watch.used_s()
        stretch = watch.stretch()
        stamps_s = np.concatenate([np.asarray(node) for node in sinks.call(ClusterSinks.stamps)])
        sinks.call(ClusterSinks.close)
    sent_s = np.array([room.sent_s for room in made])
    intended_s = np.array([room.intended_s for room in made])
    heard_ms = (stamps_s - intended_s[np.searchsorted(sent_s, stamps_s) - 1]) * 1e3
    figures = {
        CPU: sum(used_s) / len(used_s) / number * 1e3,
        ENGINE: engine_s / number * 1e3,
        P50: percentile(heard_ms, 50),
        P99: percentile(heard_ms, 99),
    }
    missing = setup.sessions * number - len(stamps_s)
    unlike = f"{missing:,} of {setup.sessions * number:,} receipts are missing" if missing > 0 else ""
    return Came(figures, stretch, unlike=unlike)


# -- a restart ---------------------------------------------------------------------------------------------------------


def _of_restart(setup: Setup, model: Model) -> Figures:
    storm = restart(setup, model, policy=None)
    half, most, last = (storm.fresh.percentile(q) for q in (50, 99, 100))
    found = {HALF: half, MOST: most, LAST: last, RETURN: storm.cpu_s / setup.sessions * 1e6}
    return {name: value for name, value in found.items() if value is not None}


def _restart(lab: Lab, clients: int) -> Came:
    book, signals = Book(), dict(STOP_SIGNALS)
    measure_restart(lab, clients, KILL, signals[KILL], OWN_BUILD, book)
    found = book.result("", ())
    figures, stretch = {}, None
    for name, measure in (
        (HALF, FRESH_AFTER[50, KILL]), (MOST, FRESH_AFTER[99, KILL]), (LAST, LAST_FRESH[KILL]),
        (RETURN, CPU_PER_RETURN[KILL]),
    ):  # fmt: skip
        readings = found.find(measure)
        if readings:
            figures[name], stretch = readings[0].value, readings[0].stretch
    return Came(figures, stretch, found.faults)
