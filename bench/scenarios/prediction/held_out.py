"""Forecasts at sizes, rates and numbers of processes that no calibration has seen, each made first and then measured.

The model is fitted in the same run, so that both are of one machine on one day. What is told is by how much a forecast
misses what was measured.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable
from functools import cache, partial
from itertools import chain

import numpy as np

from bench.load.cells import measure_cell
from bench.load.changes.changes import MAKING_AND_END, whole_intervals_s
from bench.load.changes.publisher import Publisher, schedule
from bench.load.cluster.sinks import ClusterSinks
from bench.measures import (
    CPU_PER_RETURN,
    FRESH_AFTER,
    KILL,
    LAST_FRESH,
    PREDICTED,
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
from bench.record.findings import Findings
from bench.record.profiles.sizes import PredictionSizes
from bench.scenarios.cluster.costs import Processes, dealt
from bench.scenarios.cluster.flags import FLAGS as SHARED_FLAGS
from bench.scenarios.prediction.at_scale import compare_at_scale
from bench.scenarios.prediction.broadcasts import FEATURES, PATTERNS
from bench.scenarios.prediction.calibration import PARTS, measure_model
from bench.scenarios.prediction.holding import Came, Case, Figures, hold_against, readings_before, write_errors
from bench.scenarios.prediction.kept import NAME, keep
from bench.scenarios.prediction.lists import USERS
from bench.scenarios.reconnect import FLAGS, ROOMS, STOP_SIGNALS, measure_restart
from bench.stats import percentile
from bench.words import way_words

POLL_S = 3.0
LEAST_CHANGES = 8
"""Of a window in virtual time."""
PART_S = 2.0
"""Of a window, in which CPU is read by itself, at least about."""
TIMEOUT_S = 30.0
INTERVAL_S, INTERVAL_A_CLIENT_S = 0.25, 0.00003
"""Between two lone changes on several processes: each is over before the next."""
CPU, ENGINE, POLL_CPU, BYTES, POLL_BYTES, P50, P99, HALF, MOST, LAST, RETURN = PREDICTED


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
                    before = readings_before(book, case)
                    calmly(lab, book, partial(hold_against, case, predicted[case.name], before=before))
                    stage.advance()
        write_errors(book)
        if sizes.scale is not None:
            compare_at_scale(book, model, sizes.scale, seed=lab.seed, say=stage.say)
            stage.advance()
    return book.result(NAME, FLAGS)


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
        parts=parts_of(setup.changes_per_s, whole_intervals_s(setup.changes_per_s, window_s)),
    )  # fmt: skip
    bytes_per_s = cell.count.wire_bytes / cell.counted_s
    if setup.has_sockets:
        rate = max(cell.changes_per_s, 1e-9)  # achieved: a busy machine makes another number of them than it was told
        figures, cpu, per_piece = {BYTES: bytes_per_s / cell.clients / rate}, CPU, 1e3 / rate
    else:
        polls_per_s = max(cell.count.requests / cell.counted_s, 1e-9)
        figures, cpu, per_piece = {POLL_BYTES: bytes_per_s / polls_per_s}, POLL_CPU, 1e6 / polls_per_s
    parts = [({cpu: part.server_cpu_s / part.wall_s * per_piece}, part) for part in cell.parts]
    if len(cell.fresh_s):
        figures |= {name: percentile(cell.fresh_s, q) * 1e3 for name, q in ((P50, 50), (P99, 99))}
    return Came(figures, cell.stretch, [cell.lost] if cell.lost else (), parts=parts)


def parts_of(changes_per_s: float, window_s: float) -> int:
    """As many as are no shorter than `PART_S`, each with as many rooms made as ended, and the same number of them."""
    pairs = round(window_s * changes_per_s / MAKING_AND_END)
    return max(
        (number for number in range(1, pairs + 1) if pairs % number == 0 and window_s >= PART_S * number), default=1
    )


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
    """CPU until all have been told of each other, as `measure_restart` reads it."""
    storm = restart(setup, model, policy=None)
    half, most, last = (storm.fresh.percentile(q) for q in (50, 99, 100))
    cpu_us = storm.cpu_s / setup.sessions * 1e6 if storm.is_over else None
    found = {HALF: half, MOST: most, LAST: last, RETURN: cpu_us}
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
