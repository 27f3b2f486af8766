"""The workers of a supervisor: each is started, and started anew when it has ended, until they are to stop.

A worker that ends at once, again and again, is given up, and with it the whole server: somebody has to look. One that
had to wait in vain for its database (exit code 75) is not to blame for that, and tried for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence

import msgspec

from lobby_server.service.watch.events import LogEvent
from lobby_server.workers.board import Board
from lobby_server.workers.hand_over import HandOver, write_hand_over
from lobby_server.workers.line import Word, decode_word

log = logging.getLogger("lobby.workers")

STEADY_S = 2.0
"""A worker that ends sooner after it was ready has ended at once."""
MOST_FAILURES = 5
"""Times in a row that a worker may end at once."""
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
TRY_AGAIN = 75
"""Exit code of a worker that waited in vain for something that may be there later."""


class WorkerFailed(Exception):
    """A worker does not start. `code`: with which exit code, which it has explained itself; None: it was killed."""

    def __init__(self, sentence: str, *, code: int | None = None) -> None:
        super().__init__(sentence)
        self.code = code


class Worker:
    """One place, and the process that has it at the moment."""

    def __init__(self, hand_over: HandOver) -> None:
        self.hand_over = hand_over
        self.number = hand_over.number
        self.process: subprocess.Popen[bytes] | None = None
        self.ended = asyncio.Event()
        self.ended.set()
        self.is_ready = False
        """Whether it takes clients."""
        self.is_reloading = False
        self.ready_at_s = 0.0
        """When its process was ready for the first time; 0: it is not yet."""
        self.status = ""
        self.failures = 0
        """Times in a row that it ended at once."""

    @property
    def runs(self) -> bool:
        return self.process is not None and not self.ended.is_set()


class Crew:
    """All workers. `start` it, `stop` it; tell it of children that ended (`reap`)."""

    def __init__(
        self,
        hand_overs: Sequence[HandOver],
        *,
        command: Sequence[str],
        board: Board,
        environment: Mapping[str, str],
        hangs_after_s: float,
        on_change: Callable[[], None],
        on_fatal: Callable[[str], None],
    ) -> None:
        """`command`: becomes a worker. `hangs_after_s`: one that says nothing for so long is killed; 0: none is.
        `on_change`: a worker is ready now, or not any more. `on_fatal`: a worker was given up, and why."""
        self.workers = [Worker(each) for each in hand_overs]
        self._command = list(command)
        self._board = board
        self._environment = environment
        self._hangs_after_s = hangs_after_s
        self._on_change = on_change
        self._on_fatal = on_fatal
        self._is_stopping = False
        self._keepers: list[asyncio.Task[None]] = []
        self._listening: set[asyncio.Task[None]] = set()

    @property
    def are_ready(self) -> bool:
        """Whether all of them take clients."""
        return all(worker.is_ready for worker in self.workers)

    @property
    def are_reloading(self) -> bool:
        """Whether any reads its secrets again."""
        return any(worker.is_reloading for worker in self.workers)

    async def start(self) -> None:
        """Start the first worker, which makes ready what all need, then the others. Returns when all are ready.

        Raises `WorkerFailed` when the first one ends before it is.
        """
        first = self.workers[0]
        self._spawn(first, is_new=True)
        ready = asyncio.ensure_future(self._until(lambda: first.is_ready))
        ended = asyncio.ensure_future(first.ended.wait())
        try:
            await asyncio.wait((ready, ended), return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
            ended.cancel()
        if not first.is_ready:
            code = _code_of(first)
            raise WorkerFailed(f"{_end_of(first)} as it started", code=code if code > 0 else None)
        self._keepers = [asyncio.ensure_future(self._keep(worker)) for worker in self.workers]
        await self._until(lambda: self.are_ready)

    def reap(self) -> None:
        """Children have ended."""
        for worker in self.workers:
            if worker.runs and worker.process is not None and worker.process.poll() is not None:
                worker.is_ready = worker.is_reloading = False
                self._board.remove(worker.number)
                worker.ended.set()

    def reload(self) -> None:
        """Have all that are ready read again what they read at their start."""
        for worker in self.workers:
            worker.is_reloading = worker.is_ready
        self.signal(signal.SIGHUP)

    def signal(self, number: int) -> None:
        """Pass a signal on to all that are ready."""
        for worker in self.workers:
            if worker.is_ready:
                self._send(worker, number)

    async def stop(self, *, patience_s: float) -> bool:
        """Have all end in an orderly way, and kill those that have not after a while. Whether all did."""
        self._is_stopping = True
        running = [worker for worker in self.workers if worker.runs]
        for worker in running:
            self._send(worker, signal.SIGTERM)
        await asyncio.wait([asyncio.ensure_future(_ended(running))], timeout=patience_s)
        for worker in running:
            if worker.runs:
                log.error(
                    "worker %d does not end: it is killed", worker.number, extra={"event": LogEvent.WORKER_KILLED.value}
                )
                self._send(worker, signal.SIGKILL)
        await _ended(running)
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        return all(
            _code_of(worker) == 0 or (not worker.ready_at_s and _code_of(worker) == -signal.SIGTERM)
            for worker in running
        )

    # -- private --------------------------------------------------------------------------------------------------

    async def _keep(self, worker: Worker) -> None:
        """Have a worker run until all are to stop."""
        while not self._is_stopping:
            if not worker.runs:
                self._spawn(worker)
            await worker.ended.wait()
            self._on_change()
            if not self._may_go_on(worker):
                return
            await asyncio.sleep(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** max(0, worker.failures - 1)))

    def _may_go_on(self, worker: Worker) -> bool:
        if self._is_stopping:
            return False
        loop = asyncio.get_running_loop()
        ended_at_once = not worker.ready_at_s or loop.time() - worker.ready_at_s < STEADY_S
        worker.failures = worker.failures + 1 if ended_at_once else 0
        log.error("%s: it is started anew", _end_of(worker), extra={"event": LogEvent.WORKER_ENDED.value})
        if worker.failures >= MOST_FAILURES and _code_of(worker) != TRY_AGAIN:
            self._on_fatal(f"{_end_of(worker)}, {worker.failures} times in a row at its start: its log says why.")
            return False
        return True

    def _spawn(self, worker: Worker, *, is_new: bool = False) -> None:
        ours, its = socket.socketpair()
        hand_over = msgspec.structs.replace(worker.hand_over, line=its.fileno(), is_new=is_new)
        environment = dict(self._environment)
        write_hand_over(hand_over, environment)
        worker.is_ready, worker.ready_at_s = False, 0.0
        worker.ended.clear()
        with its:
            worker.process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                pass_fds=[*hand_over.listeners, its.fileno()],
                env=environment,
                start_new_session=True,  # what a terminal sends goes to the supervisor alone
            )
        listening = asyncio.ensure_future(self._listen(worker, ours))
        self._listening.add(listening)
        listening.add_done_callback(self._listening.discard)

    async def _listen(self, worker: Worker, line: socket.socket) -> None:
        """Hear what a process says until it ends."""
        reader, writer = await asyncio.open_unix_connection(sock=line)
        try:
            while (said := await self._next(worker, reader)) is not None:
                self._heard(worker, decode_word(said))
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _next(self, worker: Worker, reader: asyncio.StreamReader) -> bytes | None:
        """What it says next; None: it has ended. One that should say something and does not is killed."""
        try:
            patience_s = self._hangs_after_s if worker.is_ready and self._hangs_after_s else None
            return await asyncio.wait_for(reader.readline(), patience_s) or None
        except (TimeoutError, asyncio.TimeoutError):
            log.error(
                "worker %d has not been heard of for %g s: it is killed",
                worker.number,
                self._hangs_after_s,
                extra={"event": LogEvent.WORKER_KILLED.value},
            )
            self._send(worker, signal.SIGKILL)
            return None
        except OSError:
            return None

    def _heard(self, worker: Worker, word: Word) -> None:
        if word.what == "ready":
            if not worker.ready_at_s and worker.process is not None:
                log.info(
                    "worker %d takes clients (process %d)",
                    worker.number,
                    worker.process.pid,
                    extra={"event": LogEvent.WORKER_READY.value},
                )
                worker.ready_at_s = asyncio.get_running_loop().time()
            worker.is_ready, worker.is_reloading, worker.status = True, False, word.status
            self._on_change()
        elif word.what == "stopping":
            worker.is_ready = False

    def _send(self, worker: Worker, number: int) -> None:
        if worker.process is not None and worker.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker.process.pid, number)

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            await asyncio.sleep(0.01)


async def _ended(workers: Sequence[Worker]) -> None:
    for worker in workers:
        await worker.ended.wait()


def _code_of(worker: Worker) -> int:
    """Of the process that ended last; below 0: a signal killed it."""
    return 0 if worker.process is None else worker.process.returncode or 0


def _end_of(worker: Worker) -> str:
    code = _code_of(worker)
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    return f"worker {worker.number} {how}"
