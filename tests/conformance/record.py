"""What was observed of all cases on all ways; as a program, the table of deviations.

python -m tests.conformance.record [way ...]
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tests.conformance.case import Case, Way
from tests.conformance.cases import CASES
from tests.conformance.runner import Observation, judge, run_cases
from tests.conformance.servers import servers


@dataclass
class Record:
    observed: dict[tuple[Way, str], Observation] = field(default_factory=dict)
    logs: dict[Way, str] = field(default_factory=dict)
    """What each way's server wrote to standard error."""


def run_all(wanted: Mapping[Way, Mapping[str, Case]]) -> Record:
    """Each way's cases on its server: all of a way at the same time, one way after the other."""
    record = Record()
    with servers(wanted) as targets:
        for way, cases in wanted.items():
            named = [replace(case, name=name) for name, case in cases.items()]
            observed = asyncio.run(run_cases(named, way, targets[way].port))
            record.observed.update({(way, name): seen for name, seen in observed.items()})
        for way, target in targets.items():
            record.logs[way] = target.log_path.read_text(encoding="utf-8", errors="replace")
    return record


def main(arguments: list[str]) -> int:
    """Print every deviation, and every case on which the ways differ; their number decides the exit code."""
    ways = [Way(argument) for argument in arguments] or list(Way)
    wanted = {way: {name: case for name, case in CASES.items() if way in case.ways} for way in ways}
    record = run_all(wanted)
    wrong: dict[str, dict[str, list[str]]] = {}
    for (way, name), seen in record.observed.items():
        if (fault := judge(CASES[name], way, seen)) is not None:
            wrong.setdefault(name, {}).setdefault(fault, []).append(way.value)
    for name, faults in wrong.items():
        for fault, where in faults.items():
            print(f"{name} | {CASES[name].source} | {' '.join(where)} | {fault}")
    unlike = [
        name
        for name in CASES
        if len({record.observed[way, name].alike() for way in ways if (way, name) in record.observed}) > 1
    ]
    print(f"answered differently by way: {len(unlike)}: {'; '.join(unlike)}")
    for way in ways:
        count = sum(way.value in where for faults in wrong.values() for where in faults.values())
        tracebacks = record.logs[way].count("Traceback")
        print(f"{way.value}: {len(wanted[way])} cases, {count} deviations, {tracebacks} tracebacks in the log")
    return int(bool(wrong or unlike))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
