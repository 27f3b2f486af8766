"""Several nodes: one order, one state, whatever happens to a node, to its connection or to the stream."""

from __future__ import annotations

import asyncio
import time

import pytest

from lobby_server.backplane.opening import list_nodes
from lobby_server.backplane.place import snapshots
from lobby_server.backplane.wire import Snapshot, decode_snapshot, encode_snapshot
from lobby_server.core.machine import commands
from lobby_server.core.machine.image import digest
from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, RefusalCode
from tests.backplane.conftest import ENGINES, Nodes
from tests.backplane.engine import Engine
from tests.backplane.nodes import Node, agree, blinded, until
from tests.backplane.test_contract import new_room, said

pytestmark = pytest.mark.system

ANN, BOB, CLEO = User(1, "ann"), User(2, "bob"), User(3, "cleo")


async def trim(node: Node, snapshot: Snapshot | None = None) -> None:
    """Nothing is left of the stream but a snapshot that the node makes, and what came after it."""
    snapshot = snapshot or snapshot_of(node)
    newest = f"{snapshot.stream_id.partition('-')[0]}-99999"
    await node.log._stream.put_snapshot(snapshot.epoch, encode_snapshot(snapshot), keep_from=newest)


def snapshot_of(node: Node) -> Snapshot:
    standing = node.log._standing
    return node.log._snapshots.make(epoch=standing.epoch, stream_id=standing.stream_id)  # type: ignore[no-any-return]


@pytest.fixture(params=ENGINES)
def shared(request: pytest.FixtureRequest) -> Engine:
    engine: Engine = request.getfixturevalue(f"{request.param}_engine")
    return engine


async def test_all_nodes_hear_everything_in_one_order(shared: Engine, nodes: Nodes) -> None:
    one, other, third = [await nodes.start(shared.url) for _ in range(3)]
    for number in range(200):
        (one, other, third)[number % 3].replica.submit(said(str(number)))
        if number % 20 == 0:
            await asyncio.sleep(0)
    await until(lambda: all(len(node.heard) == 200 for node in (one, other, third)))
    assert one.heard == other.heard == third.heard
    assert sorted(one.heard, key=int) == [str(number) for number in range(200)]
    await agree(one, other, third)
    assert [node.restored for node in (one, other, third)] == [1, 0, 0]


async def test_two_nodes_that_want_the_same_get_it_once(shared: Engine, nodes: Nodes) -> None:
    one, other = await nodes.start(shared.url), await nodes.start(shared.url)
    made = await asyncio.gather(
        one.replica.run(commands.CreateRoom(new_room("a", ANN))),
        other.replica.run(commands.CreateRoom(new_room("b", ANN))),
        return_exceptions=True,
    )
    (refusal,) = [each for each in made if each is not None]
    assert isinstance(refusal, Refusal)
    assert refusal.code is RefusalCode.ALREADY_HOSTING
    await agree(one, other)


async def test_newcomer_starts_from_a_snapshot_and_what_came_after_it(
    shared: Engine, nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "SNAPSHOT_ENTRIES", 1)
    one = await nodes.start(shared.url)
    await one.replica.run(commands.CreateRoom(new_room("r", ANN)))
    await until(lambda: one.log._snapshots.number == one.log.number)
    await one.replica.run(commands.JoinRoom(BOB, "r", "1"))
    newcomer = await nodes.start(shared.url)
    await agree(one, newcomer)
    room = newcomer.state.books.rooms.get("r")
    assert room is not None
    assert list(room.members) == [ANN.id, BOB.id]
    assert newcomer.heard == []


async def test_users_of_a_node_that_dies_are_offline_at_once_for_the_others(shared: Engine, nodes: Nodes) -> None:
    one, other = await nodes.start(shared.url), await nodes.start(shared.url)
    one.arrive(ANN, 1), one.arrive(BOB, 2), other.arrive(BOB, 1), other.arrive(CLEO, 2)
    await until(lambda: other.online == [1, 2, 3])
    await one.kill()
    await until(lambda: other.online != [1, 2, 3])
    assert other.online == [2, 3]
    assert list(other.state.nodes) == [other.log.node]
    assert other.replica.is_leader


async def test_node_that_leaves_gives_its_users_time(shared: Engine, nodes: Nodes) -> None:
    one, other = await nodes.start(shared.url), await nodes.start(shared.url)
    one.arrive(ANN)
    await until(lambda: other.online == [1])
    await one.log.leave(grace_s=30.0)
    await until(lambda: list(other.state.nodes) == [other.log.node])
    assert other.online == [1]
    with pytest.raises(Refusal):
        one.log.check()


async def test_node_that_was_given_up_takes_another_name_and_announces_its_sockets(
    shared: Engine, nodes: Nodes
) -> None:
    one, other = await nodes.start(shared.url), await nodes.start(shared.url)
    one.arrive(ANN)
    await until(lambda: other.online == [1])
    before = one.log.node
    await other.replica.run(commands.NodeLost(before))
    await until(lambda: one.log.node != before and one.log.node in other.state.nodes)
    await until(lambda: other.online == [1] and one.online == [1])
    await one.replica.run(said("again"))
    await agree(one, other)


async def test_what_nobody_waits_for_survives_that_a_node_is_given_up(shared: Engine, nodes: Nodes) -> None:
    one, other = await nodes.start(shared.url), await nodes.start(shared.url)
    append, may_send = one.log._stream.append, asyncio.Event()

    async def append_later(epoch: str, batch: bytes) -> None:
        await may_send.wait()
        await append(epoch, batch)

    one.log._stream.append = append_later
    one.replica.submit(said("kept"))
    asked = asyncio.ensure_future(one.replica.run(said("asked")))
    await other.replica.run(commands.NodeLost(one.log.node))
    await until(asked.done)
    assert isinstance(asked.exception(), Refusal)
    may_send.set()
    await until(lambda: other.heard == one.heard == ["kept"])
    await agree(one, other)


async def test_operator_sees_the_nodes_and_which_one_leads(shared: Engine, nodes: Nodes) -> None:
    assert await list_nodes(shared.url, cluster=nodes.cluster) == []
    one, other = await nodes.start(shared.url), await nodes.start(shared.url)
    one.arrive(ANN, 1), one.arrive(ANN, 2), other.arrive(BOB)
    await agree(one, other)
    seen = await list_nodes(shared.url, cluster=nodes.cluster)
    assert [(node.name, node.sessions, node.leads, node.is_heard) for node in seen] == [
        (one.log.node, 2, True, True),
        (other.log.node, 1, False, True),
    ]


async def test_batch_that_stands_in_the_stream_twice_is_applied_once(shared: Engine, nodes: Nodes) -> None:
    one, other = await nodes.start(shared.url), await nodes.start(shared.url)
    append, sent = one.log._stream.append, 0

    async def append_twice(epoch: str, batch: bytes) -> None:
        nonlocal sent
        sent += 1
        await append(epoch, batch)
        await append(epoch, batch)

    one.log._stream.append = append_twice
    for number in range(5):
        await one.replica.run(said(str(number)))
    await until(lambda: one.log.number == other.log.number and len(other.heard) >= 5)
    assert one.heard == other.heard == [str(number) for number in range(5)]
    assert sent == 5


async def test_node_behind_entries_that_were_trimmed_goes_on_from_a_snapshot(shared: Engine, nodes: Nodes) -> None:
    one, other = await nodes.start(shared.url), await nodes.start(shared.url)
    sees = await blinded(other)
    for number in range(3):
        await one.replica.run(commands.CreateRoom(new_room(str(number), User(number + 1, "u"))))
    data = await one.log._stream.snapshot()
    assert data is not None
    assert decode_snapshot(data).number < one.log.number
    await trim(one)
    await one.replica.run(said("after"))
    sees.set()
    await until(lambda: other.resets == 1)
    await until(lambda: len(other.state.books.rooms) == 3)
    await agree(one, other)


async def test_what_a_node_sent_before_its_state_was_replaced_is_not_undone_for_it_may_have_happened(
    shared: Engine, nodes: Nodes
) -> None:
    one, other = await nodes.start(shared.url), await nodes.start(shared.url)
    sees, told = await blinded(other), list[str]()
    asked = asyncio.ensure_future(
        other.replica.run(
            said("heard by all"), undo=lambda: told.append("undone"), settled=lambda: told.append("settled")
        )
    )
    await until(lambda: one.heard == ["heard by all"])
    await trim(one)
    await one.replica.run(said("after"))
    sees.set()
    await until(asked.done)
    assert other.resets == 1
    assert isinstance(asked.exception(), Refusal)
    assert told == ["settled"]
    await agree(one, other)


@pytest.mark.parametrize("is_in_snapshot", [True, False], ids=["in the snapshot", "after it"])
async def test_what_a_node_sent_for_nobody_before_its_state_was_replaced_happens_once(
    shared: Engine, nodes: Nodes, *, is_in_snapshot: bool
) -> None:
    one, other = await nodes.start(shared.url), await nodes.start(shared.url)
    sees = await blinded(other)
    await one.replica.run(said("before"))  # which the other one does not read
    before = snapshot_of(one)
    await asyncio.sleep(0.002)  # the next entry is of a later millisecond, and is not trimmed
    other.replica.submit(said("heard once"))
    await until(lambda: one.heard == ["before", "heard once"])
    await trim(one, None if is_in_snapshot else before)
    other.replica.submit(said("not sent yet"))
    sees.set()
    await until(lambda: other.resets == 1)
    await agree(one, other)
    await other.replica.run(said("after"))
    await until(lambda: one.heard[-1] == "after")
    assert one.heard == ["before", "heard once", "not sent yet", "after"]


async def test_node_of_another_format_ends_with_a_sentence(shared: Engine, nodes: Nodes) -> None:
    one = await nodes.start(shared.url)
    newer = await nodes.start(shared.url)
    await newer.log._stream.append(newer.log._standing.epoch, b"\x94\xcc\xc8\xa1x\x01\x90")  # [200, "x", 1, []]
    await until(lambda: one.ends_because and newer.ends_because)
    assert "format 200" in one.ends_because


async def test_node_that_cannot_write_any_more_ends_with_a_sentence(shared: Engine, nodes: Nodes) -> None:
    one, other = await nodes.start(shared.url), await nodes.start(shared.url)

    def fail() -> bytes | None:
        raise RuntimeError("for the test")

    one.log._outbox.next_batch = fail
    one.replica.submit(said("never"))
    await until(lambda: one.ends_because)
    assert "cannot take part any more" in one.ends_because
    assert not other.ends_because


async def test_node_that_is_behind_says_by_how_much_and_how_late_it_was(shared: Engine, nodes: Nodes) -> None:
    one, other = await nodes.start(shared.url), await nodes.start(shared.url)
    sees = await blinded(other)
    for number in range(7):
        await one.replica.run(said(str(number)))
    appended_s = time.monotonic()
    await until(lambda: other.log.figures().lag_entries == 7)
    assert one.log.figures().lag_entries == 0
    late_s = time.monotonic() - appended_s
    apart_s = abs(one.log.now_s() - other.log.now_s())  # by as much as one has read an entry later than the other
    sees.set()
    await until(lambda: len(other.heard) == 7)
    behind, ahead = other.log.figures(), one.log.figures()
    assert (behind.lag_entries, behind.entries) == (0, ahead.entries)
    assert behind.lag_s > late_s - apart_s - 0.01  # by a clock that counts milliseconds
    assert other.log.figures().apply_s > 0


async def test_call_that_reads_waits_for_what_was_answered_on_another_node(shared: Engine, nodes: Nodes) -> None:
    one, other = await nodes.start(shared.url), await nodes.start(shared.url)
    take, held = other.log._take, []

    other.log._take = held.append  # it has read, and not applied
    await one.replica.run(commands.CreateRoom(new_room("r", ANN)))
    reading = asyncio.ensure_future(other.replica.caught_up())
    await until(lambda: held and other.log._catching_up.waiting)
    assert not reading.done()
    other.log._take = take
    for entry in held:
        take(entry)
    await reading
    assert other.state.books.rooms.get("r") is not None


async def test_gate_shows_what_the_holder_before_has_done(shared: Engine, nodes: Nodes) -> None:
    one, other = await nodes.start(shared.url), await nodes.start(shared.url)
    counts: list[int] = []

    async def make_room(node: Node, number: int) -> None:
        async with node.replica.gate():
            counts.append(len(node.state.books.rooms))
            await node.replica.run(commands.CreateRoom(new_room(str(number), User(number + 1, "u"))))

    await asyncio.gather(*(make_room((one, other)[number % 2], number) for number in range(8)))
    assert counts == list(range(8))
    await agree(one, other)
    assert digest(one.state) == digest(other.state)
