"""What a run says while it runs: bars on a terminal, plain lines elsewhere. Goes to standard error; results do not.

The time left is that of the scenarios' own estimates, less what is done of them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
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

    def plan(self, estimates_s: Mapping[str, float]) -> None:
        """What will be run, and about how long each takes; those that run at the same time share their time."""

    def left_s(self) -> float:
        """About how long what is planned and not done will take."""

    def note(self, text: str) -> None:
        """A line of its own."""


class Plan:
    """How much of a run is left."""

    def __init__(self) -> None:
        self._estimates_s: dict[str, float] = {}
        self._done: dict[str, float] = {}

    def expect(self, estimates_s: Mapping[str, float]) -> None:
        self._estimates_s, self._done = dict(estimates_s), {}

    def done(self, name: str, share: float) -> None:
        """`share` of a scenario, 0 to 1."""
        self._done[name] = min(1.0, share)

    def left_s(self) -> float:
        return sum(estimate_s * (1 - self._done.get(name, 0.0)) for name, estimate_s in self._estimates_s.items())

    def share(self) -> float:
        """Done of the whole, 0 to 1."""
        whole_s = sum(self._estimates_s.values())
        return 1 - self.left_s() / whole_s if whole_s else 0.0


def left_words(left_s: float) -> str:
    """Rounded as far as an estimate can be trusted."""
    if left_s < 60:
        return f"about {max(5, round(left_s / 5) * 5)} s left"
    return f"about {round(left_s / 60)} min left"


class PlainReporter:
    """One line per change of what is done, with the seconds since the start and what is left."""

    def __init__(self) -> None:
        self._start_s = time.monotonic()
        self.work = Plan()

    def note(self, text: str) -> None:
        click.echo(f"{time.monotonic() - self._start_s:6.1f} s  {text}", err=True)

    def plan(self, estimates_s: Mapping[str, float]) -> None:
        self.work.expect(estimates_s)

    def left_s(self) -> float:
        return self.work.left_s()

    @contextmanager
    def stage(self, name: str, total: float) -> Iterator[Stage]:
        yield _PlainStage(self, name, total)
        self.work.done(name, 1.0)
        self.note(f"{name}: done")


class _PlainStage:
    def __init__(self, reporter: PlainReporter, name: str, total: float) -> None:
        self._reporter, self._name, self._total = reporter, name, total
        self._done = 0.0

    def say(self, what: str) -> None:
        left_s = self._reporter.work.left_s()
        self._reporter.note(f"{self._name}: {what}" + (f" ({left_words(left_s)})" if left_s else ""))

    def advance(self, steps: float = 1) -> None:
        self._done += steps
        self._reporter.work.done(self._name, self._done / self._total if self._total else 1.0)


class RichReporter:
    """A bar for the whole run, with what is left of it, and one for every scenario."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._whole: TaskID | None = None
        self.work = Plan()

    def note(self, text: str) -> None:
        self._progress.console.print(text, highlight=False, markup=False)  # words of others are no marks

    def plan(self, estimates_s: Mapping[str, float]) -> None:
        self.work.expect(estimates_s)
        self._whole = self._progress.add_task("all", total=1.0, what=left_words(self.work.left_s()))

    def left_s(self) -> float:
        return self.work.left_s()

    @contextmanager
    def stage(self, name: str, total: float) -> Iterator[Stage]:
        task = self._progress.add_task(name, total=total, what="starting")
        yield _RichStage(self, self._progress, task, name)
        self._progress.update(task, completed=total, what="done")
        self.done(name, 1.0)

    def done(self, name: str, share: float) -> None:
        self.work.done(name, share)
        if self._whole is not None:
            self._progress.update(self._whole, completed=self.work.share(), what=left_words(self.work.left_s()))


class _RichStage:
    def __init__(self, reporter: RichReporter, progress: Progress, task: TaskID, name: str) -> None:
        self._reporter, self._progress, self._task, self._name = reporter, progress, task, name

    def say(self, what: str) -> None:
        self._progress.update(self._task, what=what)

    def advance(self, steps: float = 1) -> None:
        self._progress.advance(self._task, steps)
        self._reporter.done(self._name, self._progress.tasks[self._task].percentage / 100)


@contextmanager
def reporter() -> Iterator[Reporter]:
    """The reporter that fits where standard error goes."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield PlainReporter()
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<11}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[what]}"),
    )
    # Refreshed four times per second only: drawing shares the generator's core.
    with Progress(*columns, console=console, refresh_per_second=4) as progress:
        yield RichReporter(progress)
