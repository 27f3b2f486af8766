"""What several processes cost that are one lobby: entries of the log, for each of them and for Valkey, the database,
and what each knows of the users of the others.

Lone changes are an entry each; lines that are said without waiting come many to an entry.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median

from bench.load.changes.publisher import Publisher
from bench.load.cluster.sinks import ClusterSinks
from bench.load.sockets.sinks import Sinks
from bench.prediction.fitting import fit
from bench.processes.cluster.surroundings import SECRET, Surroundings, surroundings, why_not
from bench.processes.cpu import CpuTimes, read_cpu
from bench.processes.target import Target
from bench.processes.watch import resident_kib
from bench.scenarios.cluster.commands import LINE_HEARD, make_rooms
from bench.scenarios.cluster.flags import FLAGS
from bench.scenarios.prediction.broadcasts import EVERY_S as HEARD_EVERY_S
from bench.scenarios.prediction.broadcasts import PATTERNS, connect, heard_ms
from bench.scenarios.prediction.lists import USERS
from bench.scenarios.prediction.watching import (
    AFTER_S,
    TIMEOUT_S,
    Measuring,
    children_cpu_s,
    read_counters,
    spread_of,
)

IDLE_S = 1.5
EVERY_S = 0.03
"""From one lone change to the next, so that each is an entry."""
NODE = {"log_idle": "µs", "shared_change": "µs", "entry": "µs", "command": "µs"}
ENGINE = {"engine_entry": "µs", "engine_read": "µs", "engine_command": "µs", "engine_idle": "µs"}


CURVES = ("shared_change", "entry", "engine_entry")


class NotHere(RuntimeError):
    """A lobby of several processes cannot be had."""


@dataclass
class _Used:
    """Of all processes of a lobby over a stretch."""

    nodes_s: list[float] = field(default_factory=list)
    engine_s: float = 0.0
    database_s: float = 0.0
    wall_s: float = 0.0
    entries: float = 0.0


def must_be_here() -> None:
    """What the lobbies stand on. Raises `NotHere`."""
    reason = why_not()
    if reason is not None:
        raise NotHere(f"A model needs Valkey and PostgreSQL: {reason}")


def measure(measuring: Measuring) -> None:
    """A lobby for each number of processes, and one process by itself on the same database."""
    for kind in CURVES:
        measuring.curves[kind] = EVERY_S * 1e3, (measuring.sizes.shared_idle_ms,)
    engine_rows: list[tuple[str, int, float, dict[str, float]]] = []
    database_s: list[float] = []
    waits: dict[int, list[list[float]]] = {}
    user_kib: list[float] = []
    with surroundings(cpus=measuring.lab.cpus.server) as place:
        for count in measuring.sizes.nodes:
            measuring.say(f"{count} processes that are one lobby")
            with place.nodes(count, FLAGS) as nodes:
                _work(measuring, place, nodes, engine_rows, database_s)
                waits[count] = _waits_ms(measuring, nodes[0].port)
                if count > 1:
                    user_kib.append(_user_kib(measuring, nodes))
        measuring.say("one process on PostgreSQL")
        with place.single(FLAGS) as single:
            alone = _waits_ms(measuring, single.port)
    measuring.take(fit(measuring.rows, given=measuring.known), NODE)
    for source, repeat, used_s, work in engine_rows:
        measuring.row(source, repeat, used_s, 0.0, **work)
    measuring.take(fit(measuring.rows, given={"idle": 0.0}), ENGINE)
    measuring.spread("database_write", [each * 1e6 for each in database_s], "µs", "lone changes, PostgreSQL")
    measuring.spread("user_kib", user_kib, "KiB", "users of another process")
    known = measuring.known
    own_s = known["shared_change"] + known["announcement"] + known["send_base"]
    log_s = known["entry"] + known["command"] + known["engine_entry"] + known["engine_read"] + known["engine_command"]
    own_s += sum(measuring.more_s(kind, HEARD_EVERY_S) for kind in ("shared_change", "send"))
    log_s += sum(measuring.more_s(kind, HEARD_EVERY_S) for kind in ("entry", "engine_entry"))
    commits_ms = [max(0.0, median(each) - own_s * 1e3) for each in alone]
    measuring.spread("shared_change_wait", commits_ms, "ms", "a change and one client")
    middle_ms = median(map(median, alone))
    by_the_log = waits[min(waits)]
    logs_ms = [max(0.0, median(each) - middle_ms - log_s * 1e3) for each in by_the_log]
    measuring.spread("log_wait", logs_ms, "ms", "the same by the log")
    measuring.spreads["shared_change"] = spread_of(by_the_log)


def _work(
    measuring: Measuring, place: Surroundings, nodes: Sequence[Target],
    engine_rows: list[tuple[str, int, float, dict[str, float]]], database_s: list[float],
) -> None:  # fmt: skip
    sizes, count = measuring.sizes, len(nodes)
    with (
        Publisher(nodes[0].port, SECRET) as publisher,
        measuring.lab.generator(
            ClusterSinks, ports=[node.port for node in nodes], pattern=LINE_HEARD, secret=SECRET,
            counts=[sizes.talkers, *[0] * (count - 1)],
        ) as talkers,
    ):  # fmt: skip
        publisher.delete([publisher.publish(0.0)])  # finds everything cold
        for repeat in range(sizes.repeats):
            with _watched(place, nodes) as used:
                time.sleep(IDLE_S)
            _rows(measuring, engine_rows, "processes that are idle", repeat, used, commands=0.0, changes=0.0)
            for source, number, every_s in (
                ("lone changes by the log", sizes.shared_changes, EVERY_S),
                ("changes by the log after idleness", sizes.shared_cold, sizes.shared_idle_ms / 1e3),
            ):
                made = [publisher.publish(0.0)]  # so that what counts has one before it
                with _watched(place, nodes) as used:
                    for _ in range(number):
                        time.sleep(every_s)
                        made.append(publisher.publish(0.0))
                changes = float(number)
                _rows(measuring, engine_rows, source, repeat, used, commands=changes, changes=changes, idle_s=every_s)
                database_s.append(used.database_s / changes)
                publisher.delete(made)
                time.sleep(EVERY_S)
        talkers.call(ClusterSinks.open)
        talkers.call(ClusterSinks.say_hello)
        talkers.call(ClusterSinks.accepted)
        make_rooms(nodes[0].port, sizes.talkers)
        talkers.call(ClusterSinks.say, 0, 1)
        heard = talkers.call(ClusterSinks.hear_in_all, sizes.talkers, TIMEOUT_S)
        for repeat in range(sizes.repeats):
            with _watched(place, nodes) as used:
                talkers.call(ClusterSinks.say, 0, sizes.lines)
                heard += sizes.talkers * sizes.lines
                talkers.call(ClusterSinks.hear_in_all, heard, TIMEOUT_S)
            lines = float(sizes.talkers * sizes.lines)
            _rows(measuring, engine_rows, "lines of chat", repeat, used, commands=lines, changes=None)
        talkers.call(ClusterSinks.close)


def _rows(
    measuring: Measuring, engine_rows: list[tuple[str, int, float, dict[str, float]]], source: str, repeat: int,
    used: _Used, *, commands: float, changes: float | None, idle_s: float = 0.0,
) -> None:  # fmt: skip
    """`changes`: made at the first process, each so long after the one before; None: it has other work, which is not
    looked at."""
    shared = {"entry": used.entries, "command": commands, "log_idle": used.wall_s}
    shared |= measuring.cold("entry", idle_s, used.entries)
    for number, used_s in enumerate(used.nodes_s):
        if number:
            measuring.row(source, repeat, used_s, used.wall_s, **shared)
        elif changes is not None:
            made = {"shared_change": changes, **measuring.cold("shared_change", idle_s, changes)}
            measuring.row(source, repeat, used_s, used.wall_s, **made, **shared)
    count = len(used.nodes_s)
    work = {
        "engine_entry": used.entries, "engine_read": used.entries * count, "engine_command": commands,
        "engine_idle": used.wall_s * count, **measuring.cold("engine_entry", idle_s, used.entries),
    }  # fmt: skip
    engine_rows.append((source, repeat, used.engine_s, work))


@contextlib.contextmanager
def _watched(place: Surroundings, nodes: Sequence[Target]) -> Iterator[_Used]:
    found = _Used()
    entries = read_counters(nodes[0].port).entries
    before: list[CpuTimes] = [read_cpu(pid) for pid in (*(node.pid for node in nodes), place.engine.pid)]
    database_s = children_cpu_s(place.postgres.pid)
    start_s = time.perf_counter()
    yield found
    time.sleep(AFTER_S)
    pids = (*(node.pid for node in nodes), place.engine.pid)
    *found.nodes_s, found.engine_s = [
        read_cpu(pid).since(then).used_s for pid, then in zip(pids, before, strict=True)
    ]  # fmt: skip
    found.database_s = children_cpu_s(place.postgres.pid) - database_s
    found.wall_s = time.perf_counter() - start_s
    found.entries = read_counters(nodes[0].port).entries - entries


def _waits_ms(measuring: Measuring, port: int) -> list[list[float]]:
    """From the sending of a change to the hearing of it, CPU included: of each repeat, of each change."""
    with (
        Publisher(port, SECRET) as publisher,
        measuring.lab.generator(
            Sinks, port=port, pattern=PATTERNS["send_base"], secret=SECRET, users=USERS
        ) as sinks,
    ):  # fmt: skip
        connect(sinks, 1)
        return heard_ms(measuring, publisher, sinks)


def _user_kib(measuring: Measuring, nodes: Sequence[Target]) -> float:
    """What the second process keeps of users who are online on the first."""
    users, before_kib = measuring.sizes.users, resident_kib(nodes[1].pid)
    with measuring.lab.generator(
        ClusterSinks, ports=[node.port for node in nodes], pattern=LINE_HEARD, secret=SECRET,
        counts=[users, *[0] * (len(nodes) - 1)], features=("presence_friends",),
    ) as sinks:  # fmt: skip
        sinks.call(ClusterSinks.open)
        sinks.call(ClusterSinks.say_hello)
        sinks.call(ClusterSinks.accepted)
        time.sleep(1.0)
        grown_kib = max(0.0, (resident_kib(nodes[1].pid) - before_kib) / users)
        sinks.call(ClusterSinks.close)
    return grown_kib
