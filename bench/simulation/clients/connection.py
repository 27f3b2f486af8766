"""The client library's connection, as it is, in a fiber in place of a thread, over a wire in place of a socket."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from operator import attrgetter
from random import Random
from typing import Any, cast

from bench.simulation.clients.fiber import Fiber
from bench.simulation.clients.network import Network
from bench.simulation.outside.loop import Call, World
from bench.simulation.outside.wire import Wire
from loadtest.client.counters import Counters
from loadtest.client.reconnect import ReconnectPolicy
from loadtest.client.sockets.connection import ConnectionManager, _Run
from loadtest.client.sockets.link import Link, LinkEnded, OpenFailed, ended_by_close_frame
from loadtest.client.timing import Timing
from loadtest.wire.messages.frames import OP_TEXT
from lobby_server.protocol.features import Feature
from lobby_server.protocol.messages import ClientMessage, ServerMessage, ack_id_of, encode

Errand = Callable[[], "float | None"]


class SimulatedConnection(ConnectionManager):
    """`ConnectionManager`: heartbeat, watchdog, back-off and handshake are the library's."""

    def __init__(
        self,
        world: World,
        network: Network,
        *,
        name: str,
        version: str,
        timing: Timing,
        reconnect: ReconnectPolicy,
        random: Random,
        features: Iterable[Feature],
        window: int,
        read: dict[bytes, ServerMessage] | None = None,
    ) -> None:
        """`read`: messages that any player has read before; None: nobody else has."""
        super().__init__(
            name=name,
            version=version,
            timing=timing,
            reconnect=reconnect,
            rng=random,
            clock=partial(attrgetter("now_s"), world),
            features=features,
        )
        self.side = cast(Any, Side(world))
        self.window = window
        self._read: dict[bytes, ServerMessage] = {} if read is None else read
        self._world = world
        self._network = network
        self._fiber: Fiber | None = None

    def disconnect_from_server(self) -> None:
        super().disconnect_from_server()
        if self._fiber is not None:
            self._fiber.wake()

    def _start(self, run: _Run) -> None:
        self._fiber = Fiber(self._world, lambda: self._live(run))

    def _pause(self, run: _Run, delay_s: float) -> None:
        fiber, at_s = Fiber.current(), self._world.now_s + delay_s
        while not run.is_over.is_set() and self._world.now_s < at_s:
            fiber.park(at_s - self._world.now_s)

    def _new_link(self) -> Link:
        return SimulatedLink(self.counters, Fiber.current(), self._network, window=self.window, read=self._read)


class SimulatedLink(Link):
    """`Link` over a `Wire`."""

    __slots__ = ("_ending", "_fiber", "_inbox", "_is_open", "_network", "_read", "_window", "_wire")

    def __init__(
        self,
        counters: Counters,
        fiber: Fiber,
        network: Network,
        *,
        window: int,
        read: dict[bytes, ServerMessage],
    ) -> None:
        super().__init__(counters)
        self._read = read
        self._fiber = fiber
        self._network = network
        self._window = window
        self._wire: Wire | None = None
        self._inbox: deque[tuple[int, bytes]] = deque()
        self._ending: LinkEnded | None = None
        self._is_open = False

    def open(self, url: str, timing: Timing) -> None:
        life = self._network.pick()
        if life is None:
            self._fiber.sleep(0.005)
            raise OpenFailed("no node takes connections")
        self._wire = self._network.connect(life, window=self._window)
        self._wire.inbox = self
        self._fiber.park(timing.connect_timeout_s)
        if not self._is_open:
            self._wire.abort()
            raise OpenFailed("refused" if self._ending is not None else "no answer")

    def send(self, message: ClientMessage) -> None:
        if self._wire is None or not self._wire.say(encode(message)):
            raise LinkEnded("not open")

    def receive(self, timeout_s: float) -> ServerMessage | None:
        while not self._inbox:
            if self._ending is not None:
                raise self._ending
            if not self._fiber.park(timeout_s) and not self._inbox and self._ending is None:
                raise TimeoutError
        opcode, payload = self._inbox.popleft()
        return self._decode(payload) if opcode == OP_TEXT else None

    def _decode(self, payload: bytes) -> ServerMessage | None:
        message = self._read.get(payload)
        if message is None:
            message = super()._decode(payload)
            if message is not None and ack_id_of(payload) is None:
                self._read[payload] = message
        return message

    def say_goodbye(self) -> None:
        if self._wire is not None:
            self._wire.say_goodbye()

    def abort(self) -> None:
        self.is_aborted = True
        if self._wire is not None:
            self._wire.abort()
            self.over("aborted", None)

    def close(self, ending: LinkEnded | None = None) -> None:
        if self._wire is not None:
            self._wire.abort()
            self._wire = None
        if self._ending is not None:
            self._ending.__traceback__ = None  # its frames hold the link, which holds it

    # -- `bench.simulation.outside.wire.Inbox` ----------------------------------------------------------------------

    def opened(self) -> None:
        self._is_open = True
        self._fiber.wake()

    def heard(self, heard: list[tuple[int, bytes]]) -> None:
        self._inbox += heard
        self._fiber.wake()

    def over(self, why: str, code: int | None) -> None:
        if code is None:
            self._ending = LinkEnded(why)
        else:
            self._ending = ended_by_close_frame(code.to_bytes(2, "big") + why.encode())
        self._fiber.wake()


class Side:
    """`loadtest.client.sockets.lobby_connection.ErrandRunner`: errands at their times, never two at once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._due_s: dict[Errand, float] = {}
        self._under_way: Errand | None = None
        self._is_dropped = False
        self._timer: Call | None = None

    def put(self, errand: Errand, *, in_s: float = 0.0) -> None:
        due_s = self._world.now_s + in_s
        self._due_s[errand] = min(due_s, self._due_s.get(errand, due_s))
        self._arm()

    def drop(self, errand: Errand) -> None:
        self._due_s.pop(errand, None)
        if self._under_way == errand:
            self._is_dropped = True

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._under_way is None and self._due_s:
            self._timer = self._world.call_at(min(self._due_s.values()), self._begin)

    def _begin(self) -> None:
        self._timer = None
        errand = min(self._due_s, key=self._due_s.__getitem__)
        del self._due_s[errand]
        self._under_way, self._is_dropped = errand, False
        Fiber(self._world, lambda: self._run(errand), at_once=True)

    def _run(self, errand: Errand) -> None:
        again_in_s = errand()
        self._under_way = None
        if again_in_s is not None and not self._is_dropped:
            self._due_s.setdefault(errand, self._world.now_s + again_in_s)
        self._arm()
