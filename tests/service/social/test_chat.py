"""Chat: what is said is kept first and told then, to those whom it concerns."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from lobby_server.core.machine.commands import Say, Tell
from lobby_server.core.machine.effects import LineToKeep
from lobby_server.core.machine.social import NOTICE_CHARACTERS
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.protocol.requests import Whom
from lobby_server.service.social.chat import AGAIN_S
from lobby_server.service.social.ports import ChatLine, NewLine
from tests.patience import PATIENCE_S
from tests.service.house import ANN, BOB, CLEO, Client, House


async def said(client: Client, channel: str, text: str = "hello") -> None:
    client.say("chat_message", channel=channel, text=text)
    await client.house.settle()


async def away(house: House) -> None:
    """Return when the service knows that the database takes no writes."""
    while not house.app.writer.is_away:
        await asyncio.sleep(0)


def heard(client: Client) -> list[tuple[str, int, str]]:
    """Channel, sender and text of the lines since the last call; nothing else may have come."""
    told = client.told()
    assert {type_ for type_, _ in told} <= {"chat_message"}
    return [(data["channel"], data["from_user_id"], data["text"]) for _, data in told]


async def test_line_is_told_to_nobody_before_it_is_kept(house: House) -> None:
    ann = house.connect(ANN)
    ann.say("chat_message", channel="lobby", text="hello")
    assert heard(ann) == []
    await house.settle()
    assert heard(ann) == [("lobby", ANN.id, "hello")]
    (line,) = await house.store.chat_lines("lobby", reader_id=BOB.id, before=None, most=9)
    assert (line.sender, line.text) == (ANN, "hello")


async def test_lobby_is_heard_with_features_and_without_only_by_users_who_take_part(house: House) -> None:
    ann, bob, cleo = house.connect(ANN), house.connect(BOB, "rev"), house.connect(CLEO)
    await said(ann, "lobby")
    assert (len(heard(ann)), len(heard(bob)), len(heard(cleo))) == (1, 1, 0)
    await said(cleo, "lobby")
    cleo_again = house.connect(CLEO)
    await said(ann, "lobby", "again")
    assert (len(heard(cleo)), len(heard(cleo_again))) == (2, 1)


async def test_line_that_is_said_while_a_user_reads_the_history_is_not_lost_to_them(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob = house.connect(ANN), house.connect(BOB)
    chat_lines = house.store.chat_lines

    async def read_and_wait(*args: Any, **named: Any) -> list[ChatLine]:
        found = await chat_lines(*args, **named)
        await said(ann, "lobby", "meanwhile")
        return found

    monkeypatch.setattr(house.store, "chat_lines", read_and_wait)
    page = await house.app.social.chat.history(BOB, "lobby", before=None)
    assert page.messages == []
    assert heard(bob) == [("lobby", ANN.id, "meanwhile")]


async def test_direct_line_goes_to_both_ends_each_in_its_channel(house: House) -> None:
    ann, bob, cleo = house.connect(ANN), house.connect(BOB), house.connect(CLEO)
    await said(ann, "user:2")
    assert (heard(ann), heard(bob), heard(cleo)) == ([("user:2", 1, "hello")], [("user:1", 1, "hello")], [])


async def test_direct_line_to_a_user_who_is_offline_becomes_one_notification(house: House) -> None:
    ann = house.connect(ANN)
    await said(ann, "user:2", "x" * 200)
    await said(ann, "user:2", "and more")
    (kept,) = await house.store.notifications(BOB.id, before=None, most=9)
    assert (kept.kind, len(kept.body)) == ("direct_message", NOTICE_CHARACTERS)
    assert kept.body.endswith("…")


async def test_direct_line_to_a_user_who_blocks_is_read_by_its_sender_alone(house: House) -> None:
    ann, bob = house.connect(ANN), house.connect(BOB)
    await house.app.social.blocks.add(BOB, ANN.id)
    await said(ann, "user:2")
    assert (heard(ann), heard(bob)) == ([("user:2", 1, "hello")], [])
    assert len((await house.app.social.chat.history(ANN, "user:2", before=None)).messages) == 1
    assert (await house.app.social.chat.history(BOB, "user:1", before=None)).messages == []
    bob.say("chat_message", channel="user:1", text="what?")
    assert bob.refused() == "blocked_by_you"


async def test_party_line_goes_to_members_and_needs_a_party(house: House) -> None:
    ann, bob, cleo = house.connect(ANN), house.connect(BOB), house.connect(CLEO)
    await said(ann, "party")
    assert ann.refused() == "not_in_party"
    parties = house.app.social.parties
    party = await parties.create(ANN)
    await parties.invite(ANN, party.id, Whom(BOB.id))
    await parties.join(BOB, party.id)
    await house.settle()
    ann.types(), bob.types()
    await said(bob, "party")
    assert (heard(ann), heard(bob), heard(cleo)) == ([("party", 2, "hello")], [("party", 2, "hello")], [])


@pytest.mark.parametrize(
    ("channel", "text", "reason"),
    [
        ("lobby", "   ", "invalid_chat_message"),
        ("lobby", "a\x00b", "invalid_chat_message"),
        ("room", "hello", "invalid_channel"),
        ("user:1", "hello", "invalid_target"),
        ("user:99", "hello", "user_not_found"),
    ],
)
async def test_line_that_is_refused_is_not_kept(house: House, channel: str, text: str, reason: str) -> None:
    ann = house.connect(ANN)
    await said(ann, channel, text)
    assert ann.refused() == reason
    assert house.store._lines == {}


async def test_long_line_is_cut() -> None:
    house = await House(chat_max_characters=10).start()
    ann = house.connect(ANN)
    await said(ann, "lobby", "0123456789abc")
    assert heard(ann) == [("lobby", ANN.id, "0123456789")]
    await house.stop()


async def test_user_who_talks_too_fast_is_told_and_may_go_on_later() -> None:
    house = await House(chat_rate_per_min=60.0).start()
    ann, other_tab = house.connect(ANN), house.connect(ANN)
    for number in range(10):
        await said(ann if number % 2 else other_tab, "user:2")
    ann.told(), other_tab.told()
    await said(ann, "user:2")
    for _ in range(10):
        ann.say("chat_message", channel="user:2", text="too fast")
    assert "error" in [type_ for type_, _ in ann.told()]
    house.clock.advance(60.0)
    await said(ann, "user:2", "slowly")
    assert heard(ann)[-1:] == [("user:2", ANN.id, "slowly")]
    await house.stop()


async def test_line_that_cannot_be_kept_is_told_to_its_sender_as_an_error_and_to_nobody_else(house: House) -> None:
    ann, bob = house.connect(ANN, "rev"), house.connect(BOB, "rev")
    house.store.is_away = True
    ann.say("chat_message", channel="lobby", text="hello")
    await asyncio.wait_for(away(house), PATIENCE_S)
    assert (ann.refused(), heard(bob)) == ("try_again_later", [])
    house.store.is_away = False
    await house.settle()
    await said(ann, "lobby", "now")
    assert heard(bob) == [("lobby", ANN.id, "now")]


async def test_node_that_takes_over_tells_what_was_said_once_in_order_and_keeps_what_was_not(house: House) -> None:
    """What the leader before has kept and not told is not kept a second time."""
    ann, bob = house.connect(ANN), house.connect(BOB, "rev")
    chat, lines, at = house.app.social.chat, house.app.replica.books.lines, house.clock.utc_now()
    for ref in (1, 2, 3):
        lines["a node that is gone", ref] = Say(ref, ANN, "lobby", f"line {ref}", at + timedelta(microseconds=ref))
    said_before = [lines["a node that is gone", ref] for ref in (1, 2)]
    await house.store.add_chat_lines(
        [NewLine(channel="lobby", sender=ANN, text=line.text, sent_at=line.sent_at) for line in said_before]
    )
    chat.will_take_over()
    await said(ann, "lobby", "line 4")
    assert heard(bob) == []
    chat.take_over()
    await house.settle()
    assert heard(bob) == [("lobby", ANN.id, f"line {number}") for number in (1, 2, 3, 4)]
    kept = await house.store.chat_lines("lobby", reader_id=BOB.id, before=None, most=9)
    assert [line.text for line in kept] == ["line 1", "line 2", "line 3", "line 4"]
    assert lines == {}


@pytest.mark.parametrize("is_taken_over", [True, False])
async def test_line_is_kept_once_though_the_leader_stood_still_before_it_kept_it(
    house: House, monkeypatch: pytest.MonkeyPatch, is_taken_over: bool
) -> None:
    """In that time, perhaps, another node has led, kept the line and told it."""
    ann, chat, log = house.connect(ANN), house.app.social.chat, house.app.replica.log
    find = chat._people.by_id

    async def stand_still(user_id: int) -> Any:
        monkeypatch.setattr(chat._people, "by_id", find)
        monkeypatch.setattr(log, "is_heard_of", False)
        if is_taken_over:
            ((name, line),) = house.app.replica.books.lines.items()
            new = NewLine(channel=line.channel, sender=ANN, text=line.text, sent_at=line.sent_at)
            [kept] = await house.store.add_chat_lines([new])
            house.app.replica.submit(Tell((chat._told(LineToKeep(name[0], line), kept),)))
        return await find(user_id)

    monkeypatch.setattr(chat._people, "by_id", stand_still)
    await said(ann, f"user:{BOB.id}")
    monkeypatch.setattr(log, "is_heard_of", True)
    house.clock.advance(AGAIN_S)
    await house.settle()
    assert heard(ann) == [(f"user:{BOB.id}", ANN.id, "hello")]
    history = await chat.history(BOB, f"user:{ANN.id}", before=None)
    assert [line.text for line in history.messages] == ["hello"]


async def test_history_of_a_channel_that_is_none_is_refused(house: House) -> None:
    for channel, code in (
        ("nowhere", RefusalCode.INVALID_CHANNEL),
        ("user:1", RefusalCode.INVALID_TARGET),
        ("user:99", RefusalCode.USER_NOT_FOUND),
        ("party", RefusalCode.NOT_IN_PARTY),
    ):
        with pytest.raises(Refusal) as refused:
            await house.app.social.chat.history(ANN, channel, before=None)
        assert refused.value.code is code
