"""The drain, in virtual time."""

from __future__ import annotations

import asyncio

from lobby_server.core.presence import User
from lobby_server.service.drain import GROUP, LAST_WRITES_S, PAUSE_S, RECONNECT_AFTER_MS, slot_ms
from tests.service.house import ANN, BOB, House


async def pass_time(house: House, task: asyncio.Task[None], seconds: float) -> None:
    """Let a task that waits for the clock go on."""
    for _ in range(round(seconds / PAUSE_S)):
        await asyncio.sleep(0)
        house.clock.advance(PAUSE_S)
    await asyncio.sleep(0)


async def test_clients_are_closed_by_what_they_asked_for_and_told_their_slot(house: House) -> None:
    plain, featured, draining = house.connect(ANN), house.connect(ANN, "rev"), house.connect(BOB, "drain")
    house.app.drain.begin()
    house.app.stop()
    task = asyncio.create_task(house.app.drain.run(is_idle=lambda: True))
    await pass_time(house, task, 0.1)
    codes = [client.transport.closed and client.transport.closed.code for client in (plain, featured, draining)]
    assert codes == [1001, 1012, 1012]
    ((type_, data),) = draining.told()
    assert (type_, data["reconnect_after_ms"] >= RECONNECT_AFTER_MS) == ("server_draining", True)
    assert not task.done()  # until their sockets are gone
    for client in (plain, featured, draining):
        client.go()
    await pass_time(house, task, 0.1)
    assert task.done()


async def slots_of(house: House, turn: tuple[int, int], clients: int) -> list[int]:
    """What so many clients of a node are told, whose turn it is so."""
    crowd = [house.connect(User(10 + number, f"user{number}"), "drain") for number in range(clients)]
    house.app.drain.turn = lambda: turn
    house.app.drain.begin()
    house.app.stop()
    task = asyncio.create_task(house.app.drain.run(is_idle=lambda: True))
    await pass_time(house, task, (clients // GROUP + 2) * PAUSE_S)
    slots = [data["reconnect_after_ms"] for client in crowd for _, data in client.told()]
    for client in crowd:
        client.go()
    await pass_time(house, task, 0.1)
    assert task.done()
    return slots


async def test_nodes_that_end_together_give_no_slot_twice() -> None:
    nodes = [await House().start() for _ in range(3)]
    slots = [await slots_of(node, (number, 3), clients=5) for number, node in enumerate(nodes)]
    assert sorted(slot for own in slots for slot in own) == [RECONNECT_AFTER_MS + number for number in range(15)]
    for node in nodes:
        await node.stop()


async def test_last_slot_of_many_nodes_is_not_after_the_deadline() -> None:
    house = await House(drain_s=2.0).start()
    slots = await slots_of(house, (999, 1_000), clients=8)
    assert RECONNECT_AFTER_MS + 1_750 < max(slots) <= RECONNECT_AFTER_MS + 2_000
    assert len(set(slots)) == 8
    await house.stop()


def test_node_with_many_sessions_gives_no_slot_of_one_with_few() -> None:
    many = [slot_ms(number, (0, 2), limit_s=2.0) for number in range(1_500)]
    few = [slot_ms(number, (1, 2), limit_s=2.0) for number in range(500)]
    assert sorted(many + few) == list(range(2_000)), "each once, and none behind the deadline"


def test_node_with_more_sessions_than_slots_gives_none_behind_the_deadline() -> None:
    slots = [slot_ms(number, (2, 3), limit_s=0.3) for number in range(1_000)]
    assert set(slots) == set(range(300))
    assert slots[0] == 2


def test_process_alone_gives_one_slot_per_millisecond_however_many_it_needs() -> None:
    assert [slot_ms(number, None, limit_s=2.0) for number in range(5_000)] == list(range(5_000))


async def test_clients_of_a_process_alone_come_back_one_per_millisecond(house: House) -> None:
    crowd = [house.connect(User(10 + number, f"user{number}"), "drain") for number in range(5)]
    house.app.drain.begin()
    house.app.stop()
    task = asyncio.create_task(house.app.drain.run(is_idle=lambda: True))
    await pass_time(house, task, 2 * PAUSE_S)
    slots = [data["reconnect_after_ms"] for client in crowd for _, data in client.told()]
    assert slots == [RECONNECT_AFTER_MS + number for number in range(5)]
    task.cancel()


async def test_sessions_are_closed_in_groups_with_a_pause_between(house: House) -> None:
    crowd = [house.connect(User(10 + number, f"user{number}")) for number in range(GROUP + 1)]
    house.app.drain.begin()
    house.app.stop()
    task = asyncio.create_task(house.app.drain.run(is_idle=lambda: True))
    await asyncio.sleep(0)
    assert sum(client.transport.closed is not None for client in crowd) == GROUP
    await pass_time(house, task, PAUSE_S)
    assert all(client.transport.closed is not None for client in crowd)
    task.cancel()


async def test_drain_ends_at_its_deadline_whoever_is_left() -> None:
    house = await House(drain_s=2.0).start()
    house.connect(ANN)
    drain = house.app.drain
    drain.begin()
    assert not house.app.takes_sockets
    task = asyncio.create_task(drain.run(is_idle=lambda: True))
    await pass_time(house, task, 1.5)
    assert not task.done()
    await pass_time(house, task, 0.6)
    assert task.done()
    assert drain.last_writes_s == LAST_WRITES_S
    await house.stop()


async def test_drain_waits_for_calls_that_are_under_way(house: House) -> None:
    calls = {"one"}
    house.app.drain.begin()
    task = asyncio.create_task(house.app.drain.run(is_idle=lambda: not calls))
    await pass_time(house, task, 0.1)
    assert not task.done()
    calls.clear()
    await pass_time(house, task, 0.1)
    assert task.done()


async def test_other_sockets_are_closed_once_as_it_begins(house: House) -> None:
    closed: list[str] = []
    house.app.drain.at_begin.append(lambda: closed.append("operations page"))
    house.app.drain.begin()
    await asyncio.gather(house.app.drain.run(is_idle=lambda: True), pass_time(house, asyncio.current_task(), 0.1))
    assert closed == ["operations page"]
