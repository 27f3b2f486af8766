"""What every scenario gets: sizes, seed, progress, servers and generators, each on its core and ended with the run."""

from __future__ import annotations

import contextlib
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from bench.processes.cpu import CpuPlan
from bench.processes.namespaces import in_namespace
from bench.processes.progress import Reporter
from bench.processes.remote import Remote, Spare
from bench.processes.target import Target
from bench.record.book import Book
from bench.record.findings import Findings
from bench.record.profiles.profile import Profile
from bench.record.vocabulary import LOBBY, OTHER_BUILD

HOST = "127.0.0.1"

SPARES = 2
"""Generators that a scenario starts after a server, in most places."""

STARTS_AT_ONCE = 2
"""Servers that start beside each other: a start is a second of one core."""

S = TypeVar("S")


class Server(Protocol):
    """The server under test as a scenario sees it: `bench.processes.target.Target`, or a fake in the tests."""

    port: int
    jwt_secret: str

    @property
    def pid(self) -> int: ...
    @property
    def ws_url(self) -> str: ...
    @property
    def http_url(self) -> str: ...
    def start(self) -> Any: ...
    def stop(self) -> int: ...


class ServerFactory(Protocol):
    """Starts a server with these flags and ends it with the block."""

    def __call__(
        self, flags: Sequence[str], *, netns: str | None = None, checkout: Path | None = None
    ) -> contextlib.AbstractContextManager[Server]: ...


@dataclass(frozen=True)
class Build:
    """The server of a checkout, and the party that it is."""

    party: str
    checkout: Path | None = None
    """None: this one."""


OWN_BUILD = Build(LOBBY)


class Lab:
    """One run's surroundings; scenarios may use it from threads of their own."""

    def __init__(
        self,
        *,
        profile: Profile,
        seed: int,
        cpus: CpuPlan,
        reporter: Reporter,
        server_factory: ServerFactory,
        preload: Sequence[str] = (),
        base: Path | None = None,
    ) -> None:
        """`preload`: modules of generators, which have their processes started beside a server's; none: when they are
        asked for. `base`: a checkout whose server takes turns with this one's, in the scenarios that compare
        builds."""
        self.profile = profile
        self.builds = (OWN_BUILD,) if base is None else (OWN_BUILD, Build(OTHER_BUILD, base))
        self.seed = seed
        self.cpus = cpus
        self.reporter = reporter
        self._server_factory = server_factory
        self._preload = tuple(preload)
        self._spares: list[Spare] = []
        self._spares_lock = threading.Lock()
        self._on_abort: list[Callable[[], None]] = []
        self._generators: weakref.WeakSet[Remote[Any]] = weakref.WeakSet()
        self.until_s: float | None = None
        """When the run has to be over, by `time.monotonic`; ``None``: nothing is measured again."""
        self.window = threading.Event()
        """Set once the clients whose bytes are counted are all there: what shares their window begins with it."""
        self.hands = threading.Lock()
        """Held while a scenario in a shared window keeps the cores busy: what only waits is not disturbed by that, but
        two such stretches would measure each other."""
        self._books: dict[str, tuple[Book, tuple[str, ...]]] = {}

    def book(self, name: str, flags: tuple[str, ...]) -> Book:
        """Where a scenario writes its readings; what is in it when the run is broken off is not lost."""
        book = Book()
        self._books[name] = (book, flags)
        return book

    def has_time_for(self, duration_s: float) -> bool:
        """To do something that was not planned, and still be over in time with all that is."""
        if self.until_s is None:
            return False
        return time.monotonic() + duration_s + self.reporter.left_s() <= self.until_s

    def broken_off(self) -> dict[str, Findings]:
        """What the scenarios had measured when the run was broken off, by scenario; without those that had nothing."""
        return {name: book.result(name, flags) for name, (book, flags) in self._books.items() if book.has_readings}

    def server(
        self, flags: Sequence[str] = (), *, netns: str | None = None, build: Build = OWN_BUILD
    ) -> contextlib.AbstractContextManager[Server]:
        """A server of its own on a free port, with a fresh data folder; `netns`: in that network namespace. The
        processes of the generators that will be asked for start beside it."""
        self._have_spares()
        if build.checkout is not None:
            return self._server_factory(flags, netns=netns, checkout=build.checkout)
        return self._server_factory(flags) if netns is None else self._server_factory(flags, netns=netns)

    @contextlib.contextmanager
    def servers(
        self, count: int, flags: Sequence[str] = (), *, netns: str | None = None
    ) -> Iterator[tuple[Server, ...]]:
        """Several of them, as `server` gives one. Nothing is measured yet, so `STARTS_AT_ONCE` start at a time."""
        with contextlib.ExitStack() as stack, ThreadPoolExecutor(STARTS_AT_ONCE) as pool:
            starts = [pool.submit(stack.enter_context, self.server(flags, netns=netns)) for _ in range(count)]
            wait(starts)  # whatever one of them raises: those that are up end with the stack
            yield tuple(start.result() for start in starts)

    def generator(self, make: Callable[..., S], *, netns: str | None = None, **arguments: Any) -> Remote[S]:
        """An object in a process of its own; use as a context manager."""
        with self._spares_lock:
            spare = self._spares.pop() if self._spares else None
        remote = Remote(make, cpus=self.cpus.generator, netns=netns, spare=spare, **arguments)
        self._generators.add(remote)
        return remote

    def dismiss(self) -> None:
        """End the processes that nobody needed."""
        with self._spares_lock:
            spares, self._spares, self._preload = self._spares, [], ()
        for spare in spares:
            spare.close()

    def _have_spares(self) -> None:
        with self._spares_lock:
            while self._preload and len(self._spares) < SPARES:
                self._spares.append(Spare(cpus=self.cpus.generator, preload=self._preload))

    def on_abort(self, act: Callable[[], None]) -> None:
        """Have something done that makes a scenario's waiting end with an error, should the run be given up."""
        self._on_abort.append(act)

    def abort(self) -> None:
        """Give up: whatever scenarios wait for ends now, and with it their servers. Called from another thread."""
        for generator in tuple(self._generators):
            generator.kill()
        for act in self._on_abort:
            act()


def target_factory(cpus: CpuPlan) -> ServerFactory:
    """Real servers: ``python -m lobby_server``."""

    @contextlib.contextmanager
    def start(flags: Sequence[str], *, netns: str | None = None, checkout: Path | None = None) -> Iterator[Server]:
        prefix = in_namespace(netns) if netns is not None else ()
        with Target(flags=flags, cpus=cpus.server, prefix=prefix, checkout=checkout) as target:
            yield target

    return start
