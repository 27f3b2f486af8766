"""The composition as a whole."""

from __future__ import annotations

import json

from lobby_server.core.presence import User
from lobby_server.protocol.messages import CLIENT_MESSAGES
from lobby_server.protocol.requests import RoomWish
from tests.service.house import ANN, BOB, Client, House


async def test_every_message_of_the_contract_is_answered_by_something(house: House) -> None:
    assert set(house.app.rules.answers) == set(CLIENT_MESSAGES.values())


async def test_two_with_the_same_runtime_say_the_same_to_the_byte() -> None:
    said = []
    for _ in range(2):
        house = await House(ack_percent=50.0).start()
        ann, bob = house.connect(ANN, "ack", "rev"), house.connect(BOB, "presence_batch", "ack")
        room_id = await house.room(ANN)
        bob.say("join_room", roomId=room_id, version="1", name="P")
        bob.say("chat_message", channel="lobby", text="hello")
        await house.settle()
        said.append((bytes(ann.transport.sent), bytes(bob.transport.sent), house.app.tokens.issue(ANN)))
        await house.stop()
    assert said[0] == said[1]
    assert b"hello" in said[0][0]


async def test_nothing_is_announced_once_the_service_is_stopped(house: House) -> None:
    bob = house.connect(BOB)
    house.app.stop()
    announcer = house.app.announcer
    announcer.rooms_changed()
    announcer.user_online(ANN)
    assert bob.told(but=frozenset()) == []


async def test_announcer_knows_of_a_change_that_it_was_told_of_and_of_no_other(house: House) -> None:
    announcer, rooms = house.app.announcer, house.app.rooms
    house.connect(BOB)
    await rooms.create_room(ANN, RoomWish(gamemode="ffa"))
    assert announcer.knows_of_rooms
    rooms.book.list_changed()
    assert not announcer.knows_of_rooms
    announcer.rooms_changed()  # announced in a moment
    assert announcer.knows_of_rooms
    house.clock.advance(0.3)
    assert announcer.knows_of_rooms


async def test_newcomer_to_many_rooms_gets_the_list_in_parts_that_engines_can_take(house: House) -> None:
    for number in range(400):
        wish = RoomWish(gamemode=f"mode {number}", mapName="a map of some name")
        await house.app.rooms.create_room(User(100 + number, f"host{number}"), wish)
    client = Client(house, ANN)
    client.handshake("rooms_delta")
    house.clock.advance(0.3)
    parts = [each for each in client.transport.take() if each["type"] == "rooms_snapshot"]
    assert len(parts) > 1
    assert max(len(json.dumps(part)) for part in parts) <= 40_000
    assert [part["data"]["part"] for part in parts] == list(range(1, len(parts) + 1))
    assert sum(len(part["data"]["rooms"]) for part in parts) == 400


async def test_storm_reaches_a_client_of_batches_in_parts(house: House) -> None:
    ear = house.connect(ANN, "presence_batch")
    for number in range(2000):
        Client(house, User(1000 + number, f"user{number}")).handshake()
    parts = [data for type_, data in ear.told(but=frozenset({"handshake_accepted"})) if type_ == "presence_changed"]
    assert len(parts) > 1
    assert sum(len(part["online"]) for part in parts) == 2000
    assert {part["of"] for part in parts} == {len(parts)}
