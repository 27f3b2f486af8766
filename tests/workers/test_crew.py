"""A crew of small programs in place of workers: started, started anew, given up, told to stop."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lobby_server.workers import crew as crew_module
from lobby_server.workers.board import Board, make_board
from lobby_server.workers.crew import Crew, WorkerFailed
from lobby_server.workers.hand_over import HandOver
from tests.backplane.nodes import until
from tests.patience import PATIENCE_S

READY = "say('ready'); wait()"
PROGRAM = """
import json, os, signal, socket, sys, time
given = json.loads(os.environ["LOBBY_WORKER_HAND_OVER"])
line = socket.socket(fileno=given["line"])
def say(what): line.sendall(json.dumps({"what": what, "status": "it runs"}).encode() + b"\\n")
def end(*_): sys.exit(0)
def wait():
    while True: signal.pause()
signal.signal(signal.SIGTERM, end)
signal.signal(signal.SIGHUP, lambda *_: say("ready"))
number, lives = given["number"], os.path.join(given["folder"], f"lives-{given['number']}")
with open(lives, "a") as file: file.write("x")
life = os.path.getsize(lives)
"""


class Place:
    """A crew whose workers do what a line of Python says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.given_up: list[str] = []
        self.changes = 0
        self.crew: Crew | None = None

    def crew_that(self, does: str, *, count: int = 2, hangs_after_s: float = 0.0) -> Crew:
        make_board(self.folder / "board", count=count)
        self.crew = Crew(
            [
                HandOver(
                    number=number, count=count, supervisor=os.getpid(), listeners=[], line=-1, folder=str(self.folder),
                    backplane_url="", is_new=False, beat_s=0.0,
                )
                for number in range(1, count + 1)
            ],
            command=[sys.executable, "-c", PROGRAM + does],
            board=Board(self.folder / "board"),
            environment=os.environ,
            hangs_after_s=hangs_after_s,
            on_change=self._changed,
            on_fatal=self.given_up.append,
        )  # fmt: skip
        asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, self.crew.reap)
        return self.crew

    def lives(self, number: int) -> int:
        return (self.folder / f"lives-{number}").stat().st_size

    def pid(self, number: int) -> int:
        assert self.crew is not None
        process = self.crew.workers[number - 1].process
        assert process is not None
        return process.pid

    def _changed(self) -> None:
        self.changes += 1


@pytest.fixture
async def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    monkeypatch.setattr(crew_module, "FIRST_PAUSE_S", 0.001)
    place = Place(tmp_path)
    yield place
    if place.crew is not None:
        await place.crew.stop(patience_s=PATIENCE_S)


async def test_crew_starts_when_all_are_ready_and_ends_in_an_orderly_way(place: Place) -> None:
    crew = place.crew_that(READY, count=3)
    await asyncio.wait_for(crew.start(), PATIENCE_S)
    assert crew.are_ready
    assert [place.lives(number) for number in (1, 2, 3)] == [1, 1, 1]
    assert await crew.stop(patience_s=PATIENCE_S)
    assert not any(worker.runs for worker in crew.workers)


@pytest.mark.parametrize(("does", "code"), [("sys.exit(2)", 2), ("sys.exit(75)", 75), ("os.abort()", None)])
async def test_first_worker_that_does_not_start_is_the_end_of_it(place: Place, does: str, code: int | None) -> None:
    crew = place.crew_that(does)
    with pytest.raises(WorkerFailed) as failed:
        await asyncio.wait_for(crew.start(), PATIENCE_S)
    assert failed.value.code == code
    assert place.lives(1) == 1
    assert not (place.folder / "lives-2").exists()


async def test_worker_that_is_killed_is_started_anew_and_the_others_go_on(place: Place) -> None:
    crew = place.crew_that(READY)
    await asyncio.wait_for(crew.start(), PATIENCE_S)
    one, other = place.pid(1), place.pid(2)
    os.kill(one, signal.SIGKILL)
    await until(lambda: crew.are_ready and place.pid(1) != one)
    assert place.pid(2) == other
    assert place.given_up == []


async def test_worker_that_ends_at_once_again_and_again_is_given_up(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew_module, "STEADY_S", PATIENCE_S)  # however long this test takes to kill it
    crew = place.crew_that("say('ready') if number == 1 or life == 1 else sys.exit(3); wait()")
    await asyncio.wait_for(crew.start(), PATIENCE_S)
    os.kill(place.pid(2), signal.SIGKILL)
    await until(lambda: place.given_up)
    assert place.given_up == ["worker 2 ended with exit code 3, 5 times in a row at its start: its log says why."]
    assert place.lives(2) == 1 + 4  # the life that was killed soon after it was ready counts too


async def test_worker_that_waits_in_vain_for_its_database_is_tried_for_ever(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew_module, "LONGEST_PAUSE_S", 0.001)
    crew = place.crew_that("say('ready') if number == 1 or life in (1, 9) else sys.exit(75); wait()")
    await asyncio.wait_for(crew.start(), PATIENCE_S)
    os.kill(place.pid(2), signal.SIGKILL)
    await until(lambda: place.lives(2) == 9 and crew.are_ready)
    assert place.given_up == []


async def test_worker_that_hangs_is_killed_and_started_anew(place: Place) -> None:
    crew = place.crew_that("say('ready'); wait()")
    await asyncio.wait_for(crew.start(), PATIENCE_S)
    crew._hangs_after_s = 0.2
    crew.reload()  # each says something once more, and is listened to with less patience from then on
    await until(lambda: place.lives(1) > 1 and place.lives(2) > 1)


async def test_reload_is_over_when_every_worker_has_said_so(place: Place) -> None:
    crew = place.crew_that(READY)
    await asyncio.wait_for(crew.start(), PATIENCE_S)
    crew.reload()
    assert crew.are_reloading
    await until(lambda: not crew.are_reloading)
    assert crew.are_ready


async def test_worker_that_does_not_end_is_killed(place: Place) -> None:
    crew = place.crew_that("signal.signal(signal.SIGTERM, signal.SIG_IGN); say('ready'); wait()")
    await asyncio.wait_for(crew.start(), PATIENCE_S)
    began_s = time.monotonic()
    assert not await crew.stop(patience_s=0.2)
    assert time.monotonic() - began_s < 10
    assert not any(worker.runs for worker in crew.workers)
