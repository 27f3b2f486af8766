"""The replica: this process's copy of the lobby's state, and the log whose entries change it.

Services do not change the state. They append a command to the log; once the log hands it back it is applied, and what
became of it (effects) goes to whoever told the replica that they want to hear of it. With `LocalLog` all of that
happens before `append` returns, so one process is what it would be without a log; with the log of several nodes every
node hears of every effect, in the same order.

    session, HTTP call ──▶ submit, run ──▶ log ──▶ state.apply ──▶ effects ──▶ tell, persist, answer
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeVar

from lobby_server.core.machine.commands import Arrive, Command
from lobby_server.core.machine.deleted import NamesDeletedUser
from lobby_server.core.machine.effects import Effect, UserForgotten
from lobby_server.core.machine.state import LobbyState
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.service.errors import ERROR_REASONS
from lobby_server.service.ports import Clock, Timer
from lobby_server.service.session import Session
from lobby_server.service.watch.log_figures import LogFigures
from lobby_server.service.writes.turns import Turns

FOLLOWERS_WAIT_S = 2.0
"""How long nodes that do not lead wait before they, too, say that a deadline has come."""
_Result = TypeVar("_Result")
Hear = Callable[[Any, Session | None], None]
"""Takes an effect, and the session whose command it was if that is one of this node's."""


class Request(Protocol):
    """Who waits for a command at the node where it came in."""

    session: Session | None
    is_patient: bool
    """Whether they wait however long it takes: they are never refused because it does."""

    def applied(self) -> None:
        """The command has happened, and all has been told."""

    def refused(self, refusal: Refusal) -> None:
        """The command has not happened, and will not."""

    def given_up(self) -> None:
        """It takes too long: whether the command happens is not known yet. One of the others follows one day."""

    def lost(self, refusal: Refusal) -> None:
        """Nobody will know here whether the command has happened: the state has become another one, which may have it
        or not."""


Apply = Callable[[Command, float, str, Request | None], None]
"""Takes a command, its time in the log, the node where it came in, and who waits for it if that is this one."""


class Log(Protocol):
    """The order of commands. It hands each command to `apply`, once, in the order in which all nodes have them."""

    @property
    def node(self) -> str:
        """What this node is called in commands."""

    @property
    def takes_part(self) -> bool:
        """Whether what this node appends is applied, soon or late: its log is not away."""

    @property
    def is_heard_of(self) -> bool:
        """Whether the others cannot have given this node up yet, nor soon."""

    def now_s(self) -> float:
        """The time of the log: never behind that of an entry which was applied. Not the time of any other clock."""

    def check(self) -> None:
        """Raises `Refusal` (``try_again_later``) while a command could not be applied soon. Whoever writes to the store
        before they append ask first."""

    def append(self, command: Command, request: Request | None = None) -> None:
        """Have a command applied, after all that were appended before. Raises `Refusal` (``try_again_later``) for a
        `request` that could not be answered soon; a command without one waits however long it takes."""

    async def caught_up(self) -> None:
        """Return when everything that stood in the log as this was called is applied here. What a client did by way of
        another node, and was answered, is so here then. When that would take long: at once, or soon."""

    def gate(self) -> AbstractAsyncContextManager[Callable[[], bool]]:
        """One holder at a time, over all nodes, who has seen what all before appended. Gives: is it theirs still?
        Raises `Refusal` (``try_again_later``) for one who would wait for long."""


class SharedLog(Log, Protocol):
    """A log that several nodes have in common."""

    def figures(self) -> LogFigures:
        """As they are now."""

    @property
    def reports(self) -> Mapping[str, bytes]:
        """What the other nodes say of themselves, as of less than a second ago; those not heard of are left out."""

    async def take(self, key: str, *, rate_per_s: float, burst: float) -> float | None:
        """One more of something that nodes count together, at a pace (`lobby_server.core.ratelimit.Pace`): 0.0 when it
        is allowed now, otherwise the seconds to wait. None: not known soon."""

    @property
    def is_ready(self) -> bool:
        """Whether this node should get clients."""

    def follow(
        self,
        apply: Apply,
        state: LobbyState,
        *,
        announce: Callable[[], Iterable[Command]],
        reset: Callable[[], None],
        fatal: Callable[[str], None],
        report: Callable[[], bytes],
        heard: Callable[[], None],
        floor: Callable[[], Awaitable[int]],
    ) -> None:
        """`announce`: says anew what sockets this node holds. `reset`: the state has become another one, and what
        happened between is not known. `fatal`: this node must not go on, and why. `report`: how this node is, for
        `reports` of the others. `heard`: those are newer ones. `floor`: of the list's revision as a new stream begins
        with this state; soon."""

    async def join(self, restore: Callable[[], Awaitable[None]], *, wait_s: float) -> bool:
        """Take part, with the state of the others or, where nobody has one, with what `restore` brings. Whether it was
        the latter."""

    async def leave(self, *, grace_s: float) -> None:
        """Say that this node ends; its users have `grace_s` to come back by way of another one."""

    async def close(self) -> None:
        """A second time does nothing."""


class LocalLog:
    """The log of one process: what is appended is applied in the same turn."""

    node = ""
    takes_part = True
    is_heard_of = True

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._apply: Apply | None = None
        self._turns = Turns(clock)

    def follow(self, apply: Apply) -> None:
        self._apply = apply

    def now_s(self) -> float:
        return self._clock.monotonic_s()

    def check(self) -> None:
        """It takes whatever it is given."""

    def append(self, command: Command, request: Request | None = None) -> None:
        assert self._apply is not None
        self._apply(command, self._clock.monotonic_s(), "", request)

    async def caught_up(self) -> None:
        """It always is."""

    @contextlib.asynccontextmanager
    async def gate(self) -> AsyncIterator[Callable[[], bool]]:
        async with self._turns.take():
            yield lambda: True


class _Asked:
    """A message of a session: what it asked for answers it, or an ``error`` does."""

    __slots__ = ("session",)
    is_patient = False

    def __init__(self, session: Session) -> None:
        self.session: Session | None = session

    def applied(self) -> None:
        pass

    def refused(self, refusal: Refusal) -> None:
        if self.session is not None:
            self.session.refuse(ERROR_REASONS[refusal.code])

    def given_up(self) -> None:
        self.refused(Refusal(RefusalCode.TRY_AGAIN_LATER))
        self.session = None

    def lost(self, refusal: Refusal) -> None:
        self.refused(refusal)


class _Arriving:
    """A session that was accepted: nothing keeps it from taking part sooner or later."""

    __slots__ = ("_arrived", "session")
    is_patient = True

    def __init__(self, session: Session, arrived: Callable[[Session], None]) -> None:
        self.session: Session | None = session
        self._arrived = arrived

    def applied(self) -> None:
        if self.session is not None:
            self._arrived(self.session)

    def given_up(self) -> None:
        pass

    def refused(self, refusal: Refusal) -> None:
        pass

    def lost(self, refusal: Refusal) -> None:
        pass


class _Called:
    """A call that waits."""

    is_patient = False
    __slots__ = ("_answer", "_future", "_settled", "_undo", "session")

    def __init__(
        self,
        future: asyncio.Future[Any],
        answer: Callable[[], Any] | None,
        undo: Callable[[], None] | None,
        settled: Callable[[], None] | None,
    ) -> None:
        self.session: Session | None = None
        self._future = future
        self._answer = answer
        self._undo = undo
        self._settled = settled

    def applied(self) -> None:
        if not self._future.done():
            self._future.set_result(None if self._answer is None else self._answer())
        elif self._settled is not None:
            self._settled()

    def refused(self, refusal: Refusal) -> None:
        if self._undo is not None:
            self._undo()
        self.lost(refusal)

    def lost(self, refusal: Refusal) -> None:
        if self._settled is not None:
            self._settled()
        self._fail(refusal)

    def given_up(self) -> None:
        self._fail(Refusal(RefusalCode.TRY_AGAIN_LATER))

    def _fail(self, refusal: Refusal) -> None:
        if not self._future.done():
            self._future.set_exception(refusal)


class LogTime:
    """The time of the log as a `Clock`, for deadlines of the state."""

    def __init__(self, log: Log, clock: Clock) -> None:
        self._log = log
        self._clock = clock
        self.utc_now = clock.utc_now

    def monotonic_s(self) -> float:
        return self._log.now_s()

    def call_later(self, delay_s: float, callback: Callable[..., Any], *args: Any) -> Timer:
        return self._clock.call_later(delay_s, callback, *args)


class Replica:
    """One per process."""

    def __init__(self, state: LobbyState, *, log: Log, clock: Clock) -> None:
        self.state = state
        self.books = state.books
        self.log = log
        self.time = LogTime(log, clock)
        self.gate = log.gate
        self.check = log.check
        self._knowing: set[asyncio.Task[Any] | None] = set()
        """Calls that began with what was answered elsewhere before."""
        self._hear: dict[type[Effect], tuple[Hear, ...]] = {}

    @property
    def is_leader(self) -> bool:
        """Whether this node does what one node only is to do: writes that nobody waits for, and deadlines."""
        return self.state.leader in (None, self.log.node)

    @property
    def leads_surely(self) -> bool:
        """As `is_leader`, and no other node can lead by now: one that stood still may not have noticed yet. Whoever
        writes what must not be written twice asks, right before."""
        return self.is_leader and self.log.is_heard_of

    def hear(self, kind: type[Effect], hear: Hear) -> None:
        """Tell of an effect from now on, after those who asked before."""
        self._hear[kind] = (*self._hear.get(kind, ()), hear)

    # -- what was answered on other nodes -------------------------------------------------------------------------

    async def caught_up(self) -> None:
        """As `Log.caught_up`: a round trip to where the log is."""
        await self.log.caught_up()

    async def begin_call(self) -> None:
        """The task that asks is one call from outside: return when all is known here that was answered on any node
        before, and let `caught_up_in_call` know."""
        await self.caught_up()
        task = asyncio.current_task()
        if task is not None and task not in self._knowing:
            self._knowing.add(task)
            task.add_done_callback(self._knowing.discard)

    async def caught_up_in_call(self) -> None:
        """Return when all is known here that was answered on any node before the call came which this is part of. One
        round trip per call, however many rules ask; outside of a call, and in tasks that a call leaves behind, one each
        time. Whoever wants to know what has happened during the call asks `caught_up`."""
        if asyncio.current_task() not in self._knowing:
            await self.caught_up()

    # -- asking ---------------------------------------------------------------------------------------------------

    def submit(self, command: Command, session: Session | None = None) -> None:
        """Have a command applied. With a session it is answered by what it brings about, or by an ``error``; without
        one it happens sooner or later, unless the rules refuse it."""
        self.log.append(command, None if session is None else _Asked(session))

    def arrive(self, session: Session, arrived: Callable[[Session], None]) -> None:
        """A session was accepted: it takes part sooner or later. `arrived` is called once all is told that follows."""
        self.log.append(Arrive(session.user, session.id, session.version), _Arriving(session, arrived))

    async def run(
        self,
        command: Command,
        answer: Callable[[], _Result] | None = None,
        *,
        undo: Callable[[], None] | None = None,
        settled: Callable[[], None] | None = None,
    ) -> _Result:
        """Return once a command is applied, with what `answer` says in that same turn. Raises `Refusal` when the rules
        do not allow it, and ``try_again_later`` when it is not known in time whether it will happen.

        `undo` is called as soon as it is certain that it will never happen; `settled`, as soon as it is known what has
        become of a command whose caller was told anything but that it has happened, or that nobody will know.
        """
        future: asyncio.Future[_Result] = asyncio.get_running_loop().create_future()
        request = _Called(future, answer, undo, settled)
        try:
            self.log.append(command, request)
        except Exception:  # refused, or it cannot be written
            for hear in (undo, settled):
                if hear is not None:
                    hear()
            raise
        return await future

    def due_s(self, deadline_s: float | None) -> float | None:
        """When this node is to say that a deadline of the state has come: the leader at once, the others only if it
        does not. None: there is none."""
        return deadline_s if deadline_s is None or self.is_leader else deadline_s + FOLLOWERS_WAIT_S

    # -- for the log ----------------------------------------------------------------------------------------------

    def apply(self, command: Command, at_s: float, node: str, request: Request | None) -> None:
        """`Apply`."""
        try:
            effects = self.state.apply(command, at_s=at_s, node=node)
        except Refusal as refusal:
            if isinstance(refusal, NamesDeletedUser):
                self._tell([UserForgotten(refusal.user_id, refusal.mark)], None)
            if request is not None:
                request.refused(refusal)
            return
        self._tell(effects, None if request is None else request.session)
        if request is not None:
            request.applied()

    def _tell(self, effects: Iterable[Effect], session: Session | None) -> None:
        hearers = self._hear
        for effect in effects:
            for hear in hearers.get(type(effect), ()):
                hear(effect, session)
