"""What a block hides is gone at once and comes back with its end, older pages too, on every device of the blocker."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest

from tests.browser.conftest import Crowd
from tests.browser.people import Person
from tests.browser.test_client_rules import AT, PlayedServer, wait_until_page
from tests.browser.test_two_devices import again
from tests.browser.test_what_is_over import page_of
from tests.process.clients import connect, token_of

PEST = {"user_id": 20, "username": "pest"}
MORE_THAN_A_PAGE = 53
"""Lines. The lobby takes 60 at once."""


def talk(crowd: Crowd, name: str) -> None:
    """More lines to the lobby than a page of its history has, by somebody without a page."""
    with contextlib.closing(connect(crowd.server, token_of(crowd.server, 4_000, name))) as socket:
        for number in range(MORE_THAN_A_PAGE):
            line = {"channel": "lobby", "text": f"talk {number}"}
            socket.send(json.dumps({"type": "chat_message", "data": line}))
        while json.loads(socket.recv())["data"].get("text") != f"talk {MORE_THAN_A_PAGE - 1}":
            pass


def blocks(person: Person, name: str) -> None:
    person.does("Block", to=name)
    person.confirms("Block player")
    person.is_told(f"{name} is blocked")


def unblocks(person: Person, name: str) -> None:
    person.page.locator("#blocks-fold summary").click()
    person.page.locator("#blocks button", has_text=name).click()
    person.page.get_by_role("button", name="Unblock").click()


def reads_back_to(person: Person, text: str) -> None:
    person.page.get_by_role("button", name="Earlier messages").click()
    person.reads(text)


def test_older_lines_of_an_unblocked_player_are_on_the_pages_where_they_were_said(crowd: Crowd) -> None:
    laptop, pest = crowd.person("older_ann"), crowd.person("older_pest")
    pest.says("rude long ago")
    laptop.reads("rude long ago")
    talk(crowd, "talker")
    blocks(laptop, pest.name)
    phone = again(crowd, laptop)
    laptop.page.reload()
    laptop.is_connected()
    for each in (laptop, phone):
        each.reads(f"talk {MORE_THAN_A_PAGE - 1}")
        reads_back_to(each, "talk 0")
        assert "rude long ago" not in each.lines()
    unblocks(laptop, pest.name)
    for each in (laptop, phone):
        each.page.locator("#chat-lines .text", has_text="talk 0").wait_for(state="detached")
        reads_back_to(each, "rude long ago")
        said = each.lines()
        assert said[said.index("rude long ago") + 1 :] == [f"talk {number}" for number in range(MORE_THAN_A_PAGE)]


def test_invitations_of_a_blocked_player_go_on_every_device_and_stand_again_after_the_block(crowd: Crowd) -> None:
    laptop, pest = crowd.person("stand_ann"), crowd.person("stand_pest")
    phone = again(crowd, laptop)
    pest.create_room("lair")
    pest.is_in_room("lair")
    for form in ("#party-form", "#my-room-invite"):
        pest.page.locator(f"{form} input").fill(laptop.name)
        pest.page.locator(f"{form} button").click()
    for each in (laptop, phone):
        for into in ("a party", "a room: lair"):
            each.page.locator(".question", has_text=f"stand_pest invites you into {into}").wait_for()
        each.page.locator("#notifications-count", has_text="2").wait_for()
    blocks(phone, pest.name)
    for each in (laptop, phone):
        each.page.locator(".question").first.wait_for(state="detached")
        each.page.locator("#notifications-count").wait_for(state="hidden")
    unblocks(laptop, pest.name)
    for each in (laptop, phone):
        each.page.locator(".question", has_text="stand_pest invites you into a party").wait_for()
        each.page.locator("#notifications-count", has_text="2").wait_for()
    phone.page.locator("#notifications-button").click()
    phone.page.locator("#notifications-items li", has_text="lair").get_by_role("button", name="Join").click()
    phone.is_in_room("lair")


@pytest.mark.parametrize("told", ["user_blocked", "user_unblocked"])
def test_older_notifications_are_asked_for_anew_when_others_are_hidden(crowd: Crowd, told: str) -> None:
    played = PlayedServer(crowd)
    played.is_connected()
    page, items = played.page, played.page.locator("#notifications-items li")
    is_end = told == "user_unblocked"
    played.answers = {"/api/blocks": {"blocks": [PEST] if is_end else []}, "/api/notifications": page_of(150)}
    if is_end:
        played.say(played.sockets[0], "user_blocked", PEST)
    else:
        played.say(played.sockets[0], "friend_accepted", {"user_id": 3, "username": "bob"})
        page.evaluate("() => 0")
        played.pass_s(2.1)
    items.get_by_text("title 150", exact=True).wait_for(state="attached")
    played.answers["/api/notifications?before"] = page_of(100)
    page.locator("#notifications-button").click()
    page.locator("#notifications-more").click()
    items.get_by_text("title 51", exact=True).wait_for()
    assert items.count() == 100
    played.answers = {"/api/blocks": {"blocks": [] if is_end else [PEST]}, "/api/notifications": page_of(150)}
    played.say(played.sockets[0], told, PEST)
    items.get_by_text("title 100", exact=True).wait_for(state="detached")
    assert (items.count(), page.locator("#notifications-more").is_visible()) == (50, True)


def line(number: int, *, by: int = 30, name: str = "talker") -> dict[str, Any]:
    return {
        "id": number, "channel": "lobby", "from_user_id": by, "from_username": name, "text": f"line {number}", "ts": AT,
    }  # fmt: skip


def test_lines_that_are_hidden_do_not_wait_to_be_read(crowd: Crowd) -> None:
    played = PlayedServer(crowd)
    played.is_connected()
    page, socket = played.page, played.sockets[0]
    page.evaluate("document.querySelector('#views [data-view=chat]').click()")
    played.say(socket, "user_online", {"user_id": 40, "username": "bob"})
    page.locator("#online button", has_text="bob").click()
    page.get_by_role("button", name="Send a message").click()
    page.locator("#chat-with", has_text="bob").wait_for()
    for number, (by, name) in enumerate(((20, "pest"), (30, "talker"), (20, "pest")), start=1):
        played.say(socket, "chat_message", line(number, by=by, name=name))
    unread = page.locator("#chat-tabs li", has_text="Lobby").locator("[data-part=unread]")
    unread.get_by_text("3", exact=True).wait_for()
    played.answers = {"/api/blocks": {"blocks": [PEST]}}
    played.say(socket, "user_blocked", PEST)
    unread.get_by_text("1", exact=True).wait_for()


SCROLL_TO = """row => new Promise((seen) => {
    document.getElementById("chat-log").onscroll = seen;
    row.scrollIntoView({ block: "center" });
})"""
"""And wait until the page has seen that: its frames are of a clock of their own here, and may come before."""


def shown(page: Any) -> list[str]:
    return list(page.locator("#chat-lines .text").all_text_contents())


def test_reader_of_older_lines_keeps_the_place_whatever_is_said_below_or_above(crowd: Crowd) -> None:
    played = PlayedServer(crowd)
    played.answers = {"/api/chat/lobby": {"messages": [line(number) for number in range(51, 101)], "has_more": True}}
    played.page.reload()
    wait_until_page(played.page, lambda: len(played.sockets) == 2)
    played.is_connected()
    page, socket = played.page, played.sockets[1]
    row = page.locator("#chat-lines li", has_text="line 75")
    row.wait_for()
    row.evaluate(SCROLL_TO)
    place = "row => row.getBoundingClientRect().top"
    before = row.evaluate(place)
    played.say(socket, "chat_message", line(101))
    page.locator("#chat-lines li", has_text="line 101").wait_for()
    assert row.evaluate(place) == pytest.approx(before, abs=1.0)
    older = {"messages": [line(number) for number in range(1, 51)], "has_more": False}
    played.answers["/api/chat/lobby?before"] = older
    page.locator("#chat-earlier").evaluate("button => button.click()")
    page.locator("#chat-lines li", has_text="line 1").first.wait_for()
    page.wait_for_function("() => document.querySelectorAll('#chat-lines li').length === 101")
    assert row.evaluate(place) == pytest.approx(before, abs=1.0)
    assert page.locator("#chat-earlier").is_hidden()


def test_lines_between_are_not_left_out_where_one_was_heard_before_the_page_came(crowd: Crowd) -> None:
    """After a connection that was lost for more lines than a page has."""
    played = PlayedServer(crowd)
    played.answers = {"/api/chat/lobby": {"messages": [line(number) for number in range(1, 11)]}}
    played.page.reload()
    wait_until_page(played.page, lambda: len(played.sockets) == 2)
    played.page.locator("#chat-lines li", has_text="line 10").wait_for()
    asked: list[Any] = []
    played.page.route("**/api/chat/lobby", lambda route: asked.append(route))
    played.is_cut_off()
    played.comes_back()
    wait_until_page(played.page, lambda: asked)
    played.say(played.sockets[2], "chat_message", line(300))
    played.page.locator("#chat-lines li", has_text="line 300").wait_for()
    newest = [line(number) for number in range(250, 300)]
    asked[0].fulfill(json={"channel": "lobby", "messages": newest, "has_more": True})
    played.page.locator("#chat-lines li", has_text="line 250").wait_for()
    assert shown(played.page) == [f"line {number}" for number in range(250, 301)]
    assert played.page.locator("#chat-earlier").is_visible()
