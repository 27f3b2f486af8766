"""GET /api/rooms: CPU per answer, the rate, and answers that are none."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from bench.load.sockets.http_client import Response
from bench.measures import CPU_PER_REQUEST
from bench.record.book import Book
from bench.record.findings import Findings
from bench.record.profiles.standard import SMOKE
from bench.record.vocabulary import (
    LOBBY,
    LOBBY_FILTERED,
    LOBBY_GZIP,
    LOBBY_UNCHANGED,
    NODE_HTTP,
    PLAIN_HANDLER,
)
from bench.scenarios.engine import rooms_get
from bench.scenarios.engine.rooms_get import Askers
from tests.bench.fake_lab import Stage, a_stage, a_stretch, readings, value

PARTIES = (LOBBY, PLAIN_HANDLER, LOBBY_UNCHANGED, LOBBY_GZIP, LOBBY_FILTERED, NODE_HTTP)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    found = a_stage(monkeypatch, rooms_get)

    @contextlib.contextmanager
    def start_peer(command: list[str], **_: object) -> Iterator[Any]:
        yield SimpleNamespace(port=4712, pid=1)

    monkeypatch.setattr(rooms_get, "start_peer", start_peer)
    monkeypatch.setattr(rooms_get, "node_http_command", lambda: ["node"])
    monkeypatch.setattr(rooms_get, "TURNS_A_REPEAT", 2)
    return found


def answered(stage: Stage, answers: int, *statuses: int, status: int = 200) -> Findings:
    stage.script(Askers, ask_for=answers, end=set(statuses))
    askers: Any = stage.lab.generator(Askers)
    book = Book()
    rooms_get.write_answers(book, askers, LOBBY, 1, 1, (), status, 0.5)
    return book.result("rooms-get", ())


def test_cost_is_of_the_answers_that_came(stage: Stage) -> None:
    stage.stretches = [a_stretch(wall_s=0.5, server_cpu_s=0.4)]
    found = answered(stage, 1_000, 200)
    assert value(found, CPU_PER_REQUEST) == pytest.approx(400.0)
    assert found.faults == []


@pytest.mark.parametrize(("statuses", "status", "said"), [((200, 503), 200, "[503]"), ((200,), 304, "[200]")])
def test_answer_of_another_status_is_a_fault(stage: Stage, statuses: tuple[int, ...], status: int, said: str) -> None:
    """A 503 is cheap: whoever refuses is not the fastest."""
    assert answered(stage, 10, *statuses, status=status).faults == [f"lobby was answered {said} instead of {status}"]


def test_nobody_answered_is_no_figure(stage: Stage) -> None:
    found = answered(stage, 0)
    assert readings(found, CPU_PER_REQUEST)[0].invalid == "nobody was answered in this time"


async def asked_of(answers: asyncio.Event, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many answers came in no time at all, of a server that gives one to each who asks once it may."""
    monkeypatch.setattr(rooms_get, "WARM_S", 0.0)
    serving: set[asyncio.Task[Any] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            await answers.wait()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        askers = Askers()
        await askers.begin(server.sockets[0].getsockname()[1], ())
        asking = asyncio.create_task(askers.ask_for(0.0))
        await asyncio.sleep(0.01)
        answers.set()
        found = await asking
        await askers.end()
        await asyncio.gather(*filter(None, serving))
    return found


async def test_time_without_an_answer_goes_on_until_the_first_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await asked_of(asyncio.Event(), monkeypatch) >= 1


async def test_answer_that_does_not_come_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms_get, "ANSWER_TIMEOUT_S", 0.0)
    assert await asked_of(asyncio.Event(), monkeypatch) == 0


def test_parties_take_turns_and_each_begins_a_turn_in_its_place(stage: Stage) -> None:
    stage.script(
        Askers, get=Response(200, b'HTTP/1.1 200 OK\r\nETag: "7"\r\n\r\n', b"x" * 900, 0.0), ask_for=10,
        end=lambda: {304 if "If-None-Match" in str(stage.generator(Askers).asked("begin")[-1]) else 200},
    )  # fmt: skip
    found = rooms_get.run(stage.lab, replace(SMOKE.engine, repeats=3))
    assert found.faults == []
    assert {party: len(readings(found, CPU_PER_REQUEST, party)) for party in PARTIES} == dict.fromkeys(PARTIES, 6)
    asked = stage.generator(Askers).asked("begin")
    assert len(asked) == 36
    assert [headers for _, headers, _ in asked if headers][:2] == [
        ('If-None-Match: "7"',), ("Accept-Encoding: gzip",),
    ]  # fmt: skip
    assert "a list of 50 rooms is 900 bytes" in found.notes


def test_without_node_the_others_are_measured(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms_get, "node_http_command", lambda: None)
    stage.script(Askers, get=Response(200, b"HTTP/1.1 200 OK\r\n\r\n", b"", 0.0), ask_for=10, end={200})
    found = rooms_get.run(stage.lab, replace(SMOKE.engine, repeats=1))
    assert readings(found, CPU_PER_REQUEST, NODE_HTTP) == []
    assert "without Node.js: its own http was not measured" in found.notes
