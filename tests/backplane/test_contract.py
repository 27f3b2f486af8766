"""What every log promises: one process's, and those over Valkey and Redis."""

from __future__ import annotations

import asyncio
from datetime import datetime, timezone

import pytest

from lobby_server.core.machine import commands
from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.core.rooms import Room
from tests.backplane.conftest import Nodes
from tests.backplane.nodes import Node, until

ANN, BOB = User(1, "ann"), User(2, "bob")
AT = datetime(2026, 1, 1, tzinfo=timezone.utc)


def new_room(room_id: str, host: User) -> Room:
    return Room(
        id=room_id, host=host, gamemode="ffa", map_name=None, max_players=8, is_public=True, version=None, created_at=AT
    )


def said(text: str) -> commands.Announce:
    return commands.Announce(1, text, "", 0)


@pytest.fixture(params=["local", "valkey", "redis"])
async def node(request: pytest.FixtureRequest, nodes: Nodes) -> Node:
    """A node over each kind of log."""
    if request.param == "local":
        return await nodes.start(None)
    engine = request.getfixturevalue(f"{request.param}_engine")
    return await nodes.start(engine.url)


async def test_commands_are_applied_once_in_the_order_in_which_they_are_appended(node: Node) -> None:
    for number in range(300):
        node.replica.submit(said(str(number)))
    await until(lambda: len(node.heard) >= 300)
    await node.replica.run(commands.Nothing())
    assert node.heard == [str(number) for number in range(300)]


async def test_call_returns_once_its_command_is_applied_with_what_was_so_in_that_turn(node: Node) -> None:
    rooms = node.state.books.rooms
    found = await node.replica.run(commands.CreateRoom(new_room("r", ANN)), lambda: rooms.get("r"))
    assert found is not None
    assert found.host == ANN


async def test_command_that_the_rules_refuse_raises_and_is_undone(node: Node) -> None:
    undone: list[str] = []
    await node.replica.run(commands.CreateRoom(new_room("r", ANN)))
    with pytest.raises(Refusal) as refused:
        await node.replica.run(commands.CreateRoom(new_room("other", ANN)), undo=lambda: undone.append("other"))
    assert refused.value.code is RefusalCode.ALREADY_HOSTING
    assert refused.value.room_id == "r"
    assert undone == ["other"]


async def test_large_and_many_commands_arrive_whole(node: Node) -> None:
    texts = [str(number) * 4000 for number in range(9)]
    for text in texts:
        node.replica.submit(said(text))
    await node.replica.run(commands.Nothing())
    assert node.heard == texts


async def test_time_of_the_log_goes_on_and_deadlines_are_reckoned_in_it(node: Node) -> None:
    before_s = node.replica.time.monotonic_s()
    await node.replica.run(commands.CreateRoom(new_room("r", ANN)))
    await node.replica.run(commands.LeaveRoom(ANN))
    room = node.state.books.rooms.get("r")
    assert room is not None
    assert room.empty_until_s is not None
    assert before_s - 0.1 <= room.empty_until_s - 60.0 <= node.replica.time.monotonic_s()


async def test_gate_lets_one_in_at_a_time(node: Node) -> None:
    inside, most = 0, 0

    async def pass_gate() -> None:
        nonlocal inside, most
        async with node.replica.gate():
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(pass_gate() for _ in range(5)))
    assert (inside, most) == (0, 1)


async def test_node_leads_where_there_is_no_other(node: Node) -> None:
    await node.replica.run(commands.Nothing())
    assert node.replica.is_leader
    assert node.replica.leads_surely
