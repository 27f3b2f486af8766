"""The players' way to the lobby: a load balancer, HTTP calls, connections."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

import msgspec

from bench.simulation.clients.fiber import Fiber
from bench.simulation.clients.reading import Read
from bench.simulation.nodes.calls import NONE, Answer, Asked
from bench.simulation.nodes.node import Life, Node
from bench.simulation.outside.loop import World
from bench.simulation.outside.wire import Wire
from loadtest.client.api import LobbyApi
from loadtest.client.errors import ServerAway
from loadtest.client.http import HttpAnswer, HttpCall
from lobby_server.protocol.resources import Room

HTTP_TIMEOUT_S = 6.0
"""Longer than a server takes to give up a command."""
LEAST_S, MOST_S = 0.001, 0.01
"""Latency of one way."""
SPREAD_S = MOST_S - LEAST_S
REFRESH = "/api/auth/refresh"
AWAY = b'{"error": "try again later", "code": "try_again_later"}'


class Network:
    """One player's. What it draws follows from the player's seed alone."""

    url = "http://lobby"

    def __init__(self, world: World, nodes: Sequence[Node], random: Random, *, read: Read | None = None) -> None:
        """`read`: what any player has read before; None: nobody has read anything."""
        self.wires: list[Wire] = []
        """Of this player, that are not over for both ends."""
        self._world = world
        self._nodes = nodes
        self._random = random
        self._read = Read() if read is None else read

    def pick(self) -> Life | None:
        """Where the balancer sends the next one: to a node that says that it is ready, if there is one."""
        open_ones = [life for node in self._nodes if (life := node.life) is not None and life.is_open]
        ready = [life for life in open_ones if life.loop.is_frozen or life.app.nodes is None or life.app.nodes.is_ready]
        candidates = ready or open_ones
        return self._random.choice(candidates) if candidates else None

    # -- connections ----------------------------------------------------------------------------------------------

    def connect(self, life: Life, *, window: int) -> Wire:
        """A connection that is about to be opened; its inbox hears what comes of it."""
        wire = Wire(self._world, life.loop, Random(self._random.random()), window=window, chunks=self._read.chunks)
        self.wires = [each for each in self.wires if not each.is_over]
        self.wires.append(wire)
        self._world.call_later(LEAST_S + SPREAD_S * self._random.random(), self._arrive, life, wire)
        return wire

    def _arrive(self, life: Life, wire: Wire) -> None:
        if life.is_over:
            wire.lose_node()
        else:
            life.loop.call_soon(life.connect, wire)

    # -- calls ----------------------------------------------------------------------------------------------------

    def ask(self, asked: Asked) -> Answer:
        """Block until the answer."""
        fiber = Fiber.current()
        answers: list[Answer] = []

        def reply(answer: Answer) -> None:
            answers.append(answer)
            fiber.wake()

        life = self.pick()
        if life is None:
            fiber.sleep(MOST_S)
            return NONE
        self._world.call_later(LEAST_S + SPREAD_S * self._random.random(), self._call, life, asked, reply)
        give_up_s = self._world.now_s + HTTP_TIMEOUT_S
        while not answers:
            if not fiber.park(give_up_s - self._world.now_s) and not answers:
                return NONE
        return answers[0]

    def _call(self, life: Life, asked: Asked, reply: Callable[[Answer], None]) -> None:
        if life.is_over:
            reply(NONE)
        else:
            life.call(asked, reply)

    # -- `loadtest.client.http.HttpCaller`: for the list of rooms, and for a fresh token -----------------------------

    def call(self, request: HttpCall) -> HttpAnswer:
        if request.path == REFRESH:
            return self._refresh(request.headers["authorization"].removeprefix("Bearer "))
        answer = self.ask(Asked("rooms", None))
        if not answer.status:
            raise ServerAway(self.url, "reset")
        if not answer.is_good or answer.is_stale:
            return HttpAnswer(status=answer.status if not answer.is_good else 503, headers={}, body=AWAY)
        return HttpAnswer(status=200, headers={"etag": answer.etag}, body=answer.body)

    def close(self) -> None:
        pass

    def _refresh(self, token: str) -> HttpAnswer:
        answer = self.ask(Asked("refresh", token))
        if not answer.status:
            raise ServerAway(self.url, "reset")
        told = answer.body if answer.is_good else {"error": "refused", "code": answer.code}
        return HttpAnswer(status=answer.status, headers={}, body=msgspec.json.encode(told))


class ListApi(LobbyApi):
    """`LobbyApi` for the list of rooms. What twenty players are answered with is read once."""

    def __init__(self, network: Network, lists: dict[bytes, tuple[Room, ...]]) -> None:
        """`lists`: what was read before."""
        super().__init__(network)
        self._lists = lists

    def _read_rooms(self, answer: HttpAnswer) -> tuple[Room, ...]:
        rooms = self._lists.get(answer.body)
        if rooms is None:
            rooms = self._lists[answer.body] = super()._read_rooms(answer)
        return rooms
