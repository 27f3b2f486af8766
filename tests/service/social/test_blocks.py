"""What a block hides: lines in every channel and in their history, requests and invitations. It hides no membership."""

from __future__ import annotations

import asyncio

import pytest

from lobby_server.core.blocks import MAX_BLOCKS, Block, BlockBook
from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.protocol.requests import Whom
from lobby_server.service.social.ports import NewLine
from tests.service.house import ANN, BOB, CLEO, Client, House
from tests.service.rooms.test_looking_again import meanwhile


async def blocking(house: House) -> None:
    """Bob wants to hear nothing of Ann."""
    await house.app.social.blocks.add(BOB, ANN.id)


def lines(client: Client, type_: str = "chat_message") -> list[str]:
    return [data["text"] for each, data in client.told() if each == type_]


@pytest.mark.parametrize("features", [("rev",), ("rooms_delta", "presence_batch"), ()], ids=lambda each: "+".join(each))
async def test_line_in_the_lobby_reaches_everybody_but_those_who_block_its_sender(
    house: House, features: tuple[str, ...]
) -> None:
    ann, cleo = house.connect(ANN, "rev"), house.connect(CLEO, *features)
    bob, tab = house.connect(BOB, *features), house.connect(BOB, "rev")
    for client in (bob, cleo):
        client.say("chat_message", channel="lobby", text="here")  # base clients hear the lobby from now on
        await house.settle()
    await blocking(house)
    for client in (ann, bob, cleo, tab):
        client.told()
    for sender, text in ((cleo, "one"), (ann, "hidden"), (cleo, "two"), (ann, "hidden too")):
        sender.say("chat_message", channel="lobby", text=text)
    await house.settle()
    assert lines(bob) == lines(tab) == ["one", "two"]
    assert lines(cleo) == lines(ann) == ["one", "hidden", "two", "hidden too"]


async def test_line_that_is_hidden_from_one_socket_hides_no_event_besides_it(house: House) -> None:
    ann, bob = house.connect(ANN, "rev"), house.connect(BOB, "rev")
    await blocking(house)
    bob.told()
    house.app.announcer.user_online(User(50, "before"))
    ann.say("chat_message", channel="lobby", text="hidden")
    await house.app.writer.idle()
    house.app.announcer.user_online(User(51, "after"))
    house.clock.advance(0.3)
    names = [each["data"].get("username") for each in bob.transport.take()]
    assert [name for name in names if name] == ["before", "after"]


async def test_line_in_a_room_or_a_party_reaches_its_members_but_those_who_block_its_sender(house: House) -> None:
    ann, bob, cleo = house.connect(ANN), house.connect(BOB), house.connect(CLEO)
    room_id = await house.room(ANN)
    parties = house.app.social.parties
    party = await parties.create(ANN)
    for client in (bob, cleo):
        client.say("join_room", roomId=room_id, version="1", name="P")
        await parties.invite(ANN, party.id, Whom(client.user.id))
        await parties.join(client.user, party.id)
    await blocking(house)
    for type_, data in (("chat", {}), ("chat_message", {"channel": "party"})):
        ann.say(type_, text="hello", **data)
        await house.settle()
        assert (lines(bob, type_), lines(cleo, type_)) == ([], ["hello"])
    assert house.app.rooms.mine(BOB).members[0].name == "ann"
    mine = parties.mine(BOB).party
    assert mine is not None
    assert ANN.id in [member.user_id for member in mine.members]


async def test_history_hides_the_lines_of_who_is_blocked_and_fills_its_page(house: House) -> None:
    ann = house.connect(ANN)
    said = [
        NewLine(channel="lobby", sender=user, text=f"{user.username} {number}", sent_at=house.clock.utc_now())
        for number in range(60)
        for user in (ANN, CLEO)
    ]
    await house.store.add_chat_lines(said)
    ann.say("chat_message", channel=f"user:{BOB.id}", text="psst")
    await house.settle()
    await blocking(house)
    chat = house.app.social.chat
    page = await chat.history(BOB, "lobby", before=None)
    assert [line.text for line in page.messages] == [f"cleo {number}" for number in range(10, 60)]
    assert page.has_more
    assert (await chat.history(BOB, f"user:{ANN.id}", before=None)).messages == []
    assert len((await chat.history(ANN, f"user:{BOB.id}", before=None)).messages) == 1
    await house.app.social.blocks.remove(BOB, ANN.id)
    assert len((await chat.history(BOB, f"user:{ANN.id}", before=None)).messages) == 1


async def test_notifications_of_who_is_blocked_are_hidden_and_not_counted(house: House) -> None:
    house.connect(ANN)
    room_id = await house.room(ANN)
    await house.app.social.invitations.invite(ANN, room_id, Whom(BOB.id))
    await house.settle()
    await blocking(house)
    page = await house.app.social.notifications.page(BOB, before=None)
    assert (page.unread, page.notifications) == (0, [])
    bob = Client(house, BOB)
    bob.handshake()
    await house.settle()
    assert "notification" not in bob.types()


async def test_line_to_a_user_who_blocks_its_sender_while_it_is_kept_is_not_told(house: House) -> None:
    ann, bob = house.connect(ANN), house.connect(BOB)
    book = house.app.social.blocks._book
    meanwhile(house, "add_chat_lines", lambda: book.add(BOB.id, Block(ANN, house.clock.utc_now())))
    ann.say("chat_message", channel=f"user:{BOB.id}", text="psst")
    await house.settle()
    assert lines(bob) == []


async def test_one_of_many_same_blocks_at_once_is_new(house: House) -> None:
    house.app.social.blocks._book.check_may_block(BOB.id, ANN.id)
    results = await asyncio.gather(*(house.app.social.blocks.add(BOB, ANN.id) for _ in range(20)))
    assert results.count(True) == 1


async def test_limit_of_blocks_holds_for_calls_at_once(house: House) -> None:
    book = house.app.social.blocks._book
    for number in range(MAX_BLOCKS - 1):
        book.add(BOB.id, Block(User(100 + number, "x"), house.clock.utc_now()))
    calls = [house.app.social.blocks.add(BOB, other) for other in (ANN.id, CLEO.id)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert [each.code if isinstance(each, Refusal) else each for each in results] == [True, RefusalCode.LIMIT_REACHED]


def test_book_knows_who_blocks_a_user() -> None:
    book = BlockBook()
    book.add(2, Block(ANN, None))  # type: ignore[arg-type]
    book.add(3, Block(ANN, None))  # type: ignore[arg-type]
    assert (book.blockers_of(ANN.id), book.hidden_from(2)) == (frozenset({2, 3}), [ANN.id])
    book.remove(2, ANN.id)
    book.remove(3, ANN.id)
    assert (book.blockers_of(ANN.id), book._blockers) == (frozenset(), {})


async def test_block_of_a_user_of_another_service_who_is_gone_may_be_asked_for_again(house: House) -> None:
    outside = User(77, "of another service")
    client = house.connect(outside)
    assert await house.app.social.blocks.add(ANN, outside.id)
    client.go()
    house.clock.advance(house.app.settings.presence_grace_s + 1.0)
    assert not house.app.replica.books.presence.is_online(outside.id)
    assert await house.app.social.blocks.add(ANN, outside.id) is False
    [block] = await house.store.blocks()
    assert (block.user_id, block.blocked) == (ANN.id, outside)
