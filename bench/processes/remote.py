"""The generator: an object that lives in a process of its own, on uvloop, and whose coroutines are called from here.

What the lab measures with must not be disturbed by what it does otherwise (progress, publishing, charts), so receivers
and pollers live in a child process, pinned to a core of its own where there is one. The child ends when this end of the
pipe is closed, however that comes about; Ctrl-C on the terminal is left to the parent.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import multiprocessing
import signal
import traceback
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

import uvloop

from bench.processes.cpu import pin
from bench.processes.namespaces import enter

S = TypeVar("S")
P = ParamSpec("P")
R = TypeVar("R")

END_TIMEOUT_S = 5.0


class GeneratorFailed(RuntimeError):
    """Something went wrong in the generator process; the text is its traceback's last line, `details` the whole."""

    def __init__(self, summary: str, details: str = "") -> None:
        super().__init__(summary)
        self.details = details


class Spare:
    """A generator process that is there before its object is: it has imported what it will need, and waits.

    A process takes a quarter of a second of a core until it can do anything. Started beside a server, which takes
    longer, it costs a scenario no time.
    """

    def __init__(self, *, cpus: tuple[int, ...] | None = None, preload: Sequence[str] = ()) -> None:
        """`preload`: modules to import meanwhile."""
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(
            target=_run, args=(theirs, cpus, tuple(preload)), name="lobby-bench generator", daemon=True
        )
        resource_tracker.ensure_running()  # else `start` starts it, which lets go of SIGINT
        with _sigint_held():  # the child begins with it held, and never dies of Ctrl-C while it imports
            self.process.start()
        theirs.close()

    def close(self) -> None:
        """End the process. Its descriptors are free when this returns, whoever still holds this object."""
        self.connection.close()
        self.process.join(END_TIMEOUT_S)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.process.close()


class Remote(Generic[S]):
    """A handle on an object of class `S` in its process. Use as a context manager."""

    def __init__(
        self,
        make: Callable[..., S],
        *,
        cpus: tuple[int, ...] | None = None,
        netns: str | None = None,
        spare: Spare | None = None,
        **arguments: Any,
    ) -> None:
        """`netns`: the network namespace that it lives in; ``None``: this one. `spare`: the process that it lives in,
        on the cores that it was given; ``None``: a new one."""
        used = spare if spare is not None else Spare(cpus=cpus)
        self._spare, self._connection, self._process = used, used.connection, used.process
        assert self._process.pid is not None
        self.pid: int = self._process.pid
        with contextlib.suppress(OSError):  # it is gone: the first call says so
            self._connection.send((make, netns, arguments))

    def call(self, method: Callable[Concatenate[S, P], Coroutine[Any, Any, R]], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run one coroutine method over there, to its end. Raises `GeneratorFailed` if that fails over there."""
        try:
            self._connection.send((method.__name__, args, kwargs))
            good, answer = self._connection.recv()
        except (EOFError, OSError) as error:
            raise GeneratorFailed("the generator process ended early") from error
        if not good:
            raise GeneratorFailed(*answer)
        result: R = answer
        return result

    def kill(self) -> None:
        """End the process at once; a call that waits for it raises. May be called from another thread, and after
        `close`."""
        with contextlib.suppress(ValueError):  # it was closed meanwhile
            if self._process.is_alive():
                self._process.kill()

    def close(self) -> None:
        """End the process. Its descriptors are free when this returns, whoever still holds this object."""
        self._spare.close()

    def __enter__(self) -> Remote[S]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@contextlib.contextmanager
def _sigint_held() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _run(connection: Connection, cpus: tuple[int, ...] | None, preload: tuple[str, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    pin(cpus)
    for name in preload:
        importlib.import_module(name)
    try:
        make, netns, arguments = connection.recv()
    except (EOFError, OSError):
        return  # it was not needed
    if netns is not None:
        enter(netns)
    gc.disable()  # a collection among thousands of receivers would be measured as the server's latency
    uvloop.run(_serve(connection, make, arguments))


async def _serve(connection: Connection, make: Callable[..., Any], arguments: dict[str, Any]) -> None:
    subject = make(**arguments)
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(
        1
    ) as waiting:  # uvloop would make the pipe non-blocking, which its other users are not up to
        while True:
            try:
                name, args, kwargs = await loop.run_in_executor(waiting, connection.recv)
                connection.send(await _answer(getattr(subject, name), args, kwargs))
            except (EOFError, OSError):
                return  # the parent is gone or has closed its end


async def _answer(
    method: Callable[..., Coroutine[Any, Any, Any]], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[bool, Any]:
    try:
        return True, await method(*args, **kwargs)
    except Exception as error:  # told to the parent, which raises it again
        return False, (f"{type(error).__name__}: {error}", traceback.format_exc())
