"""What the swarm costs the machine that it runs on, beside other load generators, in turns and with the same players.

All of them hold the same players towards a fresh server each: they ask for the same features, so the same bytes come,
and send their heartbeats at the same interval. Connecting is asked for faster than any of them can do it. Then a
publisher changes the list of rooms at a steady rate, and each change is an event at each player. CPU and memory are
those of all processes of a tool.

A tool may put off what its players were told, so the pace is told twice: with its CPU until the last player is online,
of the players who came after the first look that saw any, and with all of it until `QUIET_S` later, of all players,
from the last look that saw nobody: up to `LOOK_EVERY_S` of its start is in it.

A tool that failed in its first turns at a size is not tried again there.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Collection
from functools import partial
from pathlib import Path

from bench.load.attendance import NotAllCame, await_online, online
from bench.load.changes.publisher import Publisher, make_and_delete
from bench.load.generators import Aim, GeneratorFailed, Running, Tool, running, tools
from bench.load.sockets.tokens import mint_receiver
from bench.measures import (
    GENERATOR_CPU_PER_1000_EVENTS,
    GENERATOR_KIB_PER_PLAYER,
    GENERATOR_PEAK_KIB_PER_PLAYER,
    PLAYERS_PER_CPU_S,
    SETTLED_PLAYERS_PER_CPU_S,
)
from bench.processes.again import calmly
from bench.processes.lab import Lab, Server
from bench.processes.server_flags import LASTING_ROOMS_S, lab_flags
from bench.processes.turns import in_turns
from bench.record.book import Book
from bench.record.findings import Findings, Stretch
from bench.record.profiles.sizes import SwarmCostSizes

FLAGS = lab_flags(empty_room_ttl_s=LASTING_ROOMS_S, rooms_notify_interval_ms=0)
FEATURES = ("rooms_delta",)
"""So that a change is one event at each player, whole, and nobody fetches."""
QUIET_S = 15.0
"""After the last player came, until memory is looked at and changes begin. The swarm's ledger judges what was told of
the comings for two of its settling times, and in slices, and that is the ramp's cost: with 5,000 players 12 s were a
second short of the end. The heartbeats of this time are in it."""
BEFORE_CHANGES_S = 2.0
MOST_WERE_THERE = "most players were online at the first look that saw any"
"""A server that is busy with them answers a look late. The pace until the last player is then of the few others: of a
tool that had 993 of 1,000 online it was 100 players per second, and 2,100 with all of them."""
GIVEN_UP_AFTER = 2
"""So many first turns of a tool at a size that all failed. One alone may be the machine's: Node.js with `ws` had 5,000
players online in four turns of five. One that fails so often is given up wrongly in one of 25 runs; after one turn it
would be in five of 25. A third would take another `patience_s` of each tool that cannot do it."""


def run(lab: Lab) -> Findings:
    """A fresh server and a fresh process for each turn."""
    sizes = lab.profile.swarm_cost
    book = lab.book("swarm-cost", FLAGS)
    found, missing = tools()
    for sentence in missing:
        book.skip(sentence)
    chance = random.Random(lab.seed)
    with lab.reporter.stage("swarm-cost", len(sizes.players) * sizes.repeats * len(found)) as stage:
        for players in sizes.players:
            failed: set[tuple[str, int]] = set()
            for repeat, tool in in_turns(found, sizes.repeats, chance):
                if is_given_up(tool.name, failed):
                    book.skip(given_up_words(tool.name, players, sizes.repeats))
                else:
                    stage.say(f"{players} players: {tool.name}")
                    calmly(lab, book, partial(_turn, lab, tool, players, repeat, failed), turn=repeat)
                stage.advance()
    book.note(
        f"players of {FEATURES[0]}, heartbeats every {sizes.heartbeat_s:g} s; connecting was asked for at "
        f"{sizes.players_per_s:g} players per second, and counts from the first to the last who was online, in CPU of "
        f"the tool, and once more from when nobody was there until {QUIET_S:g} s after the last, in which a tool does "
        f"what it put off (the heartbeats of that time are in it); then {sizes.changes_per_s:g} change "
        f"per second for {sizes.window_s:g} s. Each player is a user of its own, so that all hear of each who comes"
    )
    return book.result("swarm-cost", FLAGS)


def is_given_up(tool: str, failed: Collection[tuple[str, int]]) -> bool:
    """`failed`: turns at one size, tool and number of the repeat from 0. Where one of the first went well, the size can
    be done, and what failed is that turn."""
    return all((tool, repeat) in failed for repeat in range(GIVEN_UP_AFTER))


def given_up_words(tool: str, players: int, repeats: int) -> str:
    return (
        f"{tool}, {players:,} players: it failed in its first {GIVEN_UP_AFTER} turns, so that the other "
        f"{repeats - GIVEN_UP_AFTER} of {repeats} were left out"
    )


def _turn(lab: Lab, tool: Tool, players: int, repeat: int, failed: set[tuple[str, int]], book: Book) -> None:
    """One that fails goes into `failed` (`is_given_up`)."""
    sizes = lab.profile.swarm_cost
    with lab.server(FLAGS) as server, tempfile.TemporaryDirectory(prefix="lobby-generator-") as folder:
        tokens = Path(folder) / "tokens"
        lines = (mint_receiver(server.jwt_secret, index).token for index in range(players))
        tokens.write_text("\n".join(lines) + "\n", encoding="utf-8")
        aim = Aim(
            port=server.port, tokens=tokens, players=players, players_per_s=sizes.players_per_s,
            heartbeat_s=sizes.heartbeat_s, features=FEATURES, folder=Path(folder),
        )  # fmt: skip
        try:
            with running(tool, aim, cpus=lab.cpus.generator) as generator:
                _measure(sizes, server, generator, tool.name, players, book)
        except (GeneratorFailed, NotAllCame) as error:
            ended = f"; {generator.last_words()}" if isinstance(error, NotAllCame) else ""
            book.faults.append(f"{tool.name}, {players} players: {error}{ended}")
            lab.reporter.note(f"{tool.name}, {players} players, printed: {generator.printed()}")
            failed.add((tool.name, repeat))


def _measure(sizes: SwarmCostSizes, server: Server, generator: Running, party: str, players: int, book: Book) -> None:
    nobody = generator.cpu()

    def check_before_they_come() -> None:
        nonlocal nobody
        generator.check()
        nobody = generator.cpu()

    await_online(server, 1, patience_s=sizes.patience_s, check=check_before_they_come)
    before, here = generator.cpu(), online(server)
    await_online(server, players, patience_s=sizes.patience_s, check=generator.check)
    used_s = generator.cpu().since(before).used_s
    time.sleep(QUIET_S)
    settled_s = generator.cpu().since(nobody).used_s
    resident_kib, peak_kib = generator.resident_kib(), generator.resident_kib(peak=True)
    generator.check()  # of one that has ended meanwhile nothing of this is true
    if here < players and used_s > 0:
        most_were_there = MOST_WERE_THERE if here > players / 2 else ""
        book.add(
            PLAYERS_PER_CPU_S, (players - here) / used_s, clients=players, party=party, suspect=most_were_there
        )  # fmt: skip
    if settled_s > 0:
        book.add(SETTLED_PLAYERS_PER_CPU_S, players / settled_s, clients=players, party=party)
    book.add(GENERATOR_KIB_PER_PLAYER, resident_kib / players, clients=players, party=party)
    if peak_kib >= resident_kib:  # else the kernel keeps none, or one of the processes ended between the two looks
        book.add(GENERATOR_PEAK_KIB_PER_PLAYER, peak_kib / players, clients=players, party=party)
    with Publisher(server.port, server.jwt_secret) as publisher:
        publisher.fill(1)
        time.sleep(BEFORE_CHANGES_S)
        start_s = time.perf_counter()
        before = generator.cpu()
        changes = make_and_delete(
            publisher, start_s=start_s, changes_per_s=sizes.changes_per_s, window_s=sizes.window_s
        )
        used = generator.cpu().since(before)
        generator.check()
        stretch = Stretch(
            wall_s=time.perf_counter() - start_s, server_cpu_s=0.0, server_wait_s=0.0, generator_cpu_s=used.used_s,
            generator_wait_s=used.waited_s,
        )  # fmt: skip
    missing = players - online(server)
    if missing:
        book.faults.append(f"{party}: {missing} of {players} players were gone at the end")
    book.add(
        GENERATOR_CPU_PER_1000_EVENTS, used.used_s * 1e6 / (changes * players), clients=players, party=party,
        changes_per_s=sizes.changes_per_s, stretch=stretch,
    )  # fmt: skip
