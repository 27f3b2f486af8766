"""What a client costs that does nothing for a minute: polling, polling with ETag, push with heartbeats.

Counted by the clients over a whole minute at the true intervals, and held against the kernel's counters of the very
sockets. The room list's length decides what polling costs, so there is a server for each length, all in one minute.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

from bench.cpu import read_cpu
from bench.idlers import Address, Idlers
from bench.lab import Lab
from bench.progress import Stage
from bench.publisher import Publisher
from bench.results import IdleGroup, IdleResult, Load
from bench.scenarios.broadcast import FLAGS

QUIET_S = 0.5
"""After connecting, and after the last events: longer than the server's longest conflation (250 ms)."""


def run(lab: Lab) -> IdleResult:
    """Takes the window and a few seconds more."""
    sizes = lab.profile.idle
    with contextlib.ExitStack() as stack:
        stage = stack.enter_context(lab.reporter.stage("idle", sizes.window_s))
        stage.say("starting servers")
        servers = [stack.enter_context(lab.server(FLAGS)) for _ in sizes.rooms]
        publishers = [stack.enter_context(Publisher(server.port, server.jwt_secret)) for server in servers]
        for publisher, rooms in zip(publishers, sizes.rooms, strict=True):
            publisher.fill(rooms)
        addresses = [Address(server.ws_url, server.port, server.jwt_secret) for server in servers]
        idlers = stack.enter_context(lab.generator(Idlers, servers=addresses, sizes=sizes, seed=lab.seed))
        idlers.call(Idlers.connect)
        time.sleep(QUIET_S)
        connects = idlers.call(Idlers.connects)
        list_bytes = [publisher.list_bytes() for publisher in publishers]
        stage.say(f"{3 * sizes.clients * len(servers)} clients idle for {sizes.window_s:.0f} s")
        pids = (idlers.pid, *(server.pid for server in servers))
        before = [read_cpu(pid) for pid in pids]
        start_s = time.perf_counter()
        with _ticking(stage):
            windows = idlers.call(Idlers.run)
        wall_s = time.perf_counter() - start_s
        generator, *used = [read_cpu(pid).since(then) for pid, then in zip(pids, before, strict=True)]
        polling_request, etag_request = idlers.call(Idlers.sample_requests)
        for publisher in publishers:
            publisher.publish(time.perf_counter())
        idlers.call(Idlers.part)
        time.sleep(QUIET_S)
        return IdleResult(
            flags=list(FLAGS),
            groups=[
                IdleGroup(
                    kind=window.kind,
                    rooms=sizes.rooms[window.server],
                    list_bytes=list_bytes[window.server],
                    clients=window.clients,
                    unexpected_losses=window.losses,
                )
                for window in windows
            ],
            sizes=idlers.call(Idlers.sizes),
            connects=connects,
            polling_request=polling_request,
            etag_request=etag_request,
            load=Load(
                wall_s=wall_s,
                server_cpu_s=sum(times.used_s for times in used),
                generator_cpu_s=generator.used_s,
                server_wait_s=sum(times.waited_s for times in used),
                generator_wait_s=generator.waited_s,
            ),
        )


@contextlib.contextmanager
def _ticking(stage: Stage) -> Iterator[None]:
    """Advance the stage by a step a second while the generator is waited for."""
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
