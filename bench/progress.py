"""What a run says while it runs: bars on a terminal, plain lines elsewhere. Goes to standard error; results do not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn


class Stage(Protocol):
    """One scenario's progress. Safe to use from the scenario's own thread."""

    def say(self, what: str) -> None:
        """What is being done now."""

    def advance(self, steps: float = 1) -> None:
        """So much of the total is done."""


class Reporter(Protocol):
    @contextmanager
    def stage(self, name: str, total: float) -> Iterator[Stage]:
        """A scenario begins; it ends with the block."""

    def note(self, text: str) -> None:
        """A line of its own."""


class PlainReporter:
    """One line a change of what is done, with the seconds since the start."""

    def __init__(self) -> None:
        self._start_s = time.monotonic()

    def note(self, text: str) -> None:
        click.echo(f"{time.monotonic() - self._start_s:6.1f} s  {text}", err=True)

    @contextmanager
    def stage(self, name: str, total: float) -> Iterator[Stage]:
        yield _PlainStage(self, name)
        self.note(f"{name}: done")


class _PlainStage:
    def __init__(self, reporter: PlainReporter, name: str) -> None:
        self._reporter, self._name = reporter, name

    def say(self, what: str) -> None:
        self._reporter.note(f"{self._name}: {what}")

    def advance(self, steps: float = 1) -> None:
        pass


class RichReporter:
    """A bar for every scenario that runs."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def note(self, text: str) -> None:
        self._progress.console.print(text, highlight=False)

    @contextmanager
    def stage(self, name: str, total: float) -> Iterator[Stage]:
        task = self._progress.add_task(name, total=total, what="starting")
        yield _RichStage(self._progress, task)
        self._progress.update(task, completed=total, what="done")


class _RichStage:
    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task

    def say(self, what: str) -> None:
        self._progress.update(self._task, what=what)

    def advance(self, steps: float = 1) -> None:
        self._progress.advance(self._task, steps)


@contextmanager
def reporter() -> Iterator[Reporter]:
    """The reporter that fits where standard error goes."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield PlainReporter()
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<10}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[what]}"),
    )
    # Refreshed four times a second only: drawing shares the generator's core.
    with Progress(*columns, console=console, refresh_per_second=4) as progress:
        yield RichReporter(progress)
