"""One player on two devices, or in two tabs of one: what is done in the one is so in the other at once."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Crowd
from tests.browser.people import Person
from tests.process.clients import call, token_of


@pytest.mark.parametrize("address", ["/", "/?features=none"], ids=["features", "base"])
def test_laptop_that_comes_back_leaves_its_player_in_the_room_they_are_in(crowd: Crowd, address: str) -> None:
    key = "b" if "features" in address else "f"
    host, other = crowd.person(f"two_h_{key}"), crowd.person(f"two_o_{key}")
    host.create_room(f"two-old-{key}")
    other.create_room(f"two-new-{key}")
    phone = crowd.person(f"two_p_{key}")
    laptop = Person(crowd.page(address), phone.name)
    laptop.log_in()
    laptop.is_connected()
    laptop.join(f"two-old-{key}")
    laptop.is_in_room(f"two-old-{key}")
    laptop.page.goto("about:blank")
    phone.join(f"two-new-{key}")
    phone.is_in_room(f"two-new-{key}")
    laptop.page.goto(address)
    laptop.is_connected()
    if address == "/":
        laptop.is_in_room(f"two-new-{key}")
    other.sees_members(other.name, phone.name)
    laptop.says(f"back again {key}")
    laptop.reads(f"back again {key}")  # and so its way back has been answered, which it asked for before
    assert phone.page.locator("#my-room-title", has_text=f"two-new-{key}").count() == 1
    host.sees_members(host.name)
    assert not any("could not do that" in told for told in laptop.told())


def again(crowd: Crowd, person: Person) -> Person:
    """The same player on another device."""
    other = Person(crowd.page(), person.name)
    other.log_in()
    other.is_connected()
    return other


def another_tab(crowd: Crowd, person: Person) -> Person:
    """Of the same device, with a login of its own."""
    page = person.page.context.new_page()
    crowd.watch(page)
    page.goto("/")
    tab = Person(page, person.name)
    tab.log_in()
    tab.is_connected()
    return tab


def misses(person: Person, log: str, text: str) -> None:
    person.page.locator(f"#{log} li", has_text=text).wait_for(state="detached")


def test_block_hides_what_was_said_on_every_device_at_once_and_its_end_shows_it_again(crowd: Crowd) -> None:
    laptop, pest = crowd.person("block_ann"), crowd.person("block_pest")
    phone = again(crowd, laptop)
    pest.create_room("block together")
    laptop.join("block together")
    for each in (laptop, phone):
        each.is_in_room("block together")
    pest.says("rude in the lobby")
    pest.page.locator("#my-room-say input").fill("rude in the room")
    pest.page.locator("#my-room-say button").click()
    for each in (laptop, phone):
        each.reads("rude in the lobby")
        each.page.locator("#my-room-log li", has_text="rude in the room").wait_for()
    phone.does("Block", to=pest.name)
    phone.confirms("Block player")
    for each in (phone, laptop):
        misses(each, "chat-lines", "rude in the lobby")
        misses(each, "my-room-log", "rude in the room")
        each.page.locator("#blocks-count", has_text="1").wait_for()
    pest.says("rude meanwhile")
    pest.reads("rude meanwhile")
    laptop.page.locator("#blocks-fold summary").click()
    laptop.page.locator("#blocks button", has_text=pest.name).click()
    laptop.page.get_by_role("button", name="Unblock").click()
    for each in (phone, laptop):
        for said in ("rude in the lobby", "rude meanwhile"):
            each.reads(said)
        each.page.locator("#my-room-log li", has_text="rude in the room").wait_for()
        each.page.locator("#blocks-fold").wait_for(state="hidden")


def test_mute_in_one_tab_holds_in_the_other_tabs_of_the_device(crowd: Crowd) -> None:
    first, loud = crowd.person("mute_ann"), crowd.person("mute_loud")
    second = another_tab(crowd, first)
    loud.says("LOUD WORDS")
    for tab in (first, second):
        tab.reads("LOUD WORDS")
    first.does("Mute", to=loud.name)
    for tab in (first, second):
        misses(tab, "chat-lines", "LOUD WORDS")
    second.does("Unmute", to=loud.name)
    for tab in (first, second):
        tab.reads("LOUD WORDS")


def test_notification_that_is_read_on_one_device_is_read_on_the_other(crowd: Crowd) -> None:
    laptop, friend = crowd.person("read_ann"), crowd.person("read_bob")
    phone = again(crowd, laptop)
    friend.page.locator("#friend-form input").fill(laptop.name)
    friend.page.locator("#friend-form button").click()
    for each in (laptop, phone):
        each.page.locator("#notifications-count", has_text="1").wait_for()
    phone.page.locator("#notifications-button").click()
    phone.page.get_by_role("button", name="Mark all as read").click()
    for each in (phone, laptop):
        each.page.locator("#notifications-count").wait_for(state="hidden")
    laptop.page.locator("#notifications-button").click()
    laptop.page.locator("#notifications-items li:not(.unread)", has_text="read_bob").wait_for()


def test_answer_on_one_device_is_shown_on_the_other_without_a_look_at_it(crowd: Crowd) -> None:
    """To a request of friendship and to an invitation into a party; and the end of both."""
    laptop, bob = crowd.person("answer_ann"), crowd.person("answer_bob")
    phone, asked = again(crowd, laptop), f"{bob.name} wants to be your friend"
    for answer in ("Decline", "Accept"):
        bob.page.locator("#friend-form input").fill(laptop.name)
        bob.page.locator("#friend-form button").click()
        for each in (laptop, phone):
            each.page.locator("#requests li", has_text=bob.name).wait_for()
        phone.answers(asked, answer)
        laptop.page.locator("#requests li", has_text=bob.name).wait_for(state="detached")
        bob.page.reload()  # a request that was declined is open still as far as its sender is shown
        bob.is_connected()
    laptop.page.locator("#friends li", has_text=bob.name).wait_for()
    bob.page.locator("#party-form input").fill(laptop.name)
    bob.page.locator("#party-form button").click()
    phone.answers(f"{bob.name} invites you into a party", "Join")
    laptop.page.locator("#party-members li", has_text=bob.name).wait_for()
    phone.page.get_by_role("button", name="Leave the party").click()
    laptop.page.get_by_role("button", name="Start a party").wait_for()


def test_who_sees_the_room_is_shown_as_it_was_chosen_on_the_other_device(crowd: Crowd) -> None:
    laptop = crowd.person("where_ann")
    phone = again(crowd, laptop)
    laptop.page.locator("#account-button").click()
    laptop.page.locator("#whereabouts:enabled").wait_for()
    phone.page.locator("#account-button").click()
    phone.page.locator("#whereabouts:enabled").select_option("nobody")
    laptop.page.wait_for_function("() => document.getElementById('whereabouts').value === 'nobody'")


def test_announcement_that_is_closed_in_one_tab_is_closed_in_the_others(crowd: Crowd) -> None:
    first = crowd.person("heard_ann")
    second = another_tab(crowd, first)
    admin = token_of(crowd.server, 900, "root", role="admin")
    body = {"title": "Two tabs", "body": "Once is enough."}
    assert call(crowd.server, "POST", "/api/announcements", body, token=admin).status == 201
    for tab in (first, second):
        tab.page.get_by_text("Once is enough.").wait_for()
    first.page.get_by_role("button", name="Close the announcement").click()
    second.page.locator("#announcement").wait_for(state="hidden")
