"""What two runs may be compared in, and what has to be said first: validity, machines, sizes, versions.

A run that was broken off, that failed, or that has an invalid figure is no basis for a verdict (`obstacles`). What a
faster machine changes is not compared between machines, nor a scenario of which the sizes differ (`leaves_out`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from bench.analysis.figures import Figure, invalid_figures
from bench.measures import Kind
from bench.record.provenance import machine_words
from bench.record.run import SCHEMA_VERSION, Run
from bench.words import plural

OF_ANY_MACHINE = frozenset({Kind.BYTES, Kind.COUNT, Kind.HARM, Kind.SHARE})
"""Kinds that a faster machine leaves as they are."""

SIZES_OF: Mapping[str, str] = {
    "broadcast": "broadcast", "freshness": "freshness", "bandwidth": "bandwidth", "break-even": "break_even",
    "reconnect": "returns", "flap": "returns", "capacity": "capacity", "cost": "cost", "peers": "peers",
    "noise": "noise", "swarm": "swarm", "fanout": "engine", "rooms-get": "engine", "memory": "engine",
    "engine-freshness": "engine", "swarm-cost": "swarm_cost", "swarm-truth": "swarm_truth", "churn": "churn",
    "hostile": "hostile", "cluster": "cluster", "survival": "survival",
    "room-creation": "engine", "prediction": "prediction", "simulation": "simulation",
}  # fmt: skip
"""The part of a profile that a scenario is measured by."""

NOT_OF_A_FIGURE = frozenset(
    {"repeats", "ladder_repeats", "storm_repeats", "clients", "rooms", "changes_per_s", "ways", "lives", "ladder",
     "fanout", "storms", "returns", "memory", "storm", "has_idle", "players", "rounds", "good", "nodes", "broadcast",
     "talkers"}
)  # fmt: skip
"""Sizes that say how many figures there are and how often each was read; a figure has its own beside it."""


NOT_OF_THE_LOAD = frozenset(
    {"--host", "--seed", "--tokens", "--threshold", "--thresholds", "--run-dir", "--swarm-json", "--save-every-s",
     "--plan", "--headless", "--autostart", "--only-summary", "--accept-invalid", "--accept-suspect", "--server-pid",
     "--metrics-port", "--metrics-host", "--otlp-endpoint", "--signal-roles", "--processes", "--master", "--web-host",
     "--locustfile", "--web-base-path"}
)  # fmt: skip
"""Options of a swarm that change nothing of what its players do."""


@dataclass(frozen=True)
class Basis:
    """Of a comparison."""

    remarks: list[str]
    """Sentences."""
    obstacles: list[str]
    """Why one of the runs is no basis for a verdict; sentences."""
    same_machine: bool
    other_sizes: frozenset[str]
    """Scenarios that the runs measured with different sizes."""

    def leaves_out(self, figure: Figure) -> bool:
        is_of_the_machine = not self.same_machine and figure.kind not in OF_ANY_MACHINE
        return figure.scenario in self.other_sizes or is_of_the_machine


def basis_of(before: Run, after: Run, *, schemas: tuple[int, int], ratios_only: bool) -> Basis:
    """`schemas`: of the files that the runs were read from. `ratios_only`: only ratios within a run are compared."""
    same_machine = _hardware(before) == _hardware(after)
    both = {each.name for each in before.findings} & {each.name for each in after.findings}
    other_sizes = frozenset(name for name in both if _sizes(before, name) != _sizes(after, name))
    remarks = []
    if not same_machine:
        what = "" if ratios_only else ": times, CPU, memory and rates are not compared (compare ratios with --ratios)"
        remarks.append(f"The machines differ{what}.")
    elif machine_words(before) != machine_words(after):
        remarks.append("Kernel or Python differ.")
    if other_sizes:
        remarks.append(f"The sizes differ, so that these are not compared: {', '.join(sorted(other_sizes))}.")
    elif before.profile.name != after.profile.name:
        remarks.append(f"The profiles differ: {before.profile.name} and {after.profile.name}.")
    only = sorted({each.name for each in before.findings} ^ {each.name for each in after.findings})
    if only:
        remarks.append(f"Only one of the runs has {', '.join(only)}.")
    if set(schemas) != {SCHEMA_VERSION} and schemas[0] != schemas[1]:
        remarks.append(f"The files have schemas {schemas[0]} and {schemas[1]}: measures go by today's names.")
    if before.profile.is_of_a_swarm and after.profile.is_of_a_swarm:
        remarks += _other_load(before.arguments, after.arguments)
    packages = sorted(name for name in before.versions.keys() & after.versions.keys()
                      if before.versions[name] != after.versions[name])  # fmt: skip
    if packages:
        changes = (f"{name} {before.versions[name]} → {after.versions[name]}" for name in packages)
        remarks.append(f"Packages differ: {', '.join(changes)}.")
    obstacles = []
    for which, run in (("before", before), ("after", after)):
        if run.dirty:
            remarks.append(f"The run {which} had uncommitted changes: its commit does not say what was measured.")
        obstacles += obstacles_of(f"The run {which}", run)
    return Basis(remarks, obstacles, same_machine or ratios_only, other_sizes)


def _other_load(before: Sequence[str], after: Sequence[str]) -> list[str]:
    own, other = _options(before), _options(after)
    apart = sorted(name for name in {*own, *other} - NOT_OF_THE_LOAD if own.get(name) != other.get(name))
    changes = (f"{name} {own.get(name, 'not given')} → {other.get(name, 'not given')}" for name in apart)
    return [f"The swarms were given other options: {', '.join(changes)}."] if apart else []


def _options(command: Sequence[str]) -> dict[str, str]:
    """Of a command line, by name; one that is repeated with all of its values."""
    found: dict[str, list[str]] = {}
    name = ""
    for word in command:
        if word.startswith("--"):
            name = word
            found.setdefault(name, [])
        elif name:
            found[name].append(word)
    return {name: " ".join(values) or "given" for name, values in found.items()}


def obstacles_of(subject: str, run: Run) -> list[str]:
    """Why this run is no basis for a verdict; sentences about `subject`, such as "The run before"."""
    found = []
    if not run.is_whole:
        found.append(f"{subject} was broken off.")
    found += [f"{subject} could not measure {name}: {why}." for name, why in run.failures.items()]
    found += [f"{subject} has a fault in {each.name}: {each.faults[0]}." for each in run.findings if each.faults]
    invalid = invalid_figures(run)
    if invalid:
        words = plural(len(invalid), "figure")
        found.append(f"{subject} is INVALID: {words}, first {invalid[0]} ({invalid[0].judgement}).")
    return found


def _hardware(run: Run) -> tuple[Any, ...]:
    machine = run.machine
    return (machine.cpu, machine.cores, machine.pinned)


def _sizes(run: Run, scenario: str) -> dict[str, Any]:
    name = SIZES_OF.get(scenario)
    sizes = msgspec.to_builtins(getattr(run.profile, name)) if name is not None else {}
    return {key: value for key, value in sizes.items() if key not in NOT_OF_A_FIGURE}
