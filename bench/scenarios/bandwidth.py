"""What a client costs in bytes, idle and while the list changes: every way, every length of the list, every rate.

Counted by the clients over a window at the true intervals, held against the kernel's counters of the very sockets, and,
as root on Linux, against the counters of a link of its own for every group (`bench.processes.namespaces`).
Servers for each length of the list and rate stand at the same time, in one window: bytes are not disturbed by a busy
core.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from bench.load.changes.change_stream import Change
from bench.load.changes.changes import Changes, Place, evenly
from bench.load.clients.population import EDGE, Group, Population, Window
from bench.processes.cpu import read_cpu
from bench.processes.lab import HOST, Lab
from bench.processes.namespaces import LinkCount, NamespaceFailed, Namespaces, can_have, linked
from bench.processes.progress import Stage
from bench.processes.remote import Remote
from bench.processes.server_flags import server_flags
from bench.record.findings import Findings, Stretch
from bench.record.profiles.sizes import WAYS, BandwidthSizes
from bench.record.traffic import Traffic, TrafficGroup, Wire
from bench.record.vocabulary import HEARTBEAT_TIMEOUT
from bench.scenarios.broadcast import FLAGS

BEYOND_S = 0.25
"""After connecting, and after the last events: longer than the server puts announcements together."""

LEAD_S = 0.3
EVERYWHERE = server_flags(address="0.0.0.0")
NO_ROOT = "no root, or no Linux: bytes with TCP/IP are the model's alone"


def run(lab: Lab) -> Findings:
    """Takes the window and some seconds more."""
    sizes = lab.profile.bandwidth
    book = lab.book("bandwidth", FLAGS)
    places = [(rooms, rate) for rooms in sizes.rooms for rate in sizes.changes_per_s]
    with contextlib.ExitStack() as stack:
        stage = stack.enter_context(lab.reporter.stage("bandwidth", sizes.window_s))
        names, wire_note = _namespaces(stack, len(places) * len(WAYS))
        stage.say(f"starting {len(places)} servers")
        flags = (*FLAGS, *(EVERYWHERE if names is not None else ()))
        servers = stack.enter_context(lab.servers(len(places), flags, netns=names.server if names else None))
        changes = stack.enter_context(
            lab.generator(
                Changes,
                netns=names.server if names else None,
                places=[Place(server.port, server.jwt_secret) for server in servers],
                living=[10] * len(servers),
            )
        )
        list_bytes = changes.call(Changes.fill, [rooms for rooms, _ in places])
        groups = [
            Group(
                way, names.server_address(place * len(WAYS) + number) if names else HOST, server.port,
                server.jwt_secret, sizes.clients, number * sizes.clients,
            )
            for place, server in enumerate(servers)
            for number, way in enumerate(WAYS)
        ]  # fmt: skip
        population = stack.enter_context(
            lab.generator(
                Population,
                netns=names.clients if names else None,
                groups=groups,
                poll_s=sizes.poll_s,
                heartbeat_s=sizes.heartbeat_s,
                seed=lab.seed,
            )
        )
        population.call(Population.connect)
        contract = changes.call(Changes.contract)
        quiet_s = contract.rooms_notify_interval_s + BEYOND_S
        book.facts[HEARTBEAT_TIMEOUT] = contract.heartbeat_timeout_s
        time.sleep(quiet_s)
        connects = population.call(Population.connects)
        stage.say(f"{len(groups) * sizes.clients} clients for {sizes.window_s:.0f} s")
        pids = (population.pid, *(server.pid for server in servers))
        before = [read_cpu(pid) for pid in pids]
        start_s = time.perf_counter()
        lab.window.set()
        with _ticking(stage):
            windows, made = _window(population, changes, sizes, [rate for _, rate in places], seed=lab.seed)
        wall_s = time.perf_counter() - start_s
        generator, *used = [read_cpu(pid).since(then) for pid, then in zip(pids, before, strict=True)]
        links = population.call(Population.links)
        requests = population.call(Population.sample_requests)
        now_s = time.perf_counter()
        changes.call(Changes.run, [[now_s + 0.05]] * len(servers))
        population.call(Population.part)
        time.sleep(quiet_s)
        traffic = Traffic(
            groups=[
                TrafficGroup(
                    kind=WAYS[number % len(WAYS)],
                    rooms=places[number // len(WAYS)][0],
                    changes_per_s=places[number // len(WAYS)][1],
                    changes=len(made[number // len(WAYS)]),
                    wire=_wire(links, names, number),
                    list_bytes=list_bytes[number // len(WAYS)],
                    clients=window.clients,
                    unexpected_losses=window.losses,
                )
                for number, window in enumerate(windows)
            ],
            sizes=population.call(Population.sizes),
            connects=connects,
            polling_request=requests["polling"],
            etag_request=requests["polling_etag"],
            wire_note=wire_note,
        )
    book.add_traffic(traffic, window_s=sizes.window_s)
    book.stretch = Stretch(
        wall_s=wall_s,
        server_cpu_s=sum(times.used_s for times in used),
        generator_cpu_s=generator.used_s,
        server_wait_s=sum(times.waited_s for times in used),
        generator_wait_s=generator.waited_s,
    )
    return book.result("bandwidth", flags)


def _namespaces(stack: contextlib.ExitStack, links: int) -> tuple[Namespaces | None, str]:
    if not can_have():
        return None, NO_ROOT
    try:
        return stack.enter_context(linked(links)), ""
    except NamespaceFailed as error:
        return None, f"bytes with TCP/IP are the model's alone: {error}"


def _window(
    population: Remote[Population],
    changes: Remote[Changes],
    sizes: BandwidthSizes,
    rates: Sequence[float],
    *,
    seed: int,
) -> tuple[list[Window], list[list[Change]]]:
    """Everybody acts and all lists change: as many times in the window as the rate says, to the nearest whole number.

    The first and last moments of the window are quiet, so that nothing is on its way at its edges and no exchange is
    cut in two: what changes in it cause is in it, all of it and nothing else.
    """
    end_s = population.call(Population.begin, sizes.window_s, EDGE, True)
    start_s = end_s - sizes.window_s + LEAD_S
    within_s = sizes.window_s - 2 * LEAD_S
    chance = random.Random(seed)
    times_s = [
        evenly(
            round(rate * sizes.window_s) / within_s, start_s=start_s, window_s=within_s,
            jitters=[chance.random() for _ in range(97)],
        )
        for rate in rates
    ]  # fmt: skip
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(changes.call, Changes.run, times_s)
        windows = population.call(Population.end)
        return windows, made.result()


def _wire(links: dict[str, LinkCount], names: Namespaces | None, number: int) -> Wire | None:
    if names is None:
        return None
    count = links[names.interface(number)]
    return Wire(packets=count.packets, ip_bytes=count.ip_bytes)


@contextlib.contextmanager
def _ticking(stage: Stage) -> Iterator[None]:
    """Advance the stage by a step per second while the generator is waited for."""
    over = threading.Event()

    def tick() -> None:
        while not over.wait(1.0):
            stage.advance()

    ticker = threading.Thread(target=tick, daemon=True)
    ticker.start()
    try:
        yield
    finally:
        over.set()
        ticker.join()
