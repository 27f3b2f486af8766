"""The model of this machine: every cost measured on real servers, in at most five minutes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from bench.prediction.model import Clients, Coldness, Cost, Costs, Extent, Model, Sizes, Spread, Waits
from bench.processes.cpu import pin
from bench.processes.influences.idleness import idle_slowdown
from bench.processes.influences.other_work import OtherWork
from bench.processes.lab import Lab
from bench.record.machine import describe_machine, read_commit
from bench.record.profiles.sizes import CalibrationSizes
from bench.scenarios.prediction import arrivals, broadcasts, lists, shared, turns
from bench.scenarios.prediction.watching import Measuring

PARTS: dict[str, Callable[[Measuring], None]] = {
    "turns": turns.measure,
    "the list": lists.measure,
    "broadcasts": broadcasts.measure,
    "sessions": arrivals.measure,
    "several processes": shared.measure,
}
"""All but the last are fitted together, and that with what they have found."""
MOST_OTHER_WORK = 0.05
"""Of the cores' time, while a part is measured: beside more of it, the part is measured again."""
MOST_AGAIN = 2
_Group = TypeVar("_Group", bound=msgspec.Struct)


def calibrate(lab: Lab) -> Model:
    """With the sizes of the lab's profile. Raises what a lab may raise, `NotHere` before anything is measured, and
    `NotDetermined`."""
    shared.must_be_here()
    sizes = lab.profile.prediction.calibration
    with lab.reporter.stage("calibrate", float(len(PARTS))) as stage:
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        pin(lab.cpus.generator)
        try:
            slowdown = idle_slowdown()
            model = measure_model(lab, sizes, say=stage.say, advance=stage.advance)
            lab.dismiss()
        finally:
            if lab.cpus.pinned:
                pin(tuple(cores))
    machine = replace(model.machine, idle_slowdown=round(slowdown, 1))
    return replace(model, machine=machine)


def measure_model(
    lab: Lab, sizes: CalibrationSizes, *, say: Callable[[str], None], advance: Callable[[], None]
) -> Model:  # fmt: skip
    """The calling process makes the changes: it is to keep off the server's core."""
    began_s, made_at = time.monotonic(), datetime.now(timezone.utc)
    commit, dirty = read_commit()
    measuring = Measuring(lab, sizes, say, curves=broadcasts.curves(sizes.idle_ms))
    disturbed: dict[str, float] = {}
    for name, part in PARTS.items():
        measuring, others_share = measured_calmly(measuring, part, until_s=began_s + sizes.again_until_s)
        if others_share > MOST_OTHER_WORK:
            disturbed[name] = round(others_share, 3)
        advance()
    costs = measuring.costs
    return Model(
        made_at=made_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        commit=commit,
        dirty=dirty,
        machine=describe_machine(cores=os.cpu_count() or 1, pinned=lab.cpus.pinned),
        took_s=round(time.monotonic() - began_s, 1),
        costs=_group(Costs, costs),
        sizes=_group(Sizes, costs),
        waits=Waits(
            change=costs["change_wait"],
            shared_change=costs["shared_change_wait"],
            log=costs["log_wait"],
            start=costs["start"],
        ),
        measured=extent_of(sizes),
        coldness=Coldness(**{name: measuring.cold_cost(name) for name in Coldness.__struct_fields__}),
        clients=_group(Clients, costs),
        spread=Spread(**measuring.spreads),
        notes=["servers, and all processes of a lobby with Valkey, on one core; clients on the other"],
        disturbed=disturbed,
    )


def measured_calmly(
    measuring: Measuring, part: Callable[[Measuring], None], *, until_s: float
) -> tuple[Measuring, float]:
    """With what a part has found, and the share of the cores that other work had meanwhile. Whether a part is measured
    again, and which attempt is kept, depends on that and never on what it found."""
    lab, cpus = measuring.lab, measuring.lab.cpus
    cores = {*(cpus.server or ()), *(cpus.generator or ())} or set(range(os.cpu_count() or 1))
    attempts: list[tuple[float, Measuring]] = []
    for _ in range(1 + MOST_AGAIN):
        trial, others, start_s = measuring.copy(), OtherWork(cores), time.monotonic()
        part(trial)
        attempts.append((others.share(), trial))
        now_s = time.monotonic()
        took_s = now_s - start_s
        if attempts[-1][0] <= MOST_OTHER_WORK or now_s + took_s > until_s:
            break
        if lab.until_s is not None and not lab.has_time_for(took_s):
            break  # a report measures first what it was asked for
    share, calmest = min(attempts, key=lambda attempt: attempt[0])
    return calmest, share


def extent_of(sizes: CalibrationSizes) -> Extent:
    """How far the measurements go."""
    return Extent(
        sessions=max((*sizes.clients, *sizes.memory)),
        processes=max(sizes.nodes),
        changes_per_s=1 / broadcasts.EVERY_S,
        rooms=max(sizes.rooms),
    )


def _group(kind: type[_Group], costs: dict[str, Cost]) -> _Group:
    return kind(**{name: costs[name] for name in kind.__struct_fields__})
