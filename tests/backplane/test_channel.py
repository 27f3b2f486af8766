"""A connection of its own: answers in order, none of another call, and a new one after a fault."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import redis.asyncio
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import InvalidResponse, ResponseError, TimeoutError

from bench.processes.certificate import certificate
from lobby_server.backplane.valkey.channel import Channel, packed
from lobby_server.backplane.valkey.stream import Stream
from tests.backplane.engine import Engine
from tests.patience import PATIENCE_S
from tests.proxies.running import free_port

pytestmark = pytest.mark.system


@pytest.fixture
def own_engine(tmp_path: Path) -> Iterator[Engine]:
    """One that the test kills and freezes."""
    engine = Engine("valkey", tmp_path)
    engine.start()
    yield engine
    engine.kill()


@pytest.fixture
async def channel(own_engine: Engine) -> AsyncIterator[Channel]:
    client = redis.asyncio.Redis.from_url(own_engine.url, protocol=2)
    channel = Channel(client.connection_pool, timeout_s=PATIENCE_S)
    yield channel
    await channel.close()
    await client.aclose()


async def test_calls_made_at_once_get_their_own_answers(channel: Channel) -> None:
    assert await asyncio.gather(*(channel.call("ECHO", str(number)) for number in range(50))) == [
        str(number).encode() for number in range(50)
    ]


async def test_command_is_packed_as_the_client_library_packs_it(channel: Channel) -> None:
    words = ("XREAD", "COUNT", 500, "BLOCK", 1000, "STREAMS", "lobby:{ö}:log", b"\x00\r\n$", "", b"")
    assert packed(words) == b"".join(channel._new_connection().pack_command(*words))


async def test_error_of_the_server_costs_no_connection(channel: Channel) -> None:
    own = await channel.call("CLIENT", "ID")
    with pytest.raises(ResponseError):
        await channel.call("EVALSHA", "0" * 40, 0)
    assert await channel.call("CLIENT", "ID") == own


async def test_late_answer_is_given_to_nobody(
    own_engine: Engine, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    await channel.call("PING")
    own_engine.freeze()
    assert channel._timer is not None
    channel._timer.cancel()  # of the call before
    channel._timer = None
    monkeypatch.setattr(channel, "_timeout_s", 0.3)
    with pytest.raises(TimeoutError):
        await channel.call("ECHO", "late")
    monkeypatch.undo()
    own_engine.thaw()
    assert await channel.call("ECHO", "next") == b"next"


async def test_call_that_is_cancelled_leaves_no_answer_behind(own_engine: Engine, channel: Channel) -> None:
    await channel.call("PING")
    call = asyncio.ensure_future(channel.call("BLPOP", "nothing", 5))
    await asyncio.sleep(0.05)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await channel.call("ECHO", "next") == b"next"


async def test_connection_that_is_being_opened_as_the_channel_is_closed_does_not_stay_open(own_engine: Engine) -> None:
    client = redis.asyncio.Redis.from_url(own_engine.url, protocol=2)
    closed = Channel(client.connection_pool, timeout_s=5.0)
    made = closed._new_connection()
    connect, goes_on = made.connect, asyncio.Event()

    async def connect_late() -> None:
        await goes_on.wait()
        await connect()

    made.connect = connect_late  # type: ignore[method-assign]
    closed._new_connection = lambda: made  # type: ignore[method-assign]
    call = asyncio.ensure_future(closed.call("PING"))
    await asyncio.sleep(0)
    await closed.close()
    goes_on.set()
    with pytest.raises(ConnectionLost):
        await call
    assert not made.is_connected
    await client.aclose()


async def test_connection_that_a_call_of_the_stream_opens_as_it_is_closed_does_not_stay_open(
    own_engine: Engine,
) -> None:
    stream = Stream(own_engine.url, cluster="closed")
    pool, goes_on = stream._client.connection_pool, asyncio.Event()
    made: list[AbstractConnection] = []
    make = pool.make_connection

    def make_late() -> AbstractConnection:
        connection = make()
        connect = connection.connect

        async def connect_late(*args: object, **named: object) -> None:
            await goes_on.wait()
            await connect(*args, **named)

        connection.connect = connect_late
        made.append(connection)
        return connection

    pool.make_connection = make_late
    calls = [asyncio.ensure_future(call) for call in (stream.time_s(), stream._script("return 1", ["key"], []))]
    while len(made) < len(calls):
        await asyncio.sleep(0)
    await stream.close()
    goes_on.set()
    await asyncio.gather(*calls, return_exceptions=True)
    assert [connection.is_connected for connection in made] == [False, False]


async def test_server_that_died_is_found_again_when_it_is_back(own_engine: Engine, channel: Channel) -> None:
    await channel.call("PING")
    own_engine.kill()
    with pytest.raises(ConnectionLost):
        await channel.call("PING")
    own_engine.start()
    assert await channel.call("ECHO", "back") == b"back"


async def test_answer_that_nobody_asked_for_ends_the_connection_and_is_given_to_nobody(channel: Channel) -> None:
    own = await channel.call("CLIENT", "ID")
    assert channel._line is not None
    channel._line.data_received(b"$4\r\nlate\r\n")
    with pytest.raises(ConnectionLost):
        await channel.call("ECHO", "next")
    assert await channel.call("ECHO", "next") == b"next"
    assert await channel.call("CLIENT", "ID") != own


async def test_what_is_no_answer_at_all_is_an_error_and_the_next_call_has_another_connection(channel: Channel) -> None:
    await channel.call("PING")
    assert channel._line is not None
    call = asyncio.ensure_future(channel.call("BLPOP", "nothing", 5))
    await asyncio.sleep(0)
    channel._line.data_received(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with pytest.raises(InvalidResponse):
        await call
    assert await channel.call("ECHO", "next") == b"next"


async def test_calls_in_a_row_are_watched_over_by_one_timer(channel: Channel) -> None:
    await channel.call("PING")
    timer = channel._timer
    assert timer is not None
    for _ in range(20):
        await channel.call("PING")
        assert channel._timer is timer


@pytest.mark.parametrize("way", ["password", "unix", "tls"])
async def test_connection_of_every_kind_is_taken_over_from_the_client_library(way: str, tmp_path: Path) -> None:
    folder = tmp_path / "engine"
    folder.mkdir()
    with certificate() as (cert, key):
        ways = {
            "password": (["--requirepass", "hidden"], "redis://:hidden@127.0.0.1:{port}/0"),
            "unix": (["--unixsocket", str(tmp_path / "s")], f"unix://{tmp_path / 's'}"),
            "tls": (
                ["--tls-port", "{tls}", "--tls-cert-file", cert, "--tls-key-file", key, "--tls-auth-clients", "no"],
                "rediss://127.0.0.1:{tls}/0?ssl_cert_reqs=none",
            ),
        }
        flags, url = ways[way]
        tls = free_port()
        engine = Engine("redis", folder, *(flag.format(tls=tls) for flag in flags))
        engine.start()
        try:
            client = redis.asyncio.Redis.from_url(url.format(port=engine.port, tls=tls), protocol=2)
            channel = Channel(client.connection_pool, timeout_s=PATIENCE_S)
            big = b"x" * 300_000
            assert await channel.call("ECHO", big) == big
            assert await channel.call("ECHO", "next") == b"next"
            await channel.close()
            await client.aclose()
        finally:
            engine.kill()
