"""Surroundings of several nodes without processes: what was started and killed, and when."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.bench.fake_lab import Clock


@dataclass(eq=False)
class FakeProcess:
    """A node, an engine or a database."""

    name: str
    port: int
    pid: int
    done: list[str]
    """Of all of the place, in order."""

    def kill(self) -> None:
        self.done.append(f"kill {self.name}")

    def start(self) -> None:
        self.done.append(f"start {self.name}")


@dataclass
class FakePlace:
    clock: Clock
    done: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.engine = FakeProcess("Valkey", 6379, 90, self.done)
        self.postgres = FakeProcess("PostgreSQL", 5432, 91, self.done)
        self._singles = 0

    @contextlib.contextmanager
    def nodes(self, count: int, flags: Sequence[str], **_: Any) -> Iterator[list[FakeProcess]]:
        yield [FakeProcess(f"node {number}", 7_000 + number, 10 + number, self.done) for number in range(count)]

    @contextlib.contextmanager
    def single(self, flags: Sequence[str]) -> Iterator[FakeProcess]:
        """The first with the port 8,000 and the process id 80, each further one with the next."""
        number, self._singles = self._singles, self._singles + 1
        yield FakeProcess("single", 8_000 + number, 80 + number, self.done)
