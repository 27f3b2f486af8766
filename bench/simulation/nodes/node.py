"""One node of the lobby: a machine, and the lives of the server process on it.

A life is the server's own composition (`App`) over a simulated outside. It starts, serves, is frozen, killed or drained
as `lobby_server.server` does it; a supervisor starts the next one.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from random import Random
from typing import Any, cast

from bench.simulation.nodes.calls import NONE, Answer, Asked, handle
from bench.simulation.nodes.watched import Watch, WatchedLog
from bench.simulation.outside.loop import ProcessLoop, World
from bench.simulation.outside.passwords import put_in
from bench.simulation.outside.store import Database, MemoryJournal, SimulatedStore
from bench.simulation.outside.stream import SimulatedStream
from bench.simulation.outside.valkey import Valkey
from bench.simulation.outside.wire import Wire
from lobby_server.backplane.errors import BackplaneError
from lobby_server.service.app import App, Runtime
from lobby_server.service.ports import StoreError
from lobby_server.service.session import Session
from lobby_server.settings import Settings

SECRET = "the secret of a simulated lobby, thirty-two bytes"
SNAPSHOT_S = 2.0
"""So often that a node which is cut off for some seconds finds entries trimmed away."""
RESTART_S = 1.0
"""How long a supervisor waits before it starts a process again."""
LIST_BYTES = 1200
"""Above which the list of rooms comes in parts: three or four rooms, where a lobby has place for a hundred."""
HTTP_LATENCY_S = (0.001, 0.01)
WARNING_S, GRACE_S = 2.0, 3.0
"""How long before the end of a token a client is told, and how long after it a socket is closed. In place of the minute
and of the 25 s of the contract: both come within a run, and tokens end that live shorter than the first and longer."""
SHOWS_TOKEN = b'"token":'
"""In what a client sends."""
Claimed = dict[str, object]


class Node:
    """A machine."""

    def __init__(
        self,
        name: str,
        world: World,
        *,
        settings: Settings,
        node_timeout_s: float,
        valkey: Valkey,
        database: Database,
        watch: Watch,
        seed: str,
        signed: dict[str, Claimed] | None = None,
    ) -> None:
        """`signed`: what tokens say whose signature is good, for all nodes that have the same secret; None: nobody has
        checked any."""
        self.name = name
        self.world = world
        self.settings = settings
        self.node_timeout_s = node_timeout_s
        self.valkey = valkey
        self.database = database
        self.watch = watch
        self.seed = f"{seed}/{name}"
        self.signed: dict[str, Claimed] = {} if signed is None else signed
        self.journal = MemoryJournal()
        self.ahead_s = 0.0
        """Of its wall clock."""
        self.is_standing = False
        """The machine stands still: no process is started on it."""
        self.lives: list[Life] = []
        self.is_wanted = True

    @property
    def life(self) -> Life | None:
        """The process that runs, if one does."""
        lives = self.lives
        return lives[-1] if lives and not lives[-1].is_over else None

    def start(self) -> None:
        """Have a process, from now on."""
        self.is_wanted = True
        if self.life is None:
            self.lives.append(Life(self, len(self.lives)))

    def set_clock(self, ahead_s: float) -> None:
        self.ahead_s = ahead_s
        if self.life is not None:
            clock = self.life.loop.clock
            clock.ahead_s, clock.set_at_s = ahead_s, self.world.now_s

    def ended(self, why: str) -> None:
        """The process has ended, by itself or not."""
        self.watch.note(self.name, why)
        if self.is_wanted:
            self.world.call_later(RESTART_S, self._start_again)

    def _start_again(self) -> None:
        if self.is_wanted and not self.is_standing:
            self.start()


class Life:
    """One process."""

    def __init__(self, node: Node, number: int) -> None:
        self.node = node
        self.is_over = False
        self.is_open = False
        """Whether it takes connections."""
        self.wires: dict[Wire, None] = {}
        self._calls: dict[int, Callable[[Answer], None]] = {}
        self._call_numbers = itertools.count()
        seed = f"{node.seed}/{number}"
        self._random = Random(f"{seed}/http")
        loop = self.loop = ProcessLoop(node.world, booted_s=self._random.uniform(1e3, 1e6), on_fault=self._fault)
        loop.clock.ahead_s = node.ahead_s
        self.stream = SimulatedStream(node.valkey, loop, Random(f"{seed}/valkey"))
        self.store = SimulatedStore(node.database, loop, Random(f"{seed}/database"))
        ids = itertools.count(1)
        prefix = self._prefix = f"{node.name}{number}-"

        def new_id() -> str:
            return f"{prefix}{next(ids)}"

        # A queue makes its events in the loop that runs; so does the composition as a whole.
        self.log: WatchedLog
        self.app: App
        self.first_name = ""
        """Of the node in the log; it has another one once the others have given it up."""

        def compose() -> None:
            self.log = WatchedLog(
                cast(Any, self.stream),
                name=node.name,
                clock=loop.clock,
                new_incarnation=new_id,
                node_timeout_s=node.node_timeout_s,
                snapshot_s=SNAPSHOT_S,
                address=node.name,
                watch=node.watch,
            )
            self.first_name = self.log.node
            self.app = App(
                settings=node.settings,
                runtime=Runtime(
                    clock=loop.clock,
                    random_source=Random(f"{seed}/server"),
                    executor=cast(Executor, None),  # nobody logs in with a password here
                    new_id=new_id,
                    new_token_id=new_id,
                    new_salt=Random(f"{seed}/salts").randbytes,
                    cpu_s=lambda: 0.0,
                    resident_bytes=lambda: None,
                ),
                store=cast(Any, self.store),
                secrets=[SECRET],
                journal=node.journal,
                shared_log=self.log,
                on_fatal=self._fatal,
            )
            vars(self.app.tokens)["_signed_claims"] = partial(_signed_once, self.app.tokens._signed_claims, node.signed)
            put_in(self.app.accounts)
            self.app.announcer._rooms.max_bytes = LIST_BYTES
            self.app.rules.token_warning_s, self.app.rules.token_grace_s = WARNING_S, GRACE_S
            node.watch.watch_app(self.app, self.log)
            loop.create_task(self._start())

        loop.call_soon(compose)

    def has_named(self, what: str) -> bool:
        """Whether this process gave something its id."""
        return what.startswith(self._prefix)

    # -- its end --------------------------------------------------------------------------------------------------

    def kill(self) -> None:
        """As by SIGKILL: its sockets are reset, its memory is gone."""
        if self.is_over:
            return
        self._end()
        for wire in self.wires:
            wire.lose_node()
        for reply in self._calls.values():
            self.node.world.call_later(0.001, reply, NONE)
        self._calls.clear()
        self.node.ended("is killed")

    def drain(self) -> None:
        """As by SIGTERM."""
        if self.is_open:
            self.is_open = False
            self.loop.call_soon(lambda: self.loop.create_task(self._drain()))
        else:
            self.kill()

    async def _drain(self) -> None:
        """What `LobbyServer.drain` does, without a listener."""
        app = self.app
        app.drain.announce()
        app.drain.begin()
        for wire in self.wires:
            wire.silent_at = self.log.position
        app.stop()
        assert app.nodes is not None
        await app.nodes.leave(drain_s=self.node.settings.drain_s)
        await app.drain.run(is_idle=lambda: not self._calls)
        app.heartbeat.stop()
        left = await app.writer.stop(patience_s=app.drain.last_writes_s)
        await app.nodes.close()
        await app.store.close()
        if left.lost:
            self.node.watch.violated("writes are kept", f"{self.node.name} lost {'; '.join(left.lost)}")
        self._end()
        for wire in self.wires:
            wire.lose_node()
        self.node.ended("has drained")

    async def _start(self) -> None:
        try:
            await self.app.start()
        except (BackplaneError, StoreError) as fault:
            self._end()
            self.node.ended(f"cannot start: {fault}")
            return
        self.app.ops_history.stop()  # figures for the operations page ten times per second, which nobody looks at here
        self.is_open = True
        self.node.watch.note(self.node.name, f"takes part as {self.log.node}")

    def _end(self) -> None:
        self.is_over, self.is_open = True, False
        self.loop.end()

    def _fatal(self, why: str) -> None:
        self.node.watch.violated("a node goes on", f"{self.node.name}: {why}")

    def _fault(self, what: str) -> None:
        self.node.watch.violated("no fault is left to nobody", f"{self.node.name}: {what}")

    # -- clients --------------------------------------------------------------------------------------------------

    def connect(self, wire: Wire) -> None:
        """An upgrade: in the node's loop."""
        if not self.is_open or not self.app.takes_sockets:
            wire.lose_node()
            return
        self.wires[wire] = None
        session = self.app.open_session(wire)
        wire.hear_closed = partial(self.node.watch.closes, session)
        wire.accept(_Served(self, wire, session))

    def call(self, asked: Asked, reply: Callable[[Answer], None]) -> None:
        """An HTTP call has arrived; `reply` is called when its answer has, or it is known that none will."""
        number = next(self._call_numbers)
        self._calls[number] = reply
        self.loop.do(self._serve, asked, number)

    def _serve(self, asked: Asked, number: int) -> None:
        self.loop.create_task(self._answer(asked, number))

    async def _answer(self, asked: Asked, number: int) -> None:
        answer = await handle(self.app, asked)
        reply = self._calls.pop(number, None)
        if reply is not None:
            self.node.world.call_later(self._random.uniform(*HTTP_LATENCY_S), reply, answer)


def _signed_once(check: Callable[[str], Claimed], known: dict[str, Claimed], token: str) -> Claimed:
    """The signature of a token is checked once: it stays what it is. What it says is judged each time."""
    claims = known.get(token)
    if claims is None:
        claims = known[token] = check(token)
    return claims


class _Served:
    """A session at the end of a wire: `bench.simulation.outside.wire.Served`."""

    def __init__(self, life: Life, wire: Wire, session: Session) -> None:
        self._life = life
        self._wire = wire
        self.session = session

    def received(self, payload: bytes) -> None:
        if SHOWS_TOKEN not in payload:
            self.session.receive(payload)
            return
        app, watch = self._life.app, self._life.node.watch
        watch.shows_token(app, self.session, payload)
        self.session.receive(payload)
        watch.has_shown_token(app, self.session)

    def ponged(self) -> None:
        self.session.heard()

    def ended(self, *, abrupt: bool) -> None:
        self._life.wires.pop(self._wire, None)
        self._life.app.end_session(self.session, abrupt=abrupt)
