"""What the room list costs that nobody hears of: changes, fetches of all kinds, and the body that is built once."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping

from bench.load.changes.publisher import Publisher
from bench.load.clients.population import Group, Population
from bench.load.sockets.http_client import get_request
from bench.measures import CPU_PER_REQUEST
from bench.processes.lab import HOST, Server
from bench.processes.remote import Remote
from bench.processes.server_flags import LASTING_ROOMS_S, lab_flags
from bench.processes.watch import resident_kib
from bench.record.book import Book
from bench.record.vocabulary import LOBBY_GZIP
from bench.scenarios.engine.rooms_get import PATH, Askers, write_answers
from bench.scenarios.prediction.watching import Measuring, turns_of, watched

FLAGS = lab_flags(empty_room_ttl_s=LASTING_ROOMS_S, rooms_notify_interval_ms=0, heartbeat_timeout_s=600)
IDLE_S = 1.0
MORE_ROOMS = 300
"""Whose memory is looked at."""
POLLING = ("polling", "polling_etag")
POLL_EVERY_S = 0.5
USERS = 10
"""Sockets are dealt out among few users, so that connecting is no presence storm."""
UNITS = {
    "idle": "µs", "heartbeat": "µs", "change": "µs", "poll": "µs", "fetched_byte": "ns", "fetch_packed": "µs",
    "unchanged": "µs", "built_room": "µs",
}  # fmt: skip


def measure(measuring: Measuring) -> None:
    """One server, whose list grows. The rows are left to `bench.scenarios.prediction.arrivals`."""
    lab, sizes = measuring.lab, measuring.sizes
    began_s = time.perf_counter()
    with lab.server(FLAGS) as server:
        start_s = time.perf_counter() - began_s
        empty_mib = resident_kib(server.pid) / 1024
        with contextlib.ExitStack() as stack:
            askers = stack.enter_context(lab.generator(Askers))
            pollers = {way: stack.enter_context(_population(measuring, server, way)) for way in POLLING}
            publisher = stack.enter_context(Publisher(server.port, server.jwt_secret))
            for population in pollers.values():
                population.call(Population.connect)
            filled = 0
            for rooms in sizes.rooms:
                measuring.say(f"changes and fetches, {rooms} rooms")
                publisher.fill(rooms - filled)
                filled = rooms
                for repeat in range(sizes.repeats):
                    _changes(measuring, server, publisher, repeat)
                    _fetches(measuring, server, askers, repeat)
                    _built(measuring, server, publisher, repeat, rooms)
                    _polls(measuring, server, pollers, publisher.list_bytes(), repeat)
            before_kib = resident_kib(server.pid)
            publisher.fill(MORE_ROOMS)
            room_kib = max(0.0, (resident_kib(server.pid) - before_kib) / MORE_ROOMS)
    measuring.spread("start", [start_s * 1e3], "ms", "start of a server")
    measuring.spread("process_mib", [empty_mib], "MiB", "a fresh server")
    measuring.spread("room_kib", [room_kib], "KiB", f"{MORE_ROOMS} rooms more")


def _population(measuring: Measuring, server: Server, way: str) -> Remote[Population]:
    group = Group(way, HOST, server.port, server.jwt_secret, _pollers(measuring))
    return measuring.lab.generator(
        Population, groups=[group], poll_s=POLL_EVERY_S, heartbeat_s=1.0, seed=measuring.lab.seed
    )


def _pollers(measuring: Measuring) -> int:
    return max(2, measuring.sizes.comers // 2)


def _changes(measuring: Measuring, server: Server, publisher: Publisher, repeat: int) -> None:
    publisher.delete([publisher.publish(0.0)])  # finds everything cold
    with watched(server.pid, server.port) as stretch:
        made = [publisher.publish(0.0) for _ in range(measuring.sizes.changes)]
        publisher.delete(made)
    measuring.row("changes", repeat, stretch.used_s, stretch.wall_s, change=2 * len(made))


def _built(measuring: Measuring, server: Server, publisher: Publisher, repeat: int, rooms: int) -> None:
    """Every fetch is the first one of its revision."""
    number = size = 0
    publisher.delete([publisher.publish(0.0)])  # finds everything cold
    with watched(server.pid, server.port) as stretch:
        for _ in range(measuring.sizes.changes):
            made = publisher.publish(0.0)
            size += publisher.list_bytes()
            publisher.delete([made])
            size += publisher.list_bytes()
            number += 2
    measuring.row(
        "changes that are fetched", repeat, stretch.used_s, stretch.wall_s, change=number, poll=number,
        fetched_byte=size, built_room=number * rooms,
    )  # fmt: skip


def _fetches(measuring: Measuring, server: Server, askers: Remote[Askers], repeat: int) -> None:
    response = askers.call(Askers.get, server.port)
    measuring.spread("answer_head_bytes", [len(response.head)], "B", "an answer")
    measuring.spread("request_bytes", [len(get_request(PATH, host=HOST, port=server.port))], "B", "a request")
    book, packed = Book(), ("Accept-Encoding: gzip",)
    write_answers(book, askers, LOBBY_GZIP, server.port, server.pid, packed, 200, measuring.sizes.get_s)
    [reading] = book.result("", ()).find(CPU_PER_REQUEST, LOBBY_GZIP)
    if reading.stretch is not None and reading.value:
        used_s = reading.stretch.server_cpu_s
        measuring.row(
            "fetches, compressed", repeat, used_s, reading.stretch.wall_s, fetch_packed=used_s * 1e6 / reading.value
        )


def _polls(
    measuring: Measuring, server: Server, pollers: Mapping[str, Remote[Population]], list_bytes: int, repeat: int
) -> None:
    """Of an unchanged list, by those who ask for all of it and those who ask whether it changed, who have asked once
    before."""
    for way, population in pollers.items():
        for counts in (False, True):
            with watched(server.pid, server.port) as stretch:
                population.call(Population.begin, measuring.sizes.pings_s if counts else POLL_EVERY_S, 0.0)
                [window] = population.call(Population.end)
        polls = sum(client.requests for client in window.clients)
        work = measuring.cold("turn", *turns_of(stretch, polls, polls * POLL_EVERY_S / _pollers(measuring)))
        work |= {"poll": polls, "fetched_byte": polls * list_bytes} if way == "polling" else {"unchanged": polls}
        measuring.row(f"polls, {way}", repeat, stretch.used_s, stretch.wall_s, **work)
