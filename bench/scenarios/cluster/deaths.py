"""One of three nodes is killed under players, and Valkey is killed and comes back empty: what players see of it."""

from __future__ import annotations

import http.client
import json
import random
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.load.cluster.crowd import Crowd
from bench.load.cluster.rooms import listed
from bench.load.sockets.tokens import mint_host, mint_receiver
from bench.measures import (
    LAST_BACK,
    MEMBERSHIPS_LOST,
    OFFLINE_BATCHES,
    PLAYERS_MISSING,
    REFUSED_FOR,
    ROOMS_LOST,
    SOCKETS_CLOSED,
    TOLD_OFFLINE_AFTER,
    TOLD_TWICE,
    TOLD_TWICE_THEN,
    WRONG_VIEWS,
)
from bench.processes.cluster.ports import wait_until
from bench.processes.cluster.surroundings import SECRET, Surroundings
from bench.processes.lab import HOST, Lab
from bench.processes.remote import Remote
from bench.processes.target import Target
from bench.record.book import Book
from bench.record.findings import Ledger, Where
from bench.record.vocabulary import ANSWERED_201, BACK_AND_FRESH, REFUSED
from bench.scenarios.cluster.flags import FLAGS

NODES = 3
IN_A_ROOM = 3
"""Host and guests of each room."""
BACK_TIMEOUT_S = 60.0
ASK_EVERY_S = 0.05
TIMEOUT_S = 10.0
ASKER = 50_000
"""First of the hosts whose rooms are asked for while Valkey is away."""
CREATED, NOT_NOW = 201, 503
NODE_KILLED, VALKEY_KILLED = "node killed", "Valkey killed"


def node(lab: Lab, book: Book, place: Surroundings, chance: random.Random) -> None:
    """kill -9 of one, which stays away. Its players come back to the other two."""
    players = lab.profile.cluster.players
    with place.nodes(NODES, FLAGS) as nodes, _crowd(lab, nodes, chance) as crowd:
        crowd.call(Crowd.open, players)
        wait_until(lambda: all(_online(each) == players for each in nodes), "every node knows all players")
        crowd.call(Crowd.watch)
        victim = chance.randrange(NODES)
        killed_s = time.perf_counter()
        nodes[victim].kill()
        theirs = len(range(victim, players, NODES))
        seen = crowd.call(Crowd.settle, least_lost=theirs, timeout_s=BACK_TIMEOUT_S)
        crowd.call(Crowd.close)
    book.add(TOLD_OFFLINE_AFTER, max(seen.offline_s, default=float("nan")) - killed_s, clients=players)
    book.add(OFFLINE_BATCHES, seen.batches, clients=players)
    book.add(LAST_BACK, max(seen.back_s, default=float("nan")), clients=players)
    book.add(PLAYERS_MISSING, seen.missing, clients=players)
    book.add(WRONG_VIEWS, seen.wrong, clients=players)
    book.add(TOLD_TWICE, seen.doubled, clients=players)
    moments_s = np.sort(np.asarray(seen.fresh_at_s)) - killed_s
    ledger = Ledger(expected=theirs, received=len(moments_s))
    book.add_series(BACK_AND_FRESH, moments_s, Where(players), party=NODE_KILLED, ledger=ledger)
    if seen.lost != theirs:
        book.faults.append(f"{theirs} players were on the node that was killed, {seen.lost} lost their connection")


def valkey(lab: Lab, book: Book, place: Surroundings, chance: random.Random) -> None:
    """kill -9; it comes back without its data. Rooms with members stand meanwhile, and all the time a room is asked
    for on every node."""
    sizes = lab.profile.cluster
    with place.nodes(NODES, FLAGS) as nodes, _crowd(lab, nodes, chance) as crowd:
        crowd.call(Crowd.open, sizes.players)
        rooms = _fill_rooms(nodes, crowd, sizes.members)
        before = _members(nodes, sizes.members)
        crowd.call(Crowd.watch)
        asker = _Asker(nodes)
        place.engine.kill()
        killed_s = time.perf_counter()
        while time.perf_counter() < killed_s + sizes.down_s:
            asker.ask()
        place.engine.start()
        back_s = time.perf_counter()
        while not asker.has_made_at_all_since(back_s) and time.perf_counter() < back_s + BACK_TIMEOUT_S:
            asker.ask()
        is_same = _agree(nodes)
        lost = {room for each in nodes for room in rooms - {id_ for id_, _ in listed(each.port)[1]}}
        lost |= {room for room in asker.rooms if any(room not in dict(listed(each.port)[1]) for each in nodes)}
        after = _members(nodes, sizes.members)
        seen = crowd.call(Crowd.settle, least_lost=0, timeout_s=BACK_TIMEOUT_S)
        crowd.call(Crowd.close)
    book.add(SOCKETS_CLOSED, seen.lost, clients=sizes.players)
    book.add(TOLD_TWICE_THEN, seen.doubled, clients=sizes.players)
    book.add(ROOMS_LOST, len(lost), clients=sizes.players)
    book.add(MEMBERSHIPS_LOST, sum(mine != before[who] for who, mine in after.items()), clients=sizes.players)
    book.add(REFUSED_FOR, asker.refused_for_s(back_s), clients=sizes.players)
    for name, moments_s in ((ANSWERED_201, asker.made_s), (REFUSED, asker.refused_s)):
        book.add_series(name, np.asarray(moments_s) - killed_s, Where(sizes.players), party=VALKEY_KILLED)
    if not is_same:
        book.faults.append("the nodes did not come to hold the same rooms after Valkey had been away")


def _crowd(lab: Lab, nodes: Sequence[Target], chance: random.Random) -> Remote[Crowd]:
    return lab.generator(Crowd, ports=[each.port for each in nodes], secret=SECRET, seed=chance.getrandbits(31))


class _Asker:
    """Asks node after node for a room, each time as another host."""

    def __init__(self, nodes: Sequence[Target]) -> None:
        self._nodes = nodes
        self._asked = 0
        self._last_made_s = [0.0] * len(nodes)
        self.rooms: list[str] = []
        self.made_s: list[float] = []
        self.refused_s: list[float] = []

    def ask(self) -> None:
        at = self._asked % len(self._nodes)
        token = mint_host(SECRET, ASKER + self._asked).token
        self._asked += 1
        status, answer = _call(self._nodes[at].port, "POST", "/api/rooms", token, {"gamemode": "ffa"})
        now_s = time.perf_counter()
        if status == CREATED:
            self.rooms.append(answer["room"]["id"])
            self.made_s.append(now_s)
            self._last_made_s[at] = now_s
        elif status == NOT_NOW:
            self.refused_s.append(now_s)
        else:
            raise RuntimeError(f"a room was answered with {status}: {answer}")
        time.sleep(ASK_EVERY_S)

    def has_made_at_all_since(self, since_s: float) -> bool:
        """On every node."""
        return min(self._last_made_s) > since_s

    def refused_for_s(self, back_s: float) -> float:
        """From then until the last refusal."""
        return max(0.0, max(self.refused_s, default=back_s) - back_s)


def _fill_rooms(nodes: Sequence[Target], crowd: Remote[Crowd], members: int) -> set[str]:
    """Of the first players so many are in rooms of three, made and entered on different nodes."""
    rooms: set[str] = set()
    guests: dict[int, str] = {}
    for host in range(0, members, IN_A_ROOM):
        status, answer = _call(
            nodes[host % NODES].port, "POST", "/api/rooms", mint_receiver(SECRET, host).token, {"gamemode": "ffa"}
        )
        if status != CREATED:
            raise RuntimeError(f"a room was answered with {status}: {answer}")
        rooms.add(answer["room"]["id"])
        guests |= dict.fromkeys(range(host + 1, min(members, host + IN_A_ROOM)), answer["room"]["id"])
    crowd.call(Crowd.enter, guests)
    wanted = len(nodes) * members
    wait_until(lambda: sum(map(len, _members(nodes, members).values())) == wanted, "all members are in their rooms")
    return rooms


def _members(nodes: Sequence[Target], members: int) -> dict[tuple[int, int], list[str]]:
    """Of each host and node: who is in the host's room as that node has it."""
    found = {}
    for host in range(0, members, IN_A_ROOM):
        token = mint_receiver(SECRET, host).token
        for number, each in enumerate(nodes):
            status, answer = _call(each.port, "GET", "/api/rooms/mine", token)
            found[host, number] = [member["name"] for member in answer["members"]] if status == 200 else []
    return found


def _agree(nodes: Sequence[Target]) -> bool:
    """Whether all nodes come to have the same list."""
    try:
        wait_until(lambda: len({listed(each.port)[0] for each in nodes}) == 1, "the same rooms")
    except RuntimeError:
        return False
    return True


def _online(server: Target) -> int:
    _, answer = _call(server.port, "GET", "/api/users/online", mint_host(SECRET, 0).token)
    return len(answer["users"])


def _call(port: int, method: str, path: str, token: str, body: object = None) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(HOST, port, timeout=TIMEOUT_S)
    try:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read() or b"{}")
    finally:
        connection.close()
