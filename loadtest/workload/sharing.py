"""Which process plays which players. Locust deals users to its workers in turn; the swarm deals the numbers of players
in the same order, so that a swarm of many processes is player for player the swarm of one.

Only the master knows all workers. It tells each its place just before the test starts there; messages to a worker keep
their order. A worker that joins a running test comes too late for a place: it gets numbers that nobody else has.
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
        self._share = Share()
        self._late = 0
        if isinstance(environment.runner, WorkerRunner):
            environment.runner.register_message(_MESSAGE, self._on_share)

    @property
    def share(self) -> Share:
        """As of the last start; without workers, all players."""
        return self._share

    def tell_workers(self) -> None:
        """Call it on the master, at the start of a run."""
        runner = self._environment.runner
        self._late = 0
        if isinstance(runner, MasterRunner):
            ids = in_turn(
                [worker.id for worker in runner.clients.ready] or [worker.id for worker in runner.clients.all]
            )
            for process, worker_id in enumerate(ids):
                runner.send_message(_MESSAGE, {"process": process, "processes": len(ids), "late": 0}, worker_id)

    def tell_late_worker(self, worker_id: str) -> bool:
        """Call it on the master, when a worker has connected and before Locust gives it users. Whether it is late."""
        runner = self._environment.runner
        if not isinstance(runner, MasterRunner) or runner.state not in (STATE_SPAWNING, STATE_RUNNING):
            return False
        self._late += 1
        runner.send_message(_MESSAGE, {"process": 0, "processes": 1, "late": self._late}, worker_id)
        return True

    def _on_share(self, msg: Any, **_rest: Any) -> None:
        data = msg.data
        self._share = Share(process=int(data["process"]), processes=int(data["processes"]), late=int(data["late"]))


def in_turn(worker_ids: Sequence[str]) -> list[str]:
    """The order in which Locust deals users to workers: by name, the first of every host before the second of any."""
    place_on_host: dict[str, int] = defaultdict(int)
    keyed = []
    for worker_id in sorted(worker_ids):
        host = worker_id.split("_")[0]
        keyed.append((place_on_host[host], worker_id))
        place_on_host[host] += 1
    return [worker_id for _, worker_id in sorted(keyed)]
