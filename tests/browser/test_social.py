"""Friends, parties, chat, invitations, blocks: several people at once."""

from __future__ import annotations

import contextlib
import json

import pytest

from tests.browser.conftest import PHONE, Crowd
from tests.browser.people import Person
from tests.process.clients import call, connect, token_of


def test_request_between_two_makes_friends_who_see_each_other_come_and_go(crowd: Crowd) -> None:
    ann, bob = crowd.person("fr_ann"), crowd.person("fr_bob")
    ann.page.locator("#friend-form input").fill(bob.name)
    ann.page.locator("#friend-form button").click()
    bob.answers("fr_ann wants to be your friend", "Accept")
    for one, other in ((ann, bob), (bob, ann)):
        friend = one.page.locator("#friends li", has_text=other.name)
        friend.locator(".dot.on").wait_for()
    bob.page.close()
    ann.page.locator("#friends li", has_text=bob.name).locator(".dot:not(.on)").wait_for()
    ann.page.locator("#friends button", has_text=bob.name).click()
    ann.page.get_by_role("button", name="Remove from friends").click()
    ann.confirms("Remove friend")
    ann.page.locator("#friends li").wait_for(state="detached")


def test_request_to_who_is_away_waits_for_them_as_a_notification(crowd: Crowd) -> None:
    ann, bob = crowd.person("aw_ann"), crowd.person("aw_bob")
    bob.page.close()
    ann.misses_online(bob.name)
    ann.page.locator("#friend-form input").fill(bob.name)
    ann.page.locator("#friend-form button").click()
    ann.is_told("Friend request sent to aw_bob")
    again = Person(crowd.page(), bob.name)
    again.log_in()
    again.page.locator("#notifications-count", has_text="1").wait_for()
    again.page.locator("#notifications-button").click()
    with again.page.expect_response("**/read"):  # or the reload below takes it back
        again.page.locator("#notifications-items li.unread", has_text="aw_ann").get_by_role("button").click()
    again.page.locator("#notifications-items li:not(.unread)").wait_for()
    again.page.keyboard.press("Escape")
    again.page.reload()
    again.is_connected()
    again.page.locator("#requests li", has_text="aw_ann").get_by_role("button", name="Decline").click()
    again.page.locator("#requests li").wait_for(state="detached")
    assert again.page.locator("#notifications-count").is_hidden()


def test_party_of_three_enters_a_room_together(crowd: Crowd) -> None:
    ann, bob, cat = people = [crowd.person(f"party_{name}") for name in ("ann", "bob", "cat")]
    for friend in (bob, cat):
        ann.page.locator("#party-form input").fill(friend.name)
        ann.page.locator("#party-form button").click()
        friend.answers("party_ann invites you into a party", "Join")
        friend.page.locator("#party-members li", has_text=friend.name).wait_for()
        ann.is_told(f"{friend.name} is invited into your party")  # and the form is empty again
    for person in people:
        person.page.locator("#party-size", has_text="3/8").wait_for()
    ann.page.locator("#party-members li", has_text=ann.name).locator(".badge", has_text="leader").wait_for()
    ann.create_room("raid", players=4)
    ann.is_in_room("raid")
    ann.page.get_by_role("button", name="Bring my party").click()
    for person in people:
        person.is_in_room("raid")
        person.sees_members(*(somebody.name for somebody in people), in_order=False)
    for answer in ("Cancel", "Make leader"):
        ann.page.get_by_role("button", name="Make party_bob the leader").click()
        ann.confirms(answer)
    bob.page.locator("#party-members li", has_text=bob.name).locator(".badge", has_text="leader").wait_for()
    ann.page.get_by_role("button", name="Leave the party").click()
    bob.page.locator("#party-size", has_text="2/8").wait_for()
    ann.page.get_by_role("button", name="Start a party").wait_for()


def test_invitation_is_what_lets_somebody_into_a_private_room(crowd: Crowd) -> None:
    ann, bob = crowd.person("pr_ann"), crowd.person("pr_bob")
    ann.create_room("secret", public=False)
    ann.is_in_room("secret")
    assert bob.room("secret").count() == 0
    ann.page.locator("#my-room-invite input").fill(bob.name)
    ann.page.locator("#my-room-invite button").click()
    bob.answers("pr_ann invites you into a room: secret", "Join")
    bob.is_in_room("secret")
    bob.sees_members(ann.name, bob.name)
    bob.page.locator("#my-room-say input").fill("thanks for having me")
    bob.page.locator("#my-room-say button").click()
    ann.page.locator("#my-room-log", has_text="thanks for having me").wait_for()
    assert bob.page.locator("#my-room-delete").is_hidden()
    ann.page.locator("#my-room-delete").click()
    ann.confirms("Delete room")
    bob.is_told("The host has deleted the room")
    for person in (ann, bob):
        person.page.locator("#my-room").wait_for(state="hidden")


def test_host_who_left_a_private_room_finds_it_again_by_making_another(crowd: Crowd) -> None:
    crowd.expected.append("Failed to load resource")
    ann = crowd.person("den_ann")
    ann.create_room("den", public=False)
    ann.is_in_room("den")
    ann.page.locator("#my-room-leave").click()
    ann.page.locator("#my-room").wait_for(state="hidden")
    ann.create_room("next")
    ann.is_told("You still have a room: you are in it again.")
    ann.is_in_room("den")
    ann.page.locator("#my-room-delete").click()
    ann.confirms("Delete room")
    ann.page.locator("#my-room").wait_for(state="hidden")
    ann.create_room("next")
    ann.is_in_room("next")


def test_invitation_into_a_room_is_still_to_be_taken_up_after_a_reload(crowd: Crowd) -> None:
    ann, bob = crowd.person("iv_ann"), crowd.person("iv_bob")
    ann.create_room("hideout", public=False)
    ann.is_in_room("hideout")
    ann.page.locator("#my-room-invite input").fill(bob.name)
    ann.page.locator("#my-room-invite button").click()
    bob.page.locator(".question", has_text="hideout").wait_for()
    bob.page.reload()
    bob.is_connected()
    bob.page.locator("#notifications-count", has_text="1").wait_for()
    bob.page.locator("#notifications-button").click()
    bob.page.locator("#notifications-items li", has_text="iv_ann invites you to play hideout").get_by_text(
        "Join"
    ).click()
    bob.is_in_room("hideout")
    bob.page.locator("#notifications-count").wait_for(state="hidden")


def test_invitation_that_was_put_off_does_not_come_back(crowd: Crowd) -> None:
    ann, bob, cat = (crowd.person(f"off_{name}") for name in ("ann", "bob", "cat"))
    ann.page.locator("#party-form input").fill(bob.name)
    ann.page.locator("#party-form button").click()
    bob.page.locator("#notifications-count", has_text="1").wait_for()
    bob.answers("off_ann invites you into a party", "Not now")
    bob.page.locator("#notifications-count").wait_for(state="hidden")
    cat.page.locator("#party-form input").fill(bob.name)
    cat.page.locator("#party-form button").click()  # which makes the page ask for all invitations anew
    bob.answers("off_cat invites you into a party", "Join")
    bob.page.locator("#party-size", has_text="2/8").wait_for()
    assert bob.page.locator(".question").count() == 0


@pytest.mark.parametrize("public", [True, False])
def test_other_tab_of_a_host_follows_into_the_room_and_out_of_it(crowd: Crowd, public: bool) -> None:
    name = f"tab_{public}"
    first = crowd.person(name)
    second = Person(crowd.page(), name)
    second.log_in()
    second.is_connected()
    first.create_room(f"duel {public}", public=public)
    second.is_in_room(f"duel {public}")
    first.page.locator("#my-room-delete").click()
    first.confirms("Delete room")
    for tab in (first, second):
        tab.page.locator("#my-room").wait_for(state="hidden")
    first.create_room(f"rematch {public}", public=public)
    second.is_in_room(f"rematch {public}")
    second.page.locator("#my-room-leave").click()
    for tab in (first, second):
        tab.page.locator("#my-room").wait_for(state="hidden")


def test_chat_has_one_order_for_everybody_and_after_a_reload(crowd: Crowd) -> None:
    ann, bob = crowd.person("ch_ann"), crowd.person("ch_bob", address="/?features=none")
    said = [f"line {number} of {person.name}" for number in range(10) for person in (ann, bob)]
    for number in range(10):
        for person in (ann, bob):
            person.says(f"line {number} of {person.name}")
    for person in (ann, bob):
        for line in said[-2:]:
            person.reads(line)
        person.page.wait_for_function("n => document.querySelectorAll('#chat-lines li').length >= n", arg=len(said))
    order = [line for line in ann.lines() if line in said]
    assert sorted(order) == sorted(said)
    assert [line for line in bob.lines() if line in said] == order
    for person in (ann, bob):
        own = [line for line in order if line.endswith(person.name)]
        assert own == [f"line {number} of {person.name}" for number in range(10)]
        person.page.reload()
        person.reads(order[-1])
        assert [line for line in person.lines() if line in said] == order


@pytest.mark.flags("--chat-rate-per-min", "1")
def test_line_that_was_too_much_at_once_is_put_back_for_another_try(own_crowd: Crowd) -> None:
    ann = own_crowd.person("ann")
    ann.says("first")
    ann.reads("first")
    ann.says("second")
    ann.is_told("That was too much at once")
    assert ann.page.locator("#chat-form input").input_value() == "second"
    assert ann.lines() == ["first"]


def test_direct_messages_have_a_conversation_of_their_own(crowd: Crowd) -> None:
    ann, bob = crowd.person("dm_ann"), crowd.person("dm_bob")
    ann.sees_online(bob.name)
    ann.does("Send a message", to=bob.name)
    ann.says("are you there?")
    bob.page.locator("#chat-tabs button", has_text="dm_ann").locator("[data-part=unread]", has_text="1").wait_for()
    bob.opens_chat("dm_ann")
    bob.reads("are you there?")
    bob.says("yes")
    ann.reads("yes")
    bob.opens_chat("Lobby")
    bob.page.locator("#chat-with").get_by_text("Lobby", exact=True).wait_for()
    assert "are you there?" not in bob.lines()


def test_history_goes_back_page_by_page(crowd: Crowd) -> None:
    ann, bob = crowd.person("hi_ann"), crowd.person("hi_bob")
    login = ann.page.evaluate("JSON.parse(sessionStorage.getItem('lobby.login'))")
    bob_id = bob.page.evaluate("JSON.parse(sessionStorage.getItem('lobby.login')).user.id")
    with contextlib.closing(connect(crowd.server, login["token"])) as socket:
        for number in range(60):
            line = {"channel": f"user:{bob_id}", "text": f"message {number}"}
            socket.send(json.dumps({"type": "chat_message", "data": line}))
            while json.loads(socket.recv())["type"] != "chat_message":
                pass
    ann.sees_online(bob.name)
    ann.does("Send a message", to=bob.name)
    ann.reads("message 59")
    assert ann.lines()[0] == "message 10"
    ann.page.get_by_role("button", name="Earlier messages").click()
    ann.reads("message 0")
    assert ann.lines() == [f"message {number}" for number in range(60)]
    assert ann.page.get_by_role("button", name="Earlier messages").is_hidden()


def test_who_is_blocked_reaches_nobody_and_is_told_nothing(crowd: Crowd) -> None:
    ann, pest, third = (crowd.person(f"bl_{name}") for name in ("ann", "pest", "third"))
    ann.sees_online(pest.name)
    ann.does("Block", to=pest.name)
    ann.confirms("Block player")
    ann.is_told("bl_pest is blocked")
    pest.sees_online(ann.name)
    pest.does("Send a message", to=ann.name)
    pest.says("hello?")
    pest.reads("hello?")
    pest.does("Add friend", to=ann.name)
    pest.is_told("Friend request sent to bl_ann")
    pest.does("Invite into my party", to=ann.name)
    pest.is_told("bl_ann is invited into your party")
    # A fence: what the pest said before it has been dealt with by the time that the answer to it arrives.
    pest.opens_chat("Lobby")
    pest.says("a word to the lobby")
    third.reads("a word to the lobby")
    third.says("an answer to it")
    ann.reads("an answer to it")
    assert "a word to the lobby" not in ann.lines()
    assert ann.page.locator("#chat-tabs button", has_text=pest.name).count() == 0
    assert ann.page.locator(".question").count() == 0
    assert ann.page.locator("#requests li").count() == 0
    assert ann.page.locator("#notifications-count").is_hidden()
    ann.page.locator("#blocks-fold summary").click()
    ann.page.locator("#blocks button", has_text=pest.name).click()
    ann.page.get_by_role("button", name="Unblock").click()
    ann.is_told("bl_pest is not blocked any more")
    pest.opens_chat(ann.name)
    pest.says("and now?")
    ann.opens_chat(pest.name)
    ann.reads("and now?")


def test_announcement_reaches_everybody_and_stays_closed_once_it_is(crowd: Crowd) -> None:
    ann = crowd.person("an_ann", size=PHONE)
    admin = token_of(crowd.server, 900, "root", role="admin")
    body = {"title": "Maintenance", "body": "The server restarts at noon."}
    assert call(crowd.server, "POST", "/api/announcements", body, token=admin).status == 201
    ann.page.get_by_text("The server restarts at noon.").wait_for()
    late = crowd.person("an_late")
    late.page.get_by_text("The server restarts at noon.").wait_for()
    late.page.get_by_role("button", name="Close the announcement").click()
    late.page.reload()
    late.is_connected()
    assert late.page.locator("#announcement").is_hidden()


@pytest.mark.parametrize("address", ["/", "/?features=none"])
def test_reload_in_the_middle_of_everything_loses_nothing(crowd: Crowd, address: str) -> None:
    kind = "base" if "none" in address else "all"
    ann, bob = crowd.person(f"re_ann_{kind}", address=address), crowd.person(f"re_bob_{kind}")
    mode = f"siege {kind}"
    ann.create_room(mode)
    bob.join(mode)
    bob.is_in_room(mode)
    ann.sees_online(bob.name)
    ann.does("Invite into my party", to=bob.name)
    bob.answers("invites you into a party", "Join")
    ann.page.locator("#party-size", has_text="2/8").wait_for()
    ann.says(f"before the reload, {kind}")
    ann.reads(f"before the reload, {kind}")
    for person in (ann, bob):
        for _ in range(2):
            person.page.reload()
            person.is_connected()
            person.is_in_room(mode)
            person.page.locator("#party-size", has_text="2/8").wait_for()
            person.reads(f"before the reload, {kind}")
            person.room(mode).wait_for()
    for person in (ann, bob):
        person.sees_members(ann.name, bob.name, in_order=False)
