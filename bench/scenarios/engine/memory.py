"""What an authenticated idle connection holds of memory: of the server process, and of the kernel.

One server grows along the ladder, every client with a user of its own, and is looked at after some quiet at each size.
The first few clients are not counted: they bring in what is there once.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

from bench.load.sockets.sinks import Sinks
from bench.measures import RSS_IN_ALL, RSS_PER_CONNECTION, SLAB_PER_SOCKET, SOCKET_BUFFERS
from bench.processes.lab import OWN_BUILD, Build, Lab
from bench.processes.server_flags import lab_flags
from bench.processes.watch import resident_kib, slab_kib, socket_memory_kib
from bench.record.book import Book
from bench.record.findings import Findings
from bench.record.profiles.sizes import EngineSizes

FLAGS = lab_flags(heartbeat_timeout_s=600)
PATTERN = b'"user_online"'
WARM = 10
STEP = 100
QUIET_S = 1.0
TIMEOUT_S = 30.0


def run(lab: Lab, sizes: EngineSizes) -> Findings:
    """A fresh server for each repeat; of several builds, which take turns."""
    book = lab.book("memory", FLAGS)
    chance = random.Random(lab.seed)
    with lab.reporter.stage("memory", sizes.ladder_repeats * len(lab.builds)) as stage:
        for repeat in range(sizes.ladder_repeats):
            book.turn = repeat
            for build in chance.sample(lab.builds, len(lab.builds)):
                which = f", {build.party}" if len(lab.builds) > 1 else ""
                numbers = ", ".join(map(str, sizes.memory))
                stage.say(f"{numbers} clients{which}, repeat {repeat + 1} of {sizes.ladder_repeats}")
                measure_memory(lab, book, sizes.memory, build)
                stage.advance()
    return book.result("memory", FLAGS)


def measure_memory(lab: Lab, book: Book, sizes: Sequence[int], build: Build = OWN_BUILD) -> None:
    """One server that grows along these sizes."""
    with (
        lab.server(FLAGS, build=build) as server,
        lab.generator(Sinks, port=server.port, pattern=PATTERN, secret=server.jwt_secret) as sinks,
    ):
        here = 0

        def grow(to: int) -> None:
            nonlocal here
            while here < to:
                first, here = here, min(to, here + STEP)
                sinks.call(Sinks.open, here - first)
                sinks.call(Sinks.say_hello, first)
                sinks.call(Sinks.hear, here * (here + 1) // 2, TIMEOUT_S)
            time.sleep(QUIET_S)

        grow(WARM)
        bare_kib, bare_slab_kib = resident_kib(server.pid), slab_kib()
        for clients in sorted(each for each in sizes if each > WARM):
            grow(clients)
            added = clients - WARM
            for measure, value in (
                (RSS_PER_CONNECTION, (resident_kib(server.pid) - bare_kib) / added),
                (RSS_IN_ALL, resident_kib(server.pid) / 1024),
                (SLAB_PER_SOCKET, (slab_kib() - bare_slab_kib) / added / 2),
                (SOCKET_BUFFERS, socket_memory_kib()),
            ):
                book.add(measure, value, party=build.party, clients=clients)
        if (accepted := sinks.call(Sinks.accepted, here)) < here:
            book.faults.append(f"{here - accepted} of {here} clients were not accepted")
        sinks.call(Sinks.close)
    book.note(
        "kernel structures: growth of the machine's slab per socket, both ends counted; other work shows in it. "
        "Kernel buffers are sockstat's, of all TCP sockets of the machine"
    )
