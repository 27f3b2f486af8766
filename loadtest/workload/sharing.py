"""Which process plays which players. Locust deals users to its workers in turn; the swarm deals the numbers of players
in the same order, so that a swarm of many processes is player for player the swarm of one.

Only the master knows all workers. It tells each its place just before the test starts there; messages to a worker keep
their order. A worker that joins a running test comes too late for a place: it takes numbers that nobody else has.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from locust.env import Environment
from locust.runners import STATE_RUNNING, STATE_SPAWNING, MasterRunner, WorkerRunner

from loadtest.workload.identities import Share

_MESSAGE = "lobby_share"


class Sharing:
    """The share of one process."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._share: Share | None = None
        """None: not told."""
        if isinstance(environment.runner, WorkerRunner):
            environment.runner.register_message(_MESSAGE, self._on_share)

    @property
    def share(self) -> Share:
        """As of the last start; without workers, all players. A worker that was not told joined a running test: Locust
        gives it users before anything of ours can reach it, but has told it its index."""
        if self._share is not None:
            return self._share
        runner = self._environment.runner
        return Share(late=max(0, runner.worker_index) + 1) if isinstance(runner, WorkerRunner) else Share()

    def tell_workers(self) -> None:
        """Call it on the master, at the start of a run."""
        runner = self._environment.runner
        if isinstance(runner, MasterRunner):
            ids = in_turn(
                [worker.id for worker in runner.clients.ready] or [worker.id for worker in runner.clients.all]
            )
            for process, worker_id in enumerate(ids):
                runner.send_message(_MESSAGE, {"process": process, "processes": len(ids)}, worker_id)

    def is_late(self) -> bool:
        """Call it on the master, when a worker connects: whether it joins a running test."""
        runner = self._environment.runner
        return isinstance(runner, MasterRunner) and runner.state in (STATE_SPAWNING, STATE_RUNNING)

    def _on_share(self, msg: Any, **_rest: Any) -> None:
        self._share = Share(process=int(msg.data["process"]), processes=int(msg.data["processes"]))


def in_turn(worker_ids: Sequence[str]) -> list[str]:
    """The order in which Locust deals users to workers: by name, the first of every host before the second of any."""
    place_on_host: dict[str, int] = defaultdict(int)
    keyed = []
    for worker_id in sorted(worker_ids):
        host = worker_id.split("_")[0]
        keyed.append((place_on_host[host], worker_id))
        place_on_host[host] += 1
    return [worker_id for _, worker_id in sorted(keyed)]
