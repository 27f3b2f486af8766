"""Valkey is away, comes back with its data, or without: nothing is lost, nothing is applied twice."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from lobby_server.backplane.errors import BackplaneAway, BackplaneRefused, EpochGone, FormatRefused
from lobby_server.backplane.valkey.stream import Stream
from lobby_server.backplane.wire import decode_snapshot, encode_snapshot
from lobby_server.core.machine import commands
from lobby_server.core.machine.commands import FORMAT
from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, RefusalCode
from tests.backplane.conftest import Nodes
from tests.backplane.engine import Engine
from tests.backplane.nodes import Node, agree, blinded, until
from tests.backplane.test_contract import new_room, said

pytestmark = pytest.mark.system

ANN, BOB = User(1, "ann"), User(2, "bob")


async def refused_soon(node: Node) -> None:
    """Return once a node says that it cannot do anything."""

    def is_refused() -> bool:
        try:
            node.log.check()
        except Refusal as refusal:
            assert refusal.code is RefusalCode.TRY_AGAIN_LATER
            return True
        return False

    await until(is_refused)


async def test_valkey_that_comes_back_empty_is_given_the_state_of_the_nodes(engine: Engine, nodes: Nodes) -> None:
    one, other = await nodes.start(engine.url), await nodes.start(engine.url)
    one.arrive(ANN), other.arrive(BOB)
    await one.replica.run(commands.CreateRoom(new_room("r", ANN)))
    await other.replica.run(commands.JoinRoom(BOB, "r", "1"))
    await agree(one, other)
    engine.kill()
    await refused_soon(one)
    await refused_soon(other)
    with pytest.raises(Refusal):
        await one.replica.run(said("refused"))
    one.replica.submit(said("kept"))
    engine.start()
    await until(lambda: other.heard == ["kept"])
    assert (one.online, other.online) == ([1, 2], [1, 2])
    room = other.state.books.rooms.get("r")
    assert room is not None
    assert list(room.members) == [ANN.id, BOB.id]
    await until(lambda: one.log.is_well and other.log.is_well)
    await one.replica.run(said("again"))
    await agree(one, other)
    assert (one.heard, other.heard) == (["kept", "again"], ["kept", "again"])
    assert (one.resets, other.resets, one.restored) == (0, 0, 1)
    newcomer = await nodes.start(engine.url)
    await agree(one, other, newcomer)


def cut_off(node: Node) -> Callable[[], None]:
    """From now on a node does not reach Valkey. What mends it."""
    stream = node.log._stream

    async def away(*_: object, **__: object) -> None:
        await asyncio.sleep(0.01)
        raise BackplaneAway("cut off")

    names = ("epoch", "read", "append", "newest", "first_after", "snapshot", "renew", "reports", "stand")
    for name in names:
        setattr(stream, name, away)

    def mend() -> None:
        for name in names:
            delattr(stream, name)

    return mend


async def test_revision_that_a_node_cut_off_alone_has_shown_is_given_to_no_other_list(
    engine: Engine, nodes: Nodes
) -> None:
    one, other = await nodes.start(engine.url), await nodes.start(engine.url)
    await agree(one, other)
    sees = await blinded(one)
    await other.replica.run(commands.CreateRoom(new_room("lost", ANN)))
    shown = other.state.books.rooms.revision
    mend = cut_off(other)
    engine.restart()
    sees.set()
    await until(lambda: one.log.is_well and one.log.outages)
    assert one.state.books.rooms.get("lost") is None
    await one.replica.run(commands.CreateRoom(new_room("r", BOB)))
    assert one.state.books.rooms.revision > shown
    mend()
    await until(lambda: other.resets == 1)
    await agree(one, other)
    assert [room.id for room in other.state.books.rooms.all()] == ["r"]
    assert other.state.books.rooms.revision > shown


async def test_valkey_that_comes_back_with_data_of_a_while_ago_is_given_what_the_nodes_know(
    engine: Engine, nodes: Nodes
) -> None:
    one, other = await nodes.start(engine.url), await nodes.start(engine.url)
    await one.replica.run(said("saved"))
    engine.save()
    await other.replica.run(commands.CreateRoom(new_room("r", ANN)))
    for number in range(5):
        await one.replica.run(said(f"after {number}"))
    await agree(one, other)
    engine.restart()
    await until(lambda: one.log.outages and other.log.outages and one.log.is_well and other.log.is_well)
    await other.replica.run(said("again"))
    await agree(one, other)
    assert one.heard == other.heard == ["saved", *(f"after {number}" for number in range(5)), "again"]
    assert (one.resets, other.resets) == (0, 0)
    newcomer = await nodes.start(engine.url)
    await agree(one, other, newcomer)
    assert newcomer.state.books.rooms.get("r") is not None


async def test_nobody_writes_on_in_the_data_of_a_server_that_was_started_again(engine: Engine, nodes: Nodes) -> None:
    node = await nodes.start(engine.url)
    await node.replica.run(said("saved"))
    engine.save()
    await node.replica.run(said("forgotten"))
    epoch = node.log._standing.epoch
    knows_no_better = Stream(engine.url, cluster=nodes.cluster)
    assert await knows_no_better.epoch() == epoch
    await node.kill()  # or it would put it right before anybody looks
    engine.restart()
    with contextlib.suppress(BackplaneAway):  # its connection was to the server before
        await knows_no_better.epoch()
    assert await knows_no_better.epoch() is None
    for write in (
        knows_no_better.append(epoch, b"batch"),
        knows_no_better.renew(epoch, "node", ttl_s=1.0, report=b"", others=()),
        knows_no_better.put_snapshot(epoch, b"snapshot", keep_from="0-0"),
    ):
        with pytest.raises(EpochGone):
            await write
    await knows_no_better.close()


async def test_node_that_starts_while_valkey_has_old_data_waits_for_those_that_know_more(
    engine: Engine, nodes: Nodes
) -> None:
    one = await nodes.start(engine.url)
    await one.replica.run(said("saved"))
    engine.save()
    await one.replica.run(commands.CreateRoom(new_room("r", ANN)))
    shown = one.state.books.rooms.revision
    engine.restart()
    newcomer = await nodes.start(engine.url)
    room, revision = newcomer.state.books.rooms.get("r"), newcomer.state.books.rooms.revision
    assert room is not None
    assert revision > shown
    await agree(one, newcomer)
    assert (one.resets, newcomer.restored) == (0, 0)


async def test_data_of_a_server_that_was_started_again_are_nobodys_lobby_where_no_node_is_left(
    engine: Engine, nodes: Nodes
) -> None:
    one = await nodes.start(engine.url)
    await one.replica.run(commands.CreateRoom(new_room("r", ANN)))
    engine.save()
    await one.kill()
    engine.restart()
    newcomer = await nodes.start(engine.url)
    assert (newcomer.restored, len(newcomer.state.books.rooms)) == (1, 0), "the database says what there is"


async def test_snapshot_of_another_format_is_refused_until_the_server_is_started_again(
    engine: Engine, nodes: Nodes
) -> None:
    one = await nodes.start(engine.url)
    stream = Stream(engine.url, cluster=nodes.cluster)
    data = await stream.snapshot()
    assert data is not None
    snapshot = decode_snapshot(data)
    older = encode_snapshot(msgspec.structs.replace(snapshot, format=FORMAT - 1))
    await stream.put_snapshot(snapshot.epoch, older, keep_from="0-0")
    await stream.close()
    await one.kill()
    with pytest.raises(FormatRefused, match=f"writes format {FORMAT - 1}"):
        await nodes.start(engine.url)
    engine.save()
    engine.restart()
    newcomer = await nodes.start(engine.url)
    assert newcomer.restored == 1


async def test_command_that_was_sent_to_a_server_that_died_is_applied_once(engine: Engine, nodes: Nodes) -> None:
    one, other = await nodes.start(engine.url), await nodes.start(engine.url)
    for number in range(3):
        calls = [asyncio.ensure_future(one.replica.run(said(f"{number}.{each}"))) for each in range(20)]
        for each in range(20):
            other.replica.submit(said(f"kept {number}.{each}"))
        await asyncio.sleep(0.001 * number)
        engine.restart()
        done = await asyncio.gather(*calls, return_exceptions=True)
        await until(lambda: one.log.is_well and other.log.is_well)
        await agree(one, other)
        assert one.heard == other.heard
        assert len(set(one.heard)) == len(one.heard)
        for each, result in enumerate(done):
            assert result is None or isinstance(result, Refusal)
            assert result is not None or f"{number}.{each}" in one.heard
        assert {f"kept {number}.{each}" for each in range(20)} <= set(one.heard)


async def test_server_that_only_stalls_loses_nothing_and_nobody(engine: Engine, nodes: Nodes) -> None:
    one, other = await nodes.start(engine.url), await nodes.start(engine.url)
    one.arrive(ANN)
    await agree(one, other)
    engine.freeze()
    one.replica.submit(said("kept"))
    await refused_soon(one)
    engine.thaw()
    await until(lambda: one.log.is_well and other.log.is_well)
    await until(lambda: other.heard == ["kept"] and one.heard == ["kept"])
    await agree(one, other)
    assert other.online == [1]
    assert one.state.nodes.keys() == other.state.nodes.keys() == {one.log.node, other.log.node}


async def test_replica_that_has_ended_stands_in_nobodys_way_when_the_server_is_back_empty(
    engine: Engine, nodes: Nodes
) -> None:
    one = await nodes.start(engine.url)
    engine.kill()
    await refused_soon(one)
    engine.start()
    ended = Stream(engine.url, cluster=nodes.cluster)
    await ended.stand("a node that is gone", 1_000_000)
    await ended.close()
    await until(lambda: one.log.is_well)
    await one.replica.run(said("again"))
    assert one.heard == ["again"]


async def test_replica_that_stood_before_the_clock_was_set_back_stands_in_nobodys_way(
    engine: Engine, nodes: Nodes
) -> None:
    prefix, in_an_hour_ms = f"lobby:{{{nodes.cluster}}}:", int((time.time() + 3600) * 1000)
    engine.ask(f"ZADD {prefix}candidates 1000000 gone")
    engine.ask(f"ZADD {prefix}standing {in_an_hour_ms} gone")
    stream = Stream(engine.url, cluster=nodes.cluster)
    await stream.stand("here", 1)
    assert await stream.best_candidate() == "here"
    await stream.close()


async def test_node_waits_for_a_server_that_is_not_up_yet(engine: Engine, nodes: Nodes) -> None:
    engine.kill()
    starting = asyncio.ensure_future(nodes.start(engine.url))
    await asyncio.sleep(0.2)
    engine.start()
    node = await starting
    await node.replica.run(said("there"))
    assert node.heard == ["there"]


async def test_wrong_password_is_told_at_once_and_not_waited_for(tmp_path: Path) -> None:
    engine = Engine("valkey", tmp_path, "--requirepass", "the right one")
    engine.start()
    node = Node(engine.url, is_first=True)
    try:
        with pytest.raises(BackplaneRefused, match=r"check --backplane-url\.$"):
            await node.start()
    finally:
        await node.end()
        engine.kill()
