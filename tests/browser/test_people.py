"""People on the page: friends first, where they are, profiles, mutes, reports, and what waits in the tab's title."""

from __future__ import annotations

import pytest

from tests.browser.conftest import PHONE, Crowd
from tests.browser.people import LOOK_ELSEWHERE, Person
from tests.browser.test_ops_page import admin_token
from tests.process.clients import call


def befriend(one: Person, other: Person) -> None:
    one.page.locator("#friend-form input").fill(other.name)
    one.page.locator("#friend-form button").click()
    other.answers(f"{one.name} wants to be your friend", "Accept")
    for person, friend in ((one, other), (other, one)):
        person.page.locator("#friends button", has_text=friend.name).wait_for()


def test_friends_come_first_and_say_in_which_room_they_are(own_crowd: Crowd) -> None:
    ann, bea, zoe = (own_crowd.person(name) for name in ("ann", "bea", "zoe"))
    befriend(ann, zoe)
    ann.page.wait_for_function("() => document.querySelector('#online li [data-part=name]')?.textContent === 'zoe'")
    zoe.create_room("duel", map_name="Foundry", name="Friday")
    ann.page.locator("#friends [data-part=where]", has_text="in Friday · duel on Foundry").wait_for()
    ann.page.locator("#friends button", has_text="zoe").click()
    ann.page.locator("#person").get_by_role("button", name="Join their room").click()
    ann.is_in_room("Friday")
    bea.sees_online("zoe")
    assert not bea.page.locator("#online [data-part=where]:visible").count()


def test_profile_says_what_may_be_known(own_crowd: Crowd) -> None:
    ann, bob, cat = (own_crowd.person(name) for name in ("ann", "bob", "cat"))
    befriend(ann, cat)
    befriend(bob, cat)
    bob.create_room("duel")
    bob.is_in_room("duel")
    ann.page.locator("#online button", has_text="bob").click()
    facts = ann.page.locator("#person [data-part=facts]")
    facts.get_by_text("Member since").wait_for()
    assert "Rooms hosted 1" in " ".join(facts.inner_text().split())
    assert "Friends in common cat" in " ".join(facts.inner_text().split())


def test_muted_player_is_not_read_until_unmuted_and_is_not_told(crowd: Crowd) -> None:
    ann, bob = crowd.person("mute_ann"), crowd.person("mute_bob")
    bob.says("before the mute")
    ann.reads("before the mute")
    ann.does("Mute", to="mute_bob")
    ann.page.locator("#chat-lines .text", has_text="before the mute").wait_for(state="detached")
    bob.says("nobody hears me")
    bob.reads("nobody hears me")
    ann.page.reload()
    ann.is_connected()
    ann.says("after the reload")
    ann.reads("after the reload")
    assert "nobody hears me" not in ann.lines()
    ann.does("Unmute", to="mute_bob")
    ann.reads("nobody hears me")


def test_report_reaches_the_administrators(crowd: Crowd) -> None:
    crowd.expected.append("400 (Bad Request)")
    ann, bob = crowd.person("report_ann"), crowd.person("report_bob")
    ann.does("Report", to="report_bob")
    dialog = ann.page.locator("#report")
    dialog.get_by_role("button", name="Send report").click()
    dialog.get_by_text("Say what happened").wait_for()
    dialog.get_by_label("What happened?").fill("called me names")
    dialog.get_by_role("button", name="Send report").click()
    ann.is_told("the administrators will read it")
    listed = call(crowd.server, "GET", "/api/admin/reports", token=admin_token(crowd)).body["reports"]
    assert [(each["about_username"], each["text"]) for each in listed] == [(bob.name, "called me names")]


def test_title_of_the_tab_counts_what_waits(crowd: Crowd) -> None:
    ann, bob = crowd.person("title_ann"), crowd.person("title_bob")
    bob.does("Send a message", to="title_ann")
    bob.says("psst")
    ann.page.wait_for_function("() => document.title === '(1) title_ann · Game lobby'")
    ann.opens_chat("title_bob")
    ann.page.wait_for_function("() => document.title === 'title_ann · Game lobby'")


def test_line_of_the_room_waits_to_be_read_until_its_user_looks_at_the_room(crowd: Crowd) -> None:
    ann, bob = crowd.person("unread_ann"), crowd.person("unread_bob")
    ann.create_room("unread")
    ann.is_in_room("unread")
    bob.join("unread")
    bob.is_in_room("unread")
    say, tab = bob.page.locator("#my-room-say"), "wanted => document.title.startsWith(wanted)"

    def says(text: str) -> None:
        say.locator("input").fill(text)
        say.locator("button").click()
        ann.page.locator("#my-room-log li", has_text=text).wait_for(state="attached")

    says("while she looks")
    assert ann.page.title().startswith("unread_ann")
    ann.page.evaluate(LOOK_ELSEWHERE, True)
    says("while she is elsewhere")
    ann.page.wait_for_function(tab, arg="(1) unread_ann")
    ann.page.evaluate(LOOK_ELSEWHERE, False)
    ann.page.wait_for_function(tab, arg="unread_ann")
    ann.page.set_viewport_size(PHONE)
    ann.page.locator("#views [data-view=chat]").click()
    says("while she reads the lobby")
    ann.page.locator("#views button", has_text="Rooms (1)").click()
    ann.page.wait_for_function(tab, arg="unread_ann")
    assert ann.page.locator("#view-rooms-unread").text_content() == ""


@pytest.mark.parametrize("answer", ["Accept", "Decline"])
def test_answered_friend_request_is_no_news_any_more_in_any_tab(crowd: Crowd, answer: str) -> None:
    ann, bob = crowd.person(f"news_ann_{answer}"), crowd.person(f"news_bob_{answer}")
    other = ann.page.context.new_page()
    crowd.watch(other)
    other.goto("/")
    tablet = Person(other, ann.name)
    tablet.log_in()
    tablet.is_connected()
    bob.page.locator("#friend-form input").fill(ann.name)
    bob.page.locator("#friend-form button").click()
    for person in (ann, tablet):
        person.page.locator("#notifications-count", has_text="1").wait_for()
        person.page.locator(".question", has_text="wants to be your friend").wait_for()
    ann.answers("wants to be your friend", answer)
    for person in (ann, tablet):
        person.page.locator("#notifications-count").wait_for(state="hidden")
        person.page.locator(".question").wait_for(state="detached")
        person.page.wait_for_function("name => document.title === `${name} · Game lobby`", arg=ann.name)


def test_request_of_a_player_who_is_blocked_then_is_neither_asked_about_nor_counted(crowd: Crowd) -> None:
    ann, pest = crowd.person("wall_ann"), crowd.person("wall_pest")
    pest.page.locator("#friend-form input").fill(ann.name)
    pest.page.locator("#friend-form button").click()
    ann.page.locator(".question", has_text="wall_pest wants to be your friend").wait_for()
    ann.page.locator("#requests li", has_text=pest.name).wait_for()
    ann.page.locator("#notifications-count", has_text="1").wait_for()
    ann.does("Block", to=pest.name)
    ann.confirms("Block player")
    ann.page.locator(".question").wait_for(state="detached")
    ann.page.locator("#requests-block").wait_for(state="hidden")
    ann.page.locator("#notifications-count").wait_for(state="hidden")


def test_sounds_are_off_until_somebody_wants_them(crowd: Crowd) -> None:
    ann = crowd.person("sound_ann")
    ann.page.locator("#account-button").click()
    sounds = ann.page.get_by_label("Play a sound")
    assert not sounds.is_checked()
    sounds.check()
    ann.page.reload()
    ann.page.locator("#account-button").click()
    assert ann.page.get_by_label("Play a sound").is_checked()


def sees_whereabouts(person: Person, who: str) -> None:
    """Chooses in the dialog of the account who sees the room that one is in."""
    person.page.locator("#account-button").click()
    choice = person.page.get_by_label("Who sees which public room you are in")
    person.page.wait_for_function("() => !document.getElementById('whereabouts').disabled")
    with person.page.expect_response(lambda answer: answer.request.method == "PATCH"):
        choice.select_option(label=who)
    person.page.keyboard.press("Escape")


def test_player_decides_who_sees_the_room_that_they_are_in(own_crowd: Crowd) -> None:
    ann, bea, zoe = (own_crowd.person(name) for name in ("ann", "bea", "zoe"))
    befriend(ann, zoe)
    zoe.create_room("duel")
    where = ann.page.locator("#friends [data-part=where]", has_text="in duel")
    where.wait_for()
    sees_whereabouts(zoe, "Nobody")
    where.wait_for(state="hidden")
    ann.page.reload()
    ann.is_connected()
    ann.page.locator("#friends button", has_text="zoe").wait_for()
    assert not ann.page.locator("#friends [data-part=where]:visible").count()
    sees_whereabouts(zoe, "Everybody")
    where.wait_for()
    bea.page.locator("#online button", has_text="zoe").click()
    bea.page.locator("#person [data-part=state]", has_text="online, in duel").wait_for()
    bea.page.locator("#person").get_by_role("button", name="Join their room").click()
    bea.is_in_room("duel")
    zoe.page.reload()
    zoe.is_connected()
    zoe.page.locator("#account-button").click()
    zoe.page.wait_for_function("() => document.getElementById('whereabouts').value === 'everybody'")


def test_player_who_has_asked_already_is_a_friend_at_once_and_that_is_said(crowd: Crowd) -> None:
    ann, bob = crowd.person("cross_ann"), crowd.person("cross_bob")
    bob.page.locator("#friend-form input").fill(ann.name)
    bob.page.locator("#friend-form button").click()
    ann.page.locator("#requests li", has_text=bob.name).wait_for()
    ann.does("Add friend", to=bob.name)
    ann.is_told("You and cross_bob are friends now.")
