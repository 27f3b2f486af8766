"""The composition as a whole."""

from __future__ import annotations

from lobby_server.protocol.messages import CLIENT_MESSAGES
from tests.service.house import ANN, BOB, House


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
