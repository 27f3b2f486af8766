"""What an entry of the log costs a node that nobody is connected to: ``python -m tests.backplane.entry_cost``.

Another member of the lobby, of which there is no more than its entries, makes rooms and deletes them in turn, at a few
rates. Prints the CPU time of the process per entry, without what it uses when nothing happens: the median of all turns,
the least and the most. At a low rate an entry costs more than at a high one, because the memory of a process that
waits has gone cold; an entry that changes nothing (``nothing``) costs the way from the socket and back to it.

With the folder of another checkout as argument its nodes take turns with those of this one
(``--rates 30,300 ../other``).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import time
from datetime import datetime, timezone
from pathlib import Path
from statistics import median

import redis

from bench.processes.cluster.surroundings import Surroundings, surroundings
from bench.processes.cpu import pin, plan_cpus, read_cpu
from bench.scenarios.cluster.flags import FLAGS
from lobby_server.backplane.valkey import scripts
from lobby_server.backplane.wire import encode_batch, encode_command
from lobby_server.core.machine import commands
from lobby_server.core.machine.commands import Command
from lobby_server.core.presence import User
from lobby_server.core.rooms import Room

RATES = "1,30,300"
TURNS, TURN_S, IDLE_S = 3, 1.5, 1.5
LEAST_ENTRIES = 4
"""In a turn, however low the rate."""
OUTLIVES_S = 3600
NAME = "other.1"


class Member:
    """Appends to a lobby's log as a node does."""

    def __init__(self, url: str, cluster: str) -> None:
        client, prefix = redis.Redis.from_url(url), f"lobby:{{{cluster}}}:"
        self._keys = [prefix + name for name in ("epoch", "number", "log")]
        self._epoch = client.eval(scripts.EPOCH, 1, self._keys[0])
        self._append = client.register_script(scripts.APPEND)
        self._sequence = 0
        self._room: Room | None = None
        client.set(f"{prefix}alive:{NAME}", b"", ex=OUTLIVES_S)
        self._put(commands.NodeUp(NAME, "", ""))

    def nothing(self) -> None:
        self._put(commands.Nothing())

    def change(self) -> None:
        """A room is made, or the one before deleted."""
        room, self._room = self._room, None
        if room is not None:
            self._put(commands.DeleteRoom(room.host, room.id))
            return
        self._room = Room(
            id=f"{self._sequence:012x}", host=User(10**7 + self._sequence, f"host{self._sequence}"), gamemode="ffa",
            map_name=None, max_players=4, is_public=True, version=None, created_at=datetime.now(timezone.utc),
        )  # fmt: skip
        self._put(commands.CreateRoom(self._room))

    def _put(self, command: Command) -> None:
        self._sequence += 1
        batch = encode_batch(NAME, self._sequence, [encode_command(command)])
        self._append(keys=self._keys, args=[self._epoch, batch])


class Build:
    """Two nodes of one lobby, one of which leads; the other is measured."""

    def __init__(self, place: Surroundings, stack: contextlib.ExitStack, checkout: Path | None) -> None:
        _, self._node = stack.enter_context(place.nodes(2, FLAGS, checkout=checkout))
        cluster = self._node.flags[self._node.flags.index("--cluster") + 1]
        self._member = Member(place.engine.url, cluster)
        self.found: dict[str, list[float]] = {}

    def turn(self, rates: list[float]) -> None:
        idle = self._idle_share()
        self.found.setdefault("idle (ms per s)", []).append(idle * 1e3)
        for rate in rates:
            for kind in (self._member.change, self._member.nothing):
                named = f"{kind.__name__}, {rate:g} per second (ms)"
                count = max(LEAST_ENTRIES, round(rate * TURN_S))
                start_s, before = time.perf_counter(), read_cpu(self._node.pid)
                for number in range(1, count + 1):
                    kind()
                    time.sleep(max(0.0, start_s + number / rate - time.perf_counter()))
                used_s = read_cpu(self._node.pid).since(before).used_s - idle * (time.perf_counter() - start_s)
                self.found.setdefault(named, []).append(used_s / count * 1e3)

    def _idle_share(self) -> float:
        start_s, before = time.perf_counter(), read_cpu(self._node.pid)
        time.sleep(IDLE_S)
        return read_cpu(self._node.pid).since(before).used_s / (time.perf_counter() - start_s)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rates", default=RATES, type=lambda text: [float(each) for each in text.split(",")])
    parser.add_argument("checkout", nargs="*")
    given = parser.parse_args()
    cpus = plan_cpus()
    with surroundings(cpus=cpus.server) as place, contextlib.ExitStack() as stack:
        builds = {each: Build(place, stack, Path(each) if each else None) for each in ("", *given.checkout)}
        pin(cpus.generator)
        for _ in range(TURNS):
            for build in random.sample(list(builds.values()), len(builds)):
                build.turn(given.rates)
    for each, build in builds.items():
        print(each or os.getcwd())
        for named, values in build.found.items():
            print(f"  {named:32} {median(values):7.3f}   {min(values):.3f} to {max(values):.3f}")


if __name__ == "__main__":
    main()
