"""What every scenario gets: sizes, seed, progress, servers and generators, each on its core and ended with the run."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from bench.cpu import CpuPlan
from bench.profiles import Profile
from bench.progress import Reporter
from bench.remote import Remote
from bench.target import Target

HOST = "127.0.0.1"

S = TypeVar("S")


class Server(Protocol):
    """The server under test as a scenario sees it; `bench.target.Target` is one, a fake in the tests another."""

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


ServerFactory = Callable[[Sequence[str]], contextlib.AbstractContextManager[Server]]
"""Starts a server with these flags and ends it with the block."""


class Lab:
    """One run's surroundings; scenarios may use it from threads of their own."""

    def __init__(
        self, *, profile: Profile, seed: int, cpus: CpuPlan, reporter: Reporter, server_factory: ServerFactory
    ) -> None:
        self.profile = profile
        self.seed = seed
        self.cpus = cpus
        self.reporter = reporter
        self._server_factory = server_factory
        self._on_abort: list[Callable[[], None]] = []

    def server(self, flags: Sequence[str] = ()) -> contextlib.AbstractContextManager[Server]:
        """A server of its own on a free port, with a fresh data folder."""
        return self._server_factory(flags)

    def generator(self, make: Callable[..., S], **arguments: Any) -> Remote[S]:
        """An object in a process of its own; use as a context manager."""
        remote = Remote(make, cpus=self.cpus.generator, **arguments)
        self.on_abort(remote.kill)
        return remote

    def on_abort(self, act: Callable[[], None]) -> None:
        """Have something done that makes a scenario's waiting end with an error, should the run be given up."""
        self._on_abort.append(act)

    def abort(self) -> None:
        """Give up: whatever scenarios wait for ends now, and with it their servers. Called from another thread."""
        for act in self._on_abort:
            act()


def target_factory(cpus: CpuPlan) -> ServerFactory:
    """Real servers: ``python -m lobby_server``."""

    @contextlib.contextmanager
    def start(flags: Sequence[str]) -> Iterator[Server]:
        with Target(flags=flags, cpus=cpus.server) as target:
            yield target

    return start
