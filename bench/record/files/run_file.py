"""run.json: a run as it is kept, in the lab's own format or in the swarm's, which is a run with a swarm alone."""

from __future__ import annotations

import gzip
from pathlib import Path

import msgspec
from msgspec.structs import replace

from bench.record.files import lift
from bench.record.files.swarm_file import run_of_swarm
from bench.record.findings import Findings
from bench.record.run import SCHEMA_VERSION, Run
from loadtest.results import run_json

RUN_FILE = "run.json"

RENAMED = {"fresh": "engine-freshness"}
"""Scenarios that were called otherwise in runs that were kept before."""


class RunUnreadable(ValueError):
    """A file that is not a run of this schema. The text is one sentence."""


def write_run(run: Run, path: Path) -> None:
    """Plain JSON, or gzip where the name ends in ``.gz``; without the name of the machine, which the swarm notes."""
    text = msgspec.json.encode(_without_host_name(run))
    path.write_bytes(gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)


def _without_host_name(run: Run) -> Run:
    return replace(run, findings=[_without_name(each) for each in run.findings])


def _without_name(found: Findings) -> Findings:
    if found.swarm is None or "name" not in found.swarm.document.get("machine", {}):
        return found
    document = found.swarm.document
    machine = {key: value for key, value in document["machine"].items() if key != "name"}
    return replace(found, swarm=replace(found.swarm, document={**document, "machine": machine}))


def find_run(source: Path) -> Path:
    """The file with the results, given it or its folder."""
    if not source.is_dir():
        return source
    return next((path for name in (RUN_FILE, f"{RUN_FILE}.gz") if (path := source / name).exists()), source / RUN_FILE)


def read_run(path: Path) -> Run:
    """A run of today's schema or the one before. Raises `RunUnreadable` for anything else."""
    try:
        raw = path.read_bytes()
        text = gzip.decompress(raw) if path.suffix == ".gz" else raw
        head = msgspec.json.decode(text, type=_Head)
        is_swarm = head.generators is not msgspec.UNSET
        readable = (run_json.SCHEMA,) if is_swarm else (lift.SCHEMA, SCHEMA_VERSION)
        if head.schema not in readable:
            raise RunUnreadable(
                f"{path} has schema {head.schema}, this lab reads {' and '.join(map(str, readable))}: use the lab of "
                "its commit."
            )
        if is_swarm:
            return run_of_swarm(run_json.decode_run_json(text))
        run = lift.lift(text) if head.schema == lift.SCHEMA else msgspec.json.decode(text, type=Run)
        return replace(run, findings=[replace(each, name=RENAMED.get(each.name, each.name)) for each in run.findings])
    except (OSError, EOFError, msgspec.MsgspecError) as error:
        raise RunUnreadable(f"{path} is not a run of the lab, nor of the swarm: {error}.") from error


def runs_in(source: Path) -> list[Path]:
    """The file with the results, given it or its folder; of a folder of runs, that of each, by name."""
    found = find_run(source)
    if found.exists() or not source.is_dir():
        return [found]
    inside = sorted(find_run(each) for each in source.iterdir() if each.is_dir() and not each.name.startswith("."))
    return [each for each in inside if each.exists()] or [found]


def schema_of(path: Path) -> int:
    """Of the file as it is kept; 0 where that cannot be told."""
    try:
        raw = path.read_bytes()
        return msgspec.json.decode(gzip.decompress(raw) if path.suffix == ".gz" else raw, type=_Head).schema
    except (OSError, EOFError, msgspec.MsgspecError):
        return 0


class _Head(msgspec.Struct):
    schema: int
    generators: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    """The swarm's file has it."""
