"""Other ways to build it, in one run and in turns: the same broadcast, login storm and fetch herd.

* the floor: a bare loop of ``send``; it only broadcasts;
* naive Tornado, the library `websockets` (no list), Starlette on uvicorn: the specification's messages in the plain way
  of each;
* Node.js with ws and Express, written from the specification.

Broadcasts are taken turn by turn as in `bench.scenarios.engine.fanout`, whose parties these are; storms and fetches
have a fresh process each, in random order. Peers that are not installed are skipped by name.
"""

from __future__ import annotations

import contextlib
import random
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

from bench.load.changes.publisher import Publisher
from bench.load.sockets.sinks import Sinks
from bench.measures import COLD_BROADCAST, CPU_PER_EVENT, CPU_PER_RECIPIENT, LAST_ACCEPTED, UNTIL_ALL
from bench.processes.again import calmly
from bench.processes.lab import Lab
from bench.processes.peer import express_command, python_peer, start_peer
from bench.processes.server_flags import server_flags
from bench.processes.turns import in_turns
from bench.processes.watch import Watch
from bench.record.book import Book
from bench.record.findings import Findings, sum_stretches
from bench.record.vocabulary import FLOOR, LOBBY, LOBBY_EMPTY, NAIVE_TORNADO, NODE_EXPRESS, STARLETTE, WEBSOCKETS
from bench.scenarios.engine.fanout import FLAGS, SETTLE_S, WARM_UP, close_party, lobby_party, peer_party
from bench.scenarios.engine.rooms_get import Askers, write_answers

ROOMS = 50
STORM_TIMEOUT_S = 60.0
STORM_FLAGS = (*FLAGS, *server_flags(handshake_timeout_s=60))
STORM_PATTERN = b'"user_online"'
SECRET = "of the peers, which is 32 bytes long"


@dataclass(frozen=True)
class Peer:
    """One that takes part beside the lobby."""

    name: str
    command: tuple[str, ...]
    speaks: bool = True
    """It knows the handshake, so it can have a storm."""
    lists: bool = True
    """It serves a list over HTTP."""
    tells_strangers: bool = True
    """A login is told to everyone connected, as in the specification, and not only to those accepted before."""


def installed(book: Book) -> list[Peer]:
    """Who can take part here; the others are named."""
    found = [
        Peer(FLOOR, tuple(python_peer("floor")), speaks=False, lists=False),
        Peer(NAIVE_TORNADO, tuple(python_peer("naive_tornado"))),
    ]
    for peer, modules in (
        (Peer(WEBSOCKETS, tuple(python_peer("python_websockets")), lists=False), ("websockets",)),
        (Peer(STARLETTE, tuple(python_peer("starlette_uvicorn"))), ("starlette", "uvicorn", "websockets")),
    ):
        missing = [name for name in modules if find_spec(name) is None]
        if missing:
            book.skip(f"{peer.name}: {', '.join(missing)} is not installed (extra `peers`)")
        else:
            found.append(peer)
    node = express_command()
    if node is None:
        book.skip(f"{NODE_EXPRESS}: there is no node, or npm could not install ws and Express")
    else:
        found.append(Peer(NODE_EXPRESS, tuple(node)))
    return found


def run(lab: Lab) -> Findings:
    """Fresh servers, peers and receivers in each repeat."""
    sizes = lab.profile.peers
    book = lab.book("peers", FLAGS)
    chance = random.Random(lab.seed)
    peers = [peer for peer in installed(book) if not sizes.only or peer.name in sizes.only]
    speaking: list[Peer | None] = [None, *(peer for peer in peers if peer.speaks)]
    listing: list[Peer | None] = [None, *(peer for peer in peers if peer.lists)]
    with (
        lab.reporter.stage("peers", sizes.repeats * (len(peers) + 1 + len(speaking) + len(listing))) as stage,
        tempfile.TemporaryDirectory(prefix="lobby-peers-") as folder,
    ):
        body = Path(folder) / "rooms.json"
        _write_list(lab, body)
        for repeat in range(sizes.repeats):
            stage.say(f"a broadcast to {sizes.clients} clients: lobby, {', '.join(peer.name for peer in peers)}")
            calmly(lab, book, partial(_broadcasts, lab, chance, peers), turn=repeat)
            stage.advance(len(peers) + 1)
            for _, peer in in_turns(speaking, 1, chance):
                stage.say(f"{sizes.storm} clients log in: {peer.name if peer else LOBBY}")
                calmly(lab, book, partial(_storm, lab, peer), turn=repeat)
                stage.advance()
            for _, peer in in_turns(listing, 1, chance):
                stage.say(f"everybody fetches the list: {peer.name if peer else LOBBY}")
                calmly(lab, book, partial(_fetches, lab, peer, body), turn=repeat)
                stage.advance()
    book.note(
        "the lobby's figure of a broadcast is without the price of making the room, measured with nobody connected; "
        f"the list has {ROOMS} rooms; a peer's login is told to everyone connected, the lobby's to those accepted, "
        "so figures are those of an event"
    )
    return book.result("peers", FLAGS)


def _broadcasts(lab: Lab, chance: random.Random, peers: list[Peer], book: Book) -> None:
    sizes = lab.profile.peers
    with contextlib.ExitStack() as stack:
        empty = lobby_party(lab, stack, LOBBY_EMPTY, 0)
        lobby = lobby_party(lab, stack, LOBBY, sizes.clients)
        others = [peer_party(lab, stack, peer.name, list(peer.command), sizes.clients) for peer in peers]
        parties = [empty, lobby, *others]
        time.sleep(SETTLE_S)
        for _, party in in_turns(parties, sizes.broadcasts + WARM_UP, chance):
            party.turn()
        unheard = {party.name: close_party(book, party) for party in parties}
    for party in (lobby, *others):
        cpu_us = (party.cpu_s - (empty.cpu_s if party is lobby else 0.0)) / sizes.clients * 1e6
        add: dict[str, Any] = {
            "clients": sizes.clients, "party": party.name, "stretch": sum_stretches(party.turns),
            "invalid": unheard[party.name],
        }  # fmt: skip
        book.add(CPU_PER_RECIPIENT, cpu_us, **add)
        book.add(UNTIL_ALL, median(party.walls_ms), **add)
        book.add(COLD_BROADCAST, party.cold_ms, **add)


def _storm(lab: Lab, peer: Peer | None, book: Book) -> None:
    clients = lab.profile.peers.storm
    with contextlib.ExitStack() as stack:
        if peer is None:
            server = stack.enter_context(lab.server(STORM_FLAGS))
            port, pid, secret = server.port, server.pid, server.jwt_secret
        else:
            process = stack.enter_context(
                start_peer(peer.command, cpus=lab.cpus.server, environment={"PEER_SECRET": SECRET})
            )
            port, pid, secret = process.port, process.pid, SECRET
        events = clients * clients if peer is not None and peer.tells_strangers else clients * (clients + 1) // 2
        sinks = stack.enter_context(lab.generator(Sinks, port=port, pattern=STORM_PATTERN, secret=secret))
        sinks.call(Sinks.open, clients)
        time.sleep(0.2)
        watch = Watch(pid, sinks.pid)
        start_s = sinks.call(Sinks.say_hello)
        heard = sinks.call(Sinks.hear, events, STORM_TIMEOUT_S)
        stretch = watch.stretch()
        accepted_s = sinks.call(Sinks.heard).accepted_s
        sinks.call(Sinks.close)
    name = peer.name if peer else LOBBY
    untold = f"{heard:,} of {events:,} events were heard" if heard != events else ""
    if untold:
        book.faults.append(f"{name}: {clients} clients heard {heard:,} events instead of {events:,}")
    left_out = sum(not at_s for at_s in accepted_s)
    unaccepted = f"{left_out:,} of {clients:,} clients were not accepted" if left_out else ""
    at = {"clients": clients, "party": name, "stretch": stretch}
    book.add(CPU_PER_EVENT, stretch.server_cpu_s / events * 1e6, **at, invalid=untold)  # type: ignore[arg-type]
    last_s = 0.0 if unaccepted else max(accepted_s) - start_s
    book.add(LAST_ACCEPTED, last_s, **at, invalid=unaccepted)  # type: ignore[arg-type]


def _fetches(lab: Lab, peer: Peer | None, body: Path, book: Book) -> None:
    with contextlib.ExitStack() as stack:
        if peer is None:
            server = stack.enter_context(lab.server(FLAGS))
            with Publisher(server.port, server.jwt_secret) as publisher:
                publisher.fill(ROOMS)
            port, pid = server.port, server.pid
        else:
            process = stack.enter_context(start_peer([*peer.command, str(body)], cpus=lab.cpus.server))
            port, pid = process.port, process.pid
        askers = stack.enter_context(lab.generator(Askers))
        name = peer.name if peer else LOBBY
        write_answers(book, askers, name, port, pid, (), 200, lab.profile.peers.get_s)


def _write_list(lab: Lab, body: Path) -> None:
    """The lobby's own list, for the others to serve."""
    with (
        lab.server(FLAGS) as server,
        Publisher(server.port, server.jwt_secret) as publisher,
        lab.generator(Askers) as askers,
    ):
        publisher.fill(ROOMS)
        body.write_bytes(askers.call(Askers.get, server.port).body)
