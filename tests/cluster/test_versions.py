"""Nodes of two versions that write the log in different formats, or that have two databases: neither takes what is the
other's, and says why."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from bench.processes.target import STOP_TIMEOUT_S, TargetFailed
from lobby_server.backplane.valkey.stream import Stream
from lobby_server.backplane.wire import decode_snapshot, encode_batch, encode_snapshot
from lobby_server.core.machine.commands import FORMAT
from lobby_server.settings import Settings
from tests.cluster.lobby import LASTING, Lobby
from tests.process.clients import call, token_of, wait_until
from tests.store.postgres import Postgres

pytestmark = pytest.mark.system

SENTENCE = (
    f"Another node of this lobby writes format {FORMAT + 1}, this version of lobby-server reads format {FORMAT}: "
    "start the version that the other nodes run."
)


def on_stream(lobby: Lobby, act: Callable[[Stream], Awaitable[None]]) -> None:
    """Do something to the lobby's log, as a node does."""

    async def done() -> None:
        stream = Stream(lobby.engine.url, cluster=Settings().cluster)
        try:
            await act(stream)
        finally:
            await stream.close()

    asyncio.run(done())


def test_node_does_not_start_on_a_snapshot_of_another_format_and_the_lobby_goes_on(lobby: Lobby) -> None:
    node = lobby.start()
    ear = lobby.connect(node, 1)

    async def write_newer(stream: Stream) -> None:
        data = await stream.snapshot()
        assert data is not None
        snapshot = decode_snapshot(data)
        newer = encode_snapshot(msgspec.structs.replace(snapshot, format=FORMAT + 1))
        await stream.put_snapshot(snapshot.epoch, newer, keep_from="0-0")

    newcomer = lobby.new_node()
    os.kill(node.pid, signal.SIGSTOP)  # the node that leads writes snapshots of its own
    try:
        on_stream(lobby, write_newer)
        with pytest.raises(TargetFailed) as failed, newcomer.running():
            pass
    finally:
        os.kill(node.pid, signal.SIGCONT)
    words = str(failed.value)
    assert SENTENCE in words
    assert "(exit code 2)" in words
    assert "Traceback" not in words
    token = token_of(node, 2, "u2")
    wait_until(lambda: call(node, "POST", "/api/rooms", {"gamemode": "ffa"}, token=token).status == 201)
    ear.expect("rooms_changed")
    ear.end()


def test_node_that_meets_an_entry_of_another_format_ends_with_the_sentence(lobby: Lobby) -> None:
    node = lobby.start()
    ear = lobby.connect(node, 1, "rev")
    newer = msgspec.msgpack.decode(encode_batch("newer.1", 1, []))
    newer[0] = FORMAT + 1

    async def append(stream: Stream) -> None:
        epoch = await stream.epoch()
        assert epoch is not None
        await stream.append(epoch, msgspec.msgpack.encode(newer))

    on_stream(lobby, append)
    assert ear.until_closed() == 1012
    assert node.process is not None
    assert node.process.wait(STOP_TIMEOUT_S) == 1
    words = node.log_path.read_text(encoding="utf-8")
    assert f"lobby-server: {SENTENCE}" in words
    assert "Traceback" not in words


def test_node_with_another_database_does_not_start_and_the_lobby_goes_on(lobby: Lobby, postgres: Postgres) -> None:
    node = lobby.start(*LASTING)
    asyncio.run(postgres.run("DROP DATABASE IF EXISTS another_lobby WITH (FORCE)"))
    asyncio.run(postgres.run("CREATE DATABASE another_lobby"))
    stranger = lobby.new_node()
    stranger.flags[stranger.flags.index("--database-url") + 1] = postgres.url("another_lobby")
    with pytest.raises(TargetFailed) as failed, stranger.running():
        pass
    words = str(failed.value)
    assert "have another database: give this one the same --database-url, or another --cluster." in words
    assert "(exit code 2)" in words
    assert "Traceback" not in words
    stranger = lobby.new_node("--cluster", "another")
    stranger.flags[stranger.flags.index("--database-url") + 1] = postgres.url("another_lobby")
    with stranger.running():
        assert call(stranger, "GET", "/api/rooms").status == 200
    assert call(node, "POST", "/api/rooms", {"gamemode": "ffa"}, token=token_of(node, 2, "u2")).status == 201
