"""What a turn of the loop costs by how long the core was idle before, and what a ping costs beside it.

Pings come all at once, so that turns have many of them, and one by one, at three rates. The same clients then hear
lone changes, and others fetch the list after each, short lists and long ones: as soon after one another as clients on
one core can, some 50 µs. How many turns all of that took is the kernel's count. What hearing and fetching cost the
clients is of the generator.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence

from bench.load.changes.publisher import Publisher
from bench.load.clients.population import Group, Population
from bench.prediction.fitting import Row, fit
from bench.processes.cpu import read_cpu
from bench.processes.lab import HOST, Server
from bench.processes.remote import Remote
from bench.scenarios.prediction.lists import FLAGS, IDLE_S, USERS
from bench.scenarios.prediction.watching import SOONEST_S, UNITS, Measuring, Stretch, cost_of, turns_of, watched

OFTEN_S, SELDOM_S = 0.1, 0.4
"""From one ping of a client to its next."""
AT_ONCE, ONE_BY_ONE = 0.5, 0.0
"""Parts of the interval at both ends in which nobody pings."""
FEWER = 10
"""As many times fewer clients ping more seldom."""
WARM_MS = SOONEST_S * 1e3 / 5
"""A turn so soon after another is one with it."""
SETTLE_S = 0.3
UNHEARD, HEARD = 1, 4
"""Changes: to begin with, which finds everything cold, and those that count."""
HEARD_EVERY_S, HEARD_WITHIN_S = 0.3, 0.2
CHANGES, FETCHED_EVERY_S = 6, 0.15
"""After each of which everybody fetches, of each repeat."""
ASKING = {"ask": "µs", "asked_byte": "ns"}


def measure(measuring: Measuring) -> None:
    """Two servers, and clients in three processes at once. The rows are left to `bench.scenarios.prediction.arrivals`:
    polls have turns, too, and fetches after changes have writes."""
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
    rows = _fetches(measuring)
    given = {"hear": measuring.costs["hear"].value / UNITS["µs"]}
    for name, fitted in fit(rows, given=given).items():
        measuring.costs[name] = cost_of(fitted, ASKING[name])


def turn_curve(every_s: Sequence[float]) -> tuple[float, tuple[float, ...]]:
    """By the times from one ping to the next."""
    return WARM_MS, (SOONEST_S * 1e3, *(each_s * 1e3 for each_s in every_s))


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
    turns = measuring.cold("turn", *turns_of(stretch, pings, pings * every_s))
    measuring.row(source, repeat, stretch.used_s, stretch.wall_s, heartbeat=pings, **turns)


def _fetches(measuring: Measuring) -> list[Row]:
    """Clients that all fetch the list after each of some lone changes, a short list and a long one; what that cost
    them, of the generator's CPU."""
    clients, filled, asked = measuring.sizes.clients[0], 0, []
    with (
        measuring.lab.server(FLAGS) as server,
        Publisher(server.port, server.jwt_secret) as publisher,
        _clients(measuring, server, "push", clients, SELDOM_S) as crowd,
    ):
        crowd.call(Population.connect)
        for rooms in measuring.sizes.rooms:
            measuring.say(f"{clients} clients that fetch after changes, {rooms} rooms")
            publisher.fill(rooms - filled)
            filled = rooms
            time.sleep(SETTLE_S)
            _change(publisher, 2)  # finds everything cold
            for repeat in range(measuring.sizes.repeats):
                before, list_bytes = read_cpu(crowd.pid), publisher.list_bytes()
                with watched(server.pid, server.port) as stretch:
                    _change(publisher, CHANGES)
                worked_s, counted = read_cpu(crowd.pid).since(before).used_s, stretch.counted
                row_of_fetches(
                    measuring, repeat, stretch, rooms=rooms, list_bytes=list_bytes,
                    within_s=asking_s(worked_s, counted.writes, hear_us=measuring.costs["hear"].value),
                )  # fmt: skip
                work = {"hear": counted.writes, "ask": counted.lists, "asked_byte": counted.lists * list_bytes}
                asked.append(Row(source="clients that fetch after changes", repeat=repeat, used_s=worked_s, work=work))
    return asked


def asking_s(worked_s: float, heard: float, *, hear_us: float) -> float:
    """How long the fetches came, of clients that share a core and worked so long: they heard so many announcements, and
    asked; the other half of a fetch is to read the answer, and while they do that none comes."""
    hearing_s = heard * hear_us / UNITS["µs"]
    return hearing_s + max(0.0, worked_s - hearing_s) / 2


def _change(publisher: Publisher, number: int) -> None:
    """Lone ones, rooms made and ended in turns."""
    for _ in range(number // 2):
        made = publisher.publish(0.0)
        time.sleep(FETCHED_EVERY_S)
        publisher.delete([made])
        time.sleep(FETCHED_EVERY_S)


def row_of_fetches(
    measuring: Measuring, repeat: int, stretch: Stretch, *, rooms: int, list_bytes: float, within_s: float
) -> None:
    """`CHANGES` changes after each of which all fetch, within so long in all. How many fetched is the server's count:
    on a busy machine a herd is not over when the next change comes, and has one fetch for both."""
    counted = stretch.counted
    fetches = round(counted.lists)
    measuring.row(
        "fetches after changes", repeat, stretch.used_s, stretch.wall_s, change=CHANGES, announcement=CHANGES,
        send_base=counted.writes, sent_byte=counted.sent_bytes, fetch=fetches, fetched_byte=fetches * list_bytes,
        built_room=CHANGES * rooms,
        **measuring.cold("turn", *turns_of(stretch, fetches, within_s)),
        **measuring.cold("change", FETCHED_EVERY_S, CHANGES),
        **measuring.cold("send", FETCHED_EVERY_S, counted.writes),
    )  # fmt: skip


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
