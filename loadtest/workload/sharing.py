"""Which part of the players is whose. Locust deals users to its workers in turn; so do we with the numbers of players,
in the same order, and the swarm of many processes is player for player the swarm of one.

Only the master knows all workers. It tells each its place just before the test starts there (one connection a worker,
in order).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from loadtest.workload.identities import Share

_MESSAGE = "lobby_share"


class Sharing:
    """Of one process."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._share = Share()
        if isinstance(environment.runner, WorkerRunner):
            environment.runner.register_message(_MESSAGE, self._on_share)

    @property
    def share(self) -> Share:
        """As of the last start; all of it where there are no workers."""
        return self._share

    def tell_workers(self) -> None:
        """On the master, at the start of a test and whenever a worker came or went."""
        runner = self._environment.runner
        if isinstance(runner, MasterRunner):
            ids = in_turn(
                [worker.id for worker in runner.clients.ready] or [worker.id for worker in runner.clients.all]
            )
            for process, worker_id in enumerate(ids):
                runner.send_message(_MESSAGE, {"process": process, "processes": len(ids)}, worker_id)

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
