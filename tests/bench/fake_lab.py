"""A lab without processes: generators answer from a script, time passes when it is slept, CPU is what was said.

For the arithmetic of scenarios: what goes into the book for readings that are known.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from msgspec.structs import replace

from bench.load.changes.publisher import Published
from bench.processes.cpu import CpuPlan
from bench.processes.lab import OWN_BUILD, Build, Lab
from bench.processes.progress import PlainReporter
from bench.record.findings import Findings, Reading, Stretch, Where
from bench.record.profiles.standard import SMOKE

SECRET = "a secret of the tests, thirty-two bytes or more"


class Clock:
    """What a scenario takes for the module `time`."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def perf_counter(self) -> float:
        return self.now_s

    monotonic = perf_counter

    def sleep(self, delay_s: float) -> None:
        assert delay_s >= 0
        self.now_s += delay_s


@dataclass
class FakeServer:
    port: int = 4711
    pid: int = os.getpid()
    jwt_secret: str = SECRET
    http_url: str = "http://127.0.0.1:4711"
    ws_url: str = "ws://127.0.0.1:4711/ws"
    stops: int = 0
    starts: int = 0

    def stop(self) -> int:
        self.stops += 1
        return 0

    def start(self) -> None:
        self.starts += 1


Script = Mapping[str, Any]
"""What each method of a generator answers: a value, a list of values one after the other, or a function."""


class FakeGenerator:
    """In place of a `Remote`."""

    def __init__(self, script: Script, arguments: Mapping[str, Any]) -> None:
        self.pid = os.getpid()
        self.arguments = dict(arguments)
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self._script = script
        self._next: dict[str, Iterator[Any]] = {}

    def call(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        name = method.__name__
        self.calls.append((name, args, kwargs))
        answer = self._script.get(name)
        if callable(answer):
            return answer(*args, **kwargs)
        if isinstance(answer, InTurn):
            return next(self._next.setdefault(name, iter(answer.answers)))
        return answer

    def asked(self, name: str) -> list[tuple[Any, ...]]:
        """With which arguments a method was called."""
        return [args for called, args, _ in self.calls if called == name]

    def __enter__(self) -> FakeGenerator:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class InTurn:
    """Answers of a method, one after the other."""

    def __init__(self, *answers: Any) -> None:
        self.answers = answers


class FakePublisher:
    """Makes rooms at once; in place of `Publisher`."""

    filled: list[int]

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.filled, self.deleted = [], 0
        self.next_number = 0

    def __enter__(self) -> FakePublisher:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def fill(self, rooms: int) -> None:
        self.filled.append(rooms)

    def publish(self, intended_s: float) -> Published:
        self.next_number += 1
        self.clock.now_s = max(self.clock.now_s, intended_s)
        return Published(f"room{self.next_number}", 0, intended_s, self.clock.now_s, self.clock.now_s)

    def delete(self, rooms: Sequence[Published]) -> None:
        self.deleted += len(rooms)


@dataclass
class Stage:
    """A scenario's surroundings, patched into its module."""

    lab: Lab
    clock: Clock
    servers: list[tuple[FakeServer, tuple[str, ...]]]
    generators: list[FakeGenerator]
    scripts: dict[str, Script] = field(default_factory=dict)
    """By the name of the class that is made in the generator's process."""
    stretches: list[Stretch] = field(default_factory=list)
    """What the next watches say; the last one over and over."""
    publisher: FakePublisher = None  # type: ignore[assignment]

    def stretch(self) -> Stretch:
        return self.stretches.pop(0) if len(self.stretches) > 1 else self.stretches[0]

    def script(self, make: type, **answers: Any) -> None:
        self.scripts[make.__name__] = answers

    def generator(self, make: type) -> FakeGenerator:
        """The one of this class; the last where there were several."""
        return [each for each in self.generators if each.arguments["make"] is make][-1]


def a_stretch(**changes: float) -> Stretch:
    return Stretch(**{"wall_s": 1.0, "server_cpu_s": 0.5, "generator_cpu_s": 0.1, **changes})


class _Lab(Lab):
    stage: Stage

    def server(self, flags: Sequence[str] = (), *, netns: str | None = None, build: Build = OWN_BUILD) -> Any:
        server = FakeServer()
        self.stage.servers.append((server, tuple(flags)))
        return contextlib.nullcontext(server)

    def generator(self, make: Any, *, netns: str | None = None, **arguments: Any) -> Any:
        assert make.__name__ in self.stage.scripts, f"no script for {make.__name__}"
        made = FakeGenerator(self.stage.scripts[make.__name__], {"make": make, **arguments})
        self.stage.generators.append(made)
        return made


def a_stage(monkeypatch: pytest.MonkeyPatch, *modules: Any, **profile: Any) -> Stage:
    """`modules`: whose `time`, `Watch` and `Publisher` are replaced. `profile`: parts of it."""
    lab = _Lab(
        profile=replace(SMOKE, **profile), seed=1, cpus=CpuPlan(None, None), reporter=PlainReporter(),
        server_factory=None,  # type: ignore[arg-type]
    )  # fmt: skip
    stage = Stage(lab, Clock(), [], [], stretches=[a_stretch()])
    lab.stage = stage
    stage.publisher = FakePublisher(stage.clock)

    class FakeWatch:
        def __init__(self, *_: int) -> None:
            pass

        def stretch(self) -> Stretch:
            return stage.stretch()

    for module in modules:
        for name, it in (
            ("time", stage.clock), ("Watch", FakeWatch), ("Publisher", lambda *_, **__: stage.publisher),
            ("perf_counter", stage.clock.perf_counter),
        ):  # fmt: skip
            if hasattr(module, name):
                monkeypatch.setattr(module, name, it)
    return stage


def readings(found: Findings, measure: Any, party: str = "lobby", where: Where | None = None) -> list[Reading]:
    """At any size, or at this one."""
    return found.find(measure, party, where)


def value(found: Findings, measure: Any, party: str = "lobby", where: Where | None = None) -> float:
    """Of the one reading."""
    [reading] = readings(found, measure, party, where)
    return reading.value
