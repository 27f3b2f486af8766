"""What a turn of the loop costs by how long the core was idle before, and what a ping costs beside it.

Pings come all at once, so that turns have many of them, and one by one, at three rates. The same clients then hear
lone changes, and others fetch the list after each: what that costs them is of the generator.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence

from bench.load.changes.publisher import Publisher
from bench.load.clients.population import Group, Population
from bench.processes.cpu import read_cpu
from bench.processes.lab import HOST, Server
from bench.processes.remote import Remote
from bench.scenarios.prediction.lists import FLAGS, IDLE_S, USERS
from bench.scenarios.prediction.watching import Measuring, Stretch, idle_between_s, watched

OFTEN_S, SELDOM_S = 0.1, 0.4
"""From one ping of a client to its next."""
AT_ONCE, ONE_BY_ONE = 0.5, 0.0
"""Parts of the interval at both ends in which nobody pings."""
FEWER = 10
"""As many times fewer clients ping more seldom."""
WARM_MS = 0.02
"""A turn so soon after another is one with it."""
SETTLE_S = 0.3
UNHEARD, HEARD = 1, 4
"""Changes: to begin with, which finds everything cold, and those that count."""
HEARD_EVERY_S, HEARD_WITHIN_S = 0.3, 0.2


def measure(measuring: Measuring) -> None:
    """One server, and clients in three processes. The rows are left to `bench.scenarios.prediction.lists`: polls have
    turns, too."""
    many = max(FEWER, measuring.sizes.comers // 2)
    plan = ((many, OFTEN_S), (many, SELDOM_S), (many // FEWER, SELDOM_S))
    measuring.curves["turn"] = turn_curve([ping_s / clients for clients, ping_s in plan])
    with measuring.lab.server(FLAGS) as server, Publisher(server.port, server.jwt_secret) as publisher:
        with contextlib.ExitStack() as stack:
            crowds = [stack.enter_context(_clients(measuring, server, "delta", *each)) for each in plan]
            for crowd in crowds:
                crowd.call(Population.connect)
            time.sleep(SETTLE_S)
            measuring.say(f"heartbeats of {many} clients")
            for repeat in range(measuring.sizes.repeats):
                with watched(server.pid, server.port) as stretch:
                    time.sleep(IDLE_S)
                measuring.row("idle", repeat, stretch.used_s, stretch.wall_s)
                _pings(measuring, server, crowds[0], repeat, every_s=0.0)
                for crowd, (clients, ping_s) in zip(crowds, plan, strict=True):
                    _pings(measuring, server, crowd, repeat, every_s=ping_s / clients)
            hearing_us = _heard_us(publisher, crowds[0], many)
        measuring.spread("hear", hearing_us, "µs", "clients that hear lone changes")
        measuring.say(f"{many} clients that fetch after changes")
        publisher.fill(measuring.sizes.rooms[0])
        with _clients(measuring, server, "push", many, SELDOM_S) as crowd:
            crowd.call(Population.connect)
            time.sleep(SETTLE_S)
            both_us = _heard_us(publisher, crowd, many)
        asking_us = [max(0.0, each_us - measuring.costs["hear"].value) for each_us in both_us]
        measuring.spread("ask", asking_us, "µs", "clients that fetch after lone changes")


def turn_curve(every_s: Sequence[float]) -> tuple[float, tuple[float, ...]]:
    """By the times from one ping to the next."""
    return WARM_MS, tuple(each_s * 1e3 for each_s in every_s)


def _clients(measuring: Measuring, server: Server, way: str, clients: int, ping_s: float) -> Remote[Population]:
    group = Group(way, HOST, server.port, server.jwt_secret, clients, 0, max(1, clients // USERS))
    return measuring.lab.generator(Population, groups=[group], poll_s=1.0, heartbeat_s=ping_s, seed=measuring.lab.seed)


def _pings(measuring: Measuring, server: Server, crowd: Remote[Population], repeat: int, *, every_s: float) -> None:
    """`every_s`: from one to the next; 0: they come together."""
    with watched(server.pid, server.port) as stretch:
        crowd.call(Population.begin, measuring.sizes.pings_s, ONE_BY_ONE if every_s else AT_ONCE)
        [window] = crowd.call(Population.end)
    row_of_pings(measuring, repeat, stretch, sum(client.requests for client in window.clients), every_s=every_s)


def row_of_pings(measuring: Measuring, repeat: int, stretch: Stretch, pings: int, *, every_s: float) -> None:
    source = "heartbeats one by one" if every_s else "heartbeats at once"
    turns = measuring.cold("turn", idle_between_s(stretch, pings, every_s), pings)
    measuring.row(source, repeat, stretch.used_s, stretch.wall_s, heartbeat=pings, **turns)


def _heard_us(publisher: Publisher, crowd: Remote[Population], clients: int) -> list[float]:
    """What a lone change costs each of so many clients, who all do in one moment what they do about it."""
    found_us = []
    for number in range(UNHEARD + HEARD):
        time.sleep(HEARD_EVERY_S)
        before = read_cpu(crowd.pid)
        publisher.publish(0.0)
        time.sleep(HEARD_WITHIN_S)
        if number >= UNHEARD:
            found_us.append(read_cpu(crowd.pid).since(before).used_s / clients * 1e6)
    return found_us
