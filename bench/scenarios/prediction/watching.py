"""What the measurements of a model share: the servers' own counters, and the rows that costs are fitted to."""

from __future__ import annotations

import contextlib
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median

import psutil

from bench.prediction.cold import Chill, shares
from bench.prediction.fitting import Fitted, Row
from bench.prediction.model import Cold, Cost
from bench.processes.cpu import CpuTimes, read_cpu
from bench.processes.lab import HOST, Lab
from bench.record.profiles.sizes import CalibrationSizes

AFTER_S = 0.05
"""From the last receipt until CPU is read: what a server does after the last ``send`` is its own cost."""
TIMEOUT_S = 30.0
SOONEST_S = 5e-6
"""Of idleness, after which a turn of the loop is one of its own, whatever caches do."""
PARTS = 10
"""Of a spread."""
UNITS = {"µs": 1e6, "ns": 1e9, "ms": 1e3, "s": 1.0}


@dataclass(frozen=True)
class Counters:
    """Of one process, by itself."""

    writes: float
    sent_bytes: float
    entries: float
    """Of the log."""
    lists: float = 0.0
    """Answered with all of it."""

    def since(self, earlier: Counters) -> Counters:
        return Counters(
            self.writes - earlier.writes, self.sent_bytes - earlier.sent_bytes, self.entries - earlier.entries,
            self.lists - earlier.lists,
        )  # fmt: skip


_NAMES = (
    "lobby_fan_out_writes_total", "lobby_sent_bytes_total", "lobby_backplane_entries_total",
    'lobby_room_list_served_total{answer="full"}',
)  # fmt: skip


def read_counters(port: int) -> Counters:
    """To be asked for outside of what is measured: the answer is work, too."""
    found = dict.fromkeys(_NAMES, 0.0)
    with urllib.request.urlopen(f"http://{HOST}:{port}/metrics", timeout=TIMEOUT_S) as answer:
        for line in answer.read().decode().splitlines():
            name, _, value = line.partition(" ")
            if name in found:
                found[name] = float(value)
    return Counters(*found.values())


def read_turns(pid: int) -> int | None:
    """How often the main thread of a process has come onto a core: each time that its loop had slept, and whenever
    something else had been let in between. None where the kernel does not count it."""
    with contextlib.suppress(OSError, ValueError):
        return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[2]) or None
    return None


def children_cpu_s(pid: int) -> float:
    """CPU until now of a process and all that it has started and that live."""
    pids = [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    return sum(read_cpu(each).used_s for each in pids)


@dataclass
class Stretch:
    """What was used and counted while something was done."""

    used_s: float = 0.0
    wall_s: float = 0.0
    counted: Counters = field(default_factory=lambda: Counters(0.0, 0.0, 0.0))
    turns: int | None = None
    """Times that the loop was woken; None where that is not counted."""


def turns_of(stretch: Stretch, requests: int, within_s: float) -> tuple[float, float]:
    """How long the core was idle before each turn of the loop in which requests were answered, and how many turns there
    were: as many as it was woken, since what comes while it works is answered in the same turn. `within_s`: from the
    first request to the last; 0: they came together. Where nobody counts turns, each request has one that is not come
    together."""
    turns = requests if stretch.turns is None else min(requests, stretch.turns)
    least_s = 0.0 if stretch.turns is None else SOONEST_S  # else it would not have slept
    return max(least_s, (within_s - stretch.used_s) / turns) if turns else 0.0, float(turns)


@contextmanager
def watched(pid: int, port: int) -> Iterator[Stretch]:
    """CPU and counters of a server, from the beginning of the block to a little after its end."""
    found = Stretch()
    before = read_counters(port)
    cpu: CpuTimes = read_cpu(pid)
    turns = read_turns(pid)
    start_s = time.perf_counter()
    yield found
    time.sleep(AFTER_S)
    found.used_s = read_cpu(pid).since(cpu).used_s
    turns_after = read_turns(pid)
    found.turns = turns_after - turns if turns is not None and turns_after is not None else None
    found.wall_s = time.perf_counter() - start_s
    found.counted = read_counters(port).since(before)


@dataclass
class Measuring:
    """One calibration."""

    lab: Lab
    sizes: CalibrationSizes
    say: Callable[[str], None]
    rows: list[Row] = field(default_factory=list)
    known: dict[str, float] = field(default_factory=dict)
    """Costs that are fitted already, in s."""
    heard_ms: list[list[float]] = field(default_factory=list)
    """From the sending of a change to the hearing of it by one client: of each repeat, of each change."""
    costs: dict[str, Cost] = field(default_factory=dict)
    """By their names in the model."""
    curves: dict[str, tuple[float, tuple[float, ...]]] = field(default_factory=dict)
    """Work that is measured cold, by its name in the model's coldness: up to when it is warm, and the times after which
    it is measured, in ms."""
    spreads: dict[str, list[float]] = field(default_factory=dict)
    """Of waits, by their names in the model's spread, in ms."""
    steps: dict[str, Fitted] = field(default_factory=dict)
    """What was fitted of the curves, by the names of their steps."""

    def copy(self) -> Measuring:
        """What is measured into the copy is not in this one."""
        return replace(
            self, rows=list(self.rows), known=dict(self.known), heard_ms=list(self.heard_ms), costs=dict(self.costs),
            curves=dict(self.curves), spreads=dict(self.spreads), steps=dict(self.steps),
        )  # fmt: skip

    def row(self, source: str, repeat: int, used_s: float, wall_s: float, **work: float) -> None:
        """Besides the work, the process does what it does every second."""
        self.rows.append(Row(source=source, repeat=repeat, used_s=used_s, work={**work, "idle": wall_s}))

    def cold(self, kind: str, idle_s: float, often: float) -> dict[str, float]:
        """The work of a row beside `often` pieces of a kind, each of them done so long after the one before: how often
        each step of its curve was gone up."""
        warm_ms, after_ms = self.curves[kind]
        return {
            _step(kind, ms): often * share
            for ms, share in zip(after_ms, shares(idle_s, warm_ms, after_ms), strict=True)
            if share
        }

    def cold_cost(self, kind: str) -> Cold:
        """The curve that was fitted; the spread of a point is the sum of those of its steps."""
        warm_ms, after_ms = self.curves[kind]
        more: list[Cost] = []
        for ms in after_ms:
            step = cost_of(self.steps[_step(kind, ms)], "µs")
            below = more[-1] if more else Cost(value=0.0, unit="µs", low=0.0, high=0.0, n=0, source="")
            more.append(
                Cost(
                    value=below.value + step.value, unit="µs", low=below.low + step.low, high=below.high + step.high,
                    n=step.n, source=step.source,
                )
            )  # fmt: skip
        return Cold(warm_ms=warm_ms, after_ms=list(after_ms), more=more)

    def more_s(self, kind: str, idle_s: float) -> float:
        """CPU that a piece of work costs more so long after the one before, by the curve that was fitted."""
        found = self.cold_cost(kind)
        return Chill(found.warm_ms, found.after_ms, [each.value / UNITS["µs"] for each in found.more]).more_s(idle_s)

    def take(self, found: Mapping[str, Fitted], units: Mapping[str, str]) -> None:
        """Costs that were fitted are known from now on; the rows that they were fitted to are done with."""
        for name, fitted in found.items():
            self.known[name] = fitted.value_s
            self.steps[name] = fitted
            if name in units:
                self.costs[name] = cost_of(fitted, units[name])
        self.rows.clear()

    def spread(self, name: str, values: Sequence[float], unit: str, source: str) -> None:
        """A cost that is measured as it is: the median of the repeats."""
        self.costs[name] = of_values(values, unit, source)


def spread_of(heard_ms: Sequence[Sequence[float]]) -> list[float]:
    """How far single times are from the median of their repeat: means of `PARTS` equal parts of all of them."""
    further_ms = sorted(each - median(times) for times in heard_ms for each in times)
    number = min(PARTS, len(further_ms))
    edges = [len(further_ms) * part // number for part in range(number + 1)]
    return [fmean(further_ms[first:last]) for first, last in pairwise(edges)]


def _step(kind: str, after_ms: float) -> str:
    return f"{kind} after {after_ms:g} ms"


def cost_of(fitted: Fitted, unit: str) -> Cost:
    scale = UNITS[unit]
    return Cost(
        value=fitted.value_s * scale,
        unit=unit,
        low=fitted.low_s * scale,
        high=fitted.high_s * scale,
        n=fitted.n,
        source=", ".join(fitted.sources),
    )


def of_values(values: Sequence[float], unit: str, source: str) -> Cost:
    """The median, with least and most."""
    ordered = sorted(values)
    return Cost(
        value=median(ordered), unit=unit, low=ordered[0], high=ordered[-1], n=len(ordered), source=source
    )  # fmt: skip
