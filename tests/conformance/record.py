"""What was observed of all cases on all ways; as a program, the table of deviations.

python -m tests.conformance.record [way ...]
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from bench.processes.target import Target
from tests.conformance.case import Case, SocketCase, Way
from tests.conformance.cases import CASES
from tests.conformance.judging import Observation, judge
from tests.conformance.line import Reads
from tests.conformance.runner import run_cases
from tests.conformance.servers import servers


@dataclass
class Record:
    observed: dict[tuple[Way, str], Observation] = field(default_factory=dict)
    logs: dict[Way, str] = field(default_factory=dict)
    """What each way's server wrote to standard error."""


def run_all(wanted: Mapping[Way, Mapping[str, Case]]) -> Record:
    """Each way's cases on its server, all at the same time."""
    record = Record()

    async def run(targets: Mapping[Way, Target]) -> None:
        reads = Reads()

        async def one(way: Way) -> None:
            named = [replace(case, name=name) for name, case in wanted[way].items()]
            observed = await run_cases(named, way, targets[way].port, reads=reads)
            record.observed.update({(way, name): seen for name, seen in observed.items()})

        await asyncio.gather(*map(one, wanted))

    with servers(wanted) as targets:
        asyncio.run(run(targets))
        for way, target in targets.items():
            record.logs[way] = target.log_path.read_text(encoding="utf-8", errors="replace")
    return record


def differ(record: Record, name: str, ways: Iterable[Way]) -> bool:
    """Whether a case was answered in more than one manner. Where time decides between outcomes, that is no fault."""
    case = CASES[name]
    if isinstance(case, SocketCase) and case.folds:
        return False
    return len({record.observed[way, name].alike() for way in ways if (way, name) in record.observed}) > 1


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
    unlike = [name for name in CASES if differ(record, name, ways)]
    print(f"answered differently by way: {len(unlike)}: {'; '.join(unlike)}")
    for way in ways:
        count = sum(way.value in where for faults in wrong.values() for where in faults.values())
        tracebacks = record.logs[way].count("Traceback")
        print(f"{way.value}: {len(wanted[way])} cases, {count} deviations, {tracebacks} tracebacks in the log")
    return int(bool(wrong or unlike))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
