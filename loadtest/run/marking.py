"""Writes down what happens in a run and when, for the charts: the steady state, changes of the load, workers that come
and go, thresholds that end the run; and how many players there were. Faults and pauses are written down by what brings
them about."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from locust.env import Environment
from locust.runners import Runner

from loadtest.players.swarm import Swarm

QUIET_S = 3.0
"""A load that has not changed for so long has arrived: a ramp is one change."""


def note_players(swarm: Swarm, runner: Runner) -> None:
    """The most that ran at once, so far. A master knows of as many as its workers have told: when its ramp ends
    that may be none yet, for it waits a second for workers that report every three."""
    for role, count in swarm.plan.roles_of(runner.user_count).items():
        swarm.facts.users[role] = max(count, swarm.facts.users.get(role, 0))


class Marking:
    """Of one run, in the process that leads it. `look` once per second."""

    def __init__(
        self,
        swarm: Swarm,
        environment: Environment,
        *,
        duration_s: Callable[[], float],
        workers: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        """`workers`: those that are there, by their ids; their names."""
        self._swarm = swarm
        self._environment = environment
        self._duration_s = duration_s
        self._workers = workers
        self._known: dict[str, str] | None = None
        self._most_players = 0
        self._is_steady = False
        self._load_before: float | None = None
        self._changing: tuple[float, float] | None = None
        """Since when the load changes, and what it was."""
        self._changed_s = 0.0
        self._ended_by: set[str] = set()

    def look(self) -> None:
        at_s = self._duration_s()
        if self._swarm.facts.duration_s:
            return  # it is ending
        self._look_at_players()
        self._look_at_phase(at_s)
        self._look_at_load(at_s)
        self._look_at_workers(at_s)
        for text in self._swarm.facts.ended_by.keys() - self._ended_by:
            self._ended_by.add(text)
            self._swarm.facts.note(at_s, "threshold", f"ended by {text}")

    def _look_at_players(self) -> None:
        runner = self._environment.runner
        if runner is not None and (players := runner.user_count) > self._most_players:
            self._most_players = players
            note_players(self._swarm, runner)

    def _look_at_phase(self, at_s: float) -> None:
        if not self._is_steady and self._swarm.recorder.has_steady_state:
            self._is_steady = True
            self._swarm.facts.note(at_s, "phase", "steady state")

    def _look_at_load(self, at_s: float) -> None:
        load = self._load(at_s)
        before, self._load_before = self._load_before, load
        if before is None:
            return  # the start
        if load != before:
            self._changed_s = at_s
            self._changing = self._changing or (at_s, before)
        elif self._changing is not None and at_s - self._changed_s >= QUIET_S:
            (since_s, was), self._changing = self._changing, None
            what = "arrivals per second" if self._swarm.options.load.arrivals_per_s else "players"
            self._swarm.facts.note(since_s, "load", f"{what}: {was:g} → {load:g}")

    def _load(self, at_s: float) -> float:
        """In an open workload the seats stay, and the rate of the arrivals is what changes."""
        load, runner = self._swarm.options.load, self._environment.runner
        if not load.arrivals_per_s:
            return float(runner.target_user_count) if runner is not None else 0.0
        run_time = getattr(self._environment.parsed_options, "run_time", None)
        return round(load.arrivals_per_s * load.level(at_s, float(run_time) if run_time else None), 3)

    def _look_at_workers(self, at_s: float) -> None:
        there = dict(self._workers())
        known, self._known = self._known, there
        if known is None:
            return
        for worker in known.keys() - there.keys():
            self._swarm.facts.note(at_s, "workers", f"worker {known[worker]} lost")
            if known[worker] in self._swarm.recorder.workers:
                self._swarm.recorder.workers[known[worker]].attendance = {}
        for worker in there.keys() - known.keys():
            self._swarm.facts.note(at_s, "workers", f"worker {there[worker]} joined")
