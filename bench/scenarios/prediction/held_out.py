"""Forecasts at sizes, rates and numbers of processes that no calibration has seen, each made first and then measured.

The model is fitted in the same run, so that both are of one machine on one day. What is told is by how much a forecast
misses what was measured.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median

import numpy as np

from bench.load.cells import measure_cell
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
)
from bench.prediction.model import Model
from bench.prediction.virtual.lobby import Lobby
from bench.prediction.virtual.measures import Times
from bench.prediction.virtual.setup import Setup
from bench.prediction.virtual.storms import restart
from bench.processes.cluster.surroundings import SECRET, Surroundings, surroundings, why_not
from bench.processes.lab import OWN_BUILD, Lab
from bench.record.book import Book
from bench.record.findings import Findings, Stretch
from bench.record.profiles.sizes import PredictionSizes
from bench.scenarios.cluster.costs import Processes, dealt
from bench.scenarios.cluster.flags import FLAGS as SHARED_FLAGS
from bench.scenarios.prediction.broadcasts import FEATURES, PATTERNS, USERS
from bench.scenarios.prediction.calibration import PARTS, measure_model
from bench.scenarios.prediction.kept import NAME, keep
from bench.scenarios.reconnect import FLAGS, ROOMS, STOP_SIGNALS, measure_restart

POLL_S = 3.0
TIMEOUT_S = 30.0
INTERVAL_S, INTERVAL_A_CLIENT_S = 0.25, 0.00003
"""Between two lone changes on several processes: each is over before the next."""
CPU, ENGINE, POLL_CPU, BYTES, POLL_BYTES, P50, P99, HALF, MOST, LAST, RETURN = PREDICTED
Figures = dict[str, float]
"""By the names in `bench.measures.FORECAST`."""


@dataclass(frozen=True)
class Case:
    """One forecast, and the measurement that it is of."""

    name: str
    clients: int
    predict: Callable[[Model], Figures]
    measure: Callable[[], tuple[Figures, Stretch | None]]


def run(lab: Lab) -> Findings:
    """A model; all forecasts by it; then their measurements."""
    sizes = lab.profile.prediction
    book = lab.book(NAME, FLAGS)
    chance = random.Random(lab.seed)
    if (reason := why_not()) is not None:
        book.skip(f"everything: {reason}")
        return book.result(NAME, FLAGS)
    number = 4 * len(sizes.changes_per_s) + len(sizes.nodes) + 1
    errors: dict[tuple[str, str], list[float]] = {}
    with lab.reporter.stage(NAME, float(len(PARTS) + 1 + sizes.repeats * number)) as stage:
        model = measure_model(lab, sizes.calibration, say=stage.say, advance=stage.advance)
        keep(book, model)
        with surroundings(cpus=lab.cpus.server) as place:
            cases = _cases(lab, sizes, place, chance)
            stage.say("forecasts")
            predicted = {case.name: case.predict(model) for case in cases}
            for case in cases:
                for name, value in predicted[case.name].items():
                    book.add(PREDICTED[name], value, clients=case.clients, party=case.name)
            stage.advance()
            for _ in range(sizes.repeats):
                for case in cases:
                    stage.say(f"{case.name}, {case.clients} clients")
                    _hold_against(book, case, predicted[case.name], errors)
                    stage.advance()
    write_errors(book, [median(each) for each in errors.values()])
    return book.result(NAME, FLAGS)


def write_errors(book: Book, errors: Sequence[float]) -> None:
    """Of all quantities of all cases, by their repeats' medians; parts of what was measured, with sign."""
    if not errors:
        book.faults.append("no forecast was held against a measurement")
        return
    sizes = [abs(each) for each in errors]
    book.add(MEDIAN_ERROR, median(sizes) * 100, clients=0)
    book.add(WORST_ERROR, max(sizes) * 100, clients=0)
    book.note(
        f"{len(sizes)} quantities were predicted before they were measured; error is predicted over measured, less one"
    )


def _hold_against(
    book: Book, case: Case, predicted: Figures, errors: dict[tuple[str, str], list[float]]
) -> None:  # fmt: skip
    measured, stretch = case.measure()
    for name, value in measured.items():
        book.add(AS_PREDICTED[name], value, clients=case.clients, party=case.name, stretch=stretch)
        if value <= 0 or name not in predicted:
            book.faults.append(f"{case.name}: {name} was not measured")
            continue
        error = predicted[name] / value - 1
        errors.setdefault((case.name, name), []).append(error)
        book.add(FORECAST_ERROR[name], error * 100, clients=case.clients, party=case.name, stretch=stretch)


def _cases(lab: Lab, sizes: PredictionSizes, place: Surroundings, chance: random.Random) -> list[Case]:
    found = []
    for way, clients in (
        ("polling", sizes.polling), ("polling_etag", sizes.polling), ("push", sizes.fetching), ("delta", sizes.deltas),
    ):  # fmt: skip
        for rate in sizes.changes_per_s:
            setup = Setup(
                sessions=clients, way=way, presence="all", rooms=sizes.rooms, changes_per_s=rate, poll_s=POLL_S,
                seed=lab.seed,
            )  # fmt: skip
            found.append(
                Case(
                    f"{way}, {rate:g} changes per second", clients, partial(_of_cell, setup, sizes.window_s),
                    partial(_cell, lab, setup, sizes.window_s, chance),
                )
            )  # fmt: skip
    for count in sizes.nodes:
        interval_s = INTERVAL_S + INTERVAL_A_CLIENT_S * sizes.broadcast
        setup = Setup(
            sessions=sizes.broadcast, processes=count, way="delta", presence="all", rooms=1, shares_core=True,
            changes_per_s=1 / interval_s, rooms_interval_s=0.0, seed=lab.seed,
        )  # fmt: skip
        window_s = sizes.broadcasts * interval_s
        found.append(
            Case(
                f"delta, {count} processes", sizes.broadcast, partial(_of_nodes, setup, window_s),
                partial(_nodes, lab, place, setup, sizes.broadcasts),
            )
        )  # fmt: skip
    setup = Setup(sessions=sizes.herd, way="push", presence="all", rooms=ROOMS, changes_per_s=0.0, seed=lab.seed)
    found.append(Case("restart, base", sizes.herd, partial(_of_restart, setup), partial(_restart, lab, sizes.herd)))
    return found


# -- one process -------------------------------------------------------------------------------------------------------


def _of_cell(setup: Setup, window_s: float, model: Model) -> Figures:
    used = Lobby(setup, model).steady(max(window_s, 8 / max(setup.changes_per_s, 0.1)))
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


def _cell(lab: Lab, setup: Setup, window_s: float, chance: random.Random) -> tuple[Figures, Stretch | None]:
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
        figures |= {name: float(np.percentile(cell.fresh_s, q)) * 1e3 for name, q in ((P50, 50), (P99, 99))}
    return figures, cell.stretch


# -- several processes -------------------------------------------------------------------------------------------------


def _of_nodes(setup: Setup, window_s: float, model: Model) -> Figures:
    used = Lobby(setup, model).steady(window_s)
    rate = used.changes_per_s
    return {CPU: used.process / rate * 1e3, ENGINE: used.engine / rate * 1e3, **_fresh(used.fresh)}


def _nodes(lab: Lab, place: Surroundings, setup: Setup, number: int) -> tuple[Figures, Stretch | None]:
    """Lone changes at the first process, heard on all; CPU of the mean process."""
    interval_s = 1 / setup.changes_per_s
    with (
        place.nodes(setup.processes, SHARED_FLAGS) as nodes,
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
        watch = Processes([*(node.pid for node in nodes), place.engine.pid], sinks.pid)
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
    return {
        CPU: sum(used_s) / len(used_s) / number * 1e3,
        ENGINE: engine_s / number * 1e3,
        P50: float(np.percentile(heard_ms, 50)),
        P99: float(np.percentile(heard_ms, 99)),
    }, stretch


# -- a restart ---------------------------------------------------------------------------------------------------------


def _of_restart(setup: Setup, model: Model) -> Figures:
    storm = restart(setup, model, policy=None)
    half, most, last = (storm.fresh.percentile(q) for q in (50, 99, 100))
    found = {HALF: half, MOST: most, LAST: last, RETURN: storm.cpu_s / setup.sessions * 1e6}
    return {name: value for name, value in found.items() if value is not None}


def _restart(lab: Lab, clients: int) -> tuple[Figures, Stretch | None]:
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
    return figures, stretch
