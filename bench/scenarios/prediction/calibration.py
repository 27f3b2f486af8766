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
from bench.processes.idleness.memory import idle_slowdown
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
    for part in PARTS.values():
        part(measuring)
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
    )


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
