"""One Valkey, one PostgreSQL, and lobbies of any number of nodes on them, each with a database of its own."""

from __future__ import annotations

import contextlib
import itertools
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from bench.processes.cluster.engine import LOOPBACK, NO_ENGINE, Engine, find_engine
from bench.processes.cluster.hosts import ENGINES, Host
from bench.processes.cluster.ports import end_all_in, free_port
from bench.processes.cluster.postgres import NO_POSTGRES, Postgres, find_postgres, running_postgres
from bench.processes.namespaces import in_namespace
from bench.processes.target import Target

NODE_PACKAGES = ("redis", "hiredis", "asyncpg")
"""What a node imports beside what every server does; Valkey and PostgreSQL may be there without."""
SECRET = "of all nodes of the lab's lobbies"  # 32 bytes and more


def why_not() -> str | None:
    """One sentence where a lobby of several nodes cannot be had here."""
    missing = [name for name in NODE_PACKAGES if find_spec(name) is None]
    if missing:
        return f"nodes need {', '.join(missing)}: install lobby-server[cluster]"
    if find_engine() is None:
        return NO_ENGINE
    return NO_POSTGRES if find_postgres() is None else None


class Surroundings:
    """What nodes stand on. Processes that its users kill they start again, or leave to the end of the block."""

    def __init__(self, engine: Engine, postgres: Postgres, folder: Path, *, cpus: tuple[int, ...] | None) -> None:
        self.engine = engine
        self.postgres = postgres
        self._folder = folder
        self._cpus = cpus
        self._numbers = itertools.count(1)

    def new_database(self) -> str:
        """The name of one that nobody has used."""
        name = f"lobby{next(self._numbers)}"
        self.postgres.make_database(name)
        return name

    @contextlib.contextmanager
    def nodes(
        self,
        count: int,
        flags: Sequence[str],
        *,
        on: Mapping[int, Host] | None = None,
        checkout: Path | None = None,
    ) -> Iterator[list[Target]]:
        """So many nodes of one lobby, each on a port that it comes back to. `on`: by number, those that live on a host
        of their own. `checkout`: as for `Target`."""
        database = self.new_database()
        nodes = [self._node(database, flags, number, (on or {}).get(number), checkout) for number in range(count)]
        with _ended(nodes):
            for node in nodes:
                node.start()
            yield nodes

    @contextlib.contextmanager
    def single(self, flags: Sequence[str]) -> Iterator[Target]:
        """One process without a backplane, on the same PostgreSQL."""
        target = self._target(self.new_database(), flags, 0)
        with _ended([target]):
            yield target.start()

    def _node(
        self, database: str, flags: Sequence[str], number: int, host: Host | None, checkout: Path | None
    ) -> Target:
        ours = LOOPBACK if host is None else host.our_address(ENGINES)
        there = [] if host is None else ["--address", host.address]
        shared = ["--backplane-url", self.engine.url_at(ours), "--cluster", database, *there]
        return self._target(database, [*shared, *flags], number, host=host, checkout=checkout)

    def _target(
        self,
        database: str,
        flags: Sequence[str],
        number: int,
        *,
        host: Host | None = None,
        checkout: Path | None = None,
    ) -> Target:
        ours = LOOPBACK if host is None else host.our_address(ENGINES)
        return Target(
            prefix=() if host is None else in_namespace(host.netns),
            data_dir=self._folder / database / f"node{number}",
            port=free_port(),
            flags=["--database-url", self.postgres.url_at(ours, database), *flags],
            environment={"LOBBY_JWT_SECRET": SECRET},
            cpus=self._cpus,
            checkout=checkout,
        )


@contextlib.contextmanager
def surroundings(*, cpus: tuple[int, ...] | None = None, also_at: Sequence[str] = ()) -> Iterator[Surroundings]:
    """Ask `why_not` before. `cpus` pins nodes and Valkey; PostgreSQL runs where there is room. `also_at`: addresses at
    which hosts reach both. Raises `NotInTime`."""
    program, programs = find_engine(), find_postgres()
    assert program is not None
    assert programs is not None
    with (
        running_postgres(programs, also_at=also_at) as postgres,
        Engine(program, cpus=cpus, also_at=also_at).running() as engine,
        tempfile.TemporaryDirectory(prefix="lobby-nodes-") as folder,
    ):
        try:
            yield Surroundings(engine, postgres, Path(folder), cpus=cpus)
        finally:
            end_all_in(folder)


@contextlib.contextmanager
def _ended(nodes: Sequence[Target]) -> Iterator[None]:
    """Whatever becomes of the block; without the time of an orderly stop."""
    try:
        yield
    finally:
        for node in nodes:
            node.kill()
