"""What is over is not shown as if it went on, and what goes on is not taken away."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import Crowd
from tests.browser.people import Person
from tests.browser.test_client_rules import AT, NOTHING, PlayedServer, room, wait_until_page
from tests.browser.test_ops_page import admin_token
from tests.process.clients import call

ACCEPTED = {"user_id": 3, "username": "bob"}


def page_of(newest: int, *, count: int = 50) -> dict[str, Any]:
    """An answer to the question for notifications, of which there are older ones."""
    kept = {"kind": "friend_accepted", "body": "body", "ts": AT, "is_read": True, "room_id": None}
    told = [{**kept, "id": id_, "title": f"title {id_}"} for id_ in range(newest, newest - count, -1)]
    return {"unread": 0, "has_more": True, "notifications": told}


def look_up_again(played: PlayedServer) -> None:
    """The page asks for the newest notifications, within two seconds."""
    played.say(played.sockets[0], "friend_accepted", ACCEPTED)
    played.page.evaluate("() => 0")
    played.pass_s(2.1)


def test_older_notifications_that_were_asked_for_stay_when_the_newest_are_looked_up_again(crowd: Crowd) -> None:
    played = PlayedServer(crowd)
    played.is_connected()
    page, items = played.page, played.page.locator("#notifications-items li")
    for newest, more in ((150, False), (100, True), (151, False)):
        if more:
            played.answers["/api/notifications?before"] = page_of(newest)
            page.locator("#notifications-button").click()
            page.locator("#notifications-more").click()
        else:
            played.answers = {"/api/notifications": page_of(newest)}
            look_up_again(played)
        items.get_by_text(f"title {newest}", exact=True).wait_for(state="attached")
    assert (items.count(), page.locator("#notifications-more").is_visible()) == (101, True)


def test_newest_notifications_take_the_place_of_all_where_some_between_may_be_missing(crowd: Crowd) -> None:
    played = PlayedServer(crowd)
    played.is_connected()
    items = played.page.locator("#notifications-items li")
    for newest in (150, 250):
        played.answers = {"/api/notifications": page_of(newest)}
        look_up_again(played)
        items.get_by_text(f"title {newest}", exact=True).wait_for(state="attached")
    assert items.count() == 50


def test_question_of_a_friend_request_that_ended_while_the_page_was_away_goes(crowd: Crowd) -> None:
    played = PlayedServer(crowd)
    played.is_connected()
    request = {"request_id": 1, "from_user_id": 9, "from_username": "bob", "to_user_id": 7}
    played.answers = {"/api/friends": {"incoming": [{**request, "to_username": "ann"}]}}
    played.say(played.sockets[0], "friend_request", request)
    played.page.locator("#requests li", has_text="bob").wait_for()
    played.page.locator(".question", has_text="bob wants to be your friend").wait_for()
    played.answers = {}
    come_back(played)
    played.page.locator(".question").wait_for(state="detached")


def test_kick_that_was_refused_is_not_told_when_its_player_leaves_later(crowd: Crowd) -> None:
    played = PlayedServer(crowd)
    played.is_connected()
    page, socket = played.page, played.sockets[0]
    names = ("ann", "bob", "eve")
    members = [{"peerId": at, "name": name, "isHost": at == 1} for at, name in enumerate(names, 1)]
    joined = {"roomId": "r", "peerId": 1, "members": members, "gamemode": "duel", "mapName": None}
    played.say(socket, "room_joined", joined)
    for peer_id, name, is_refused in ((2, "bob", True), (3, "eve", False)):
        page.get_by_role("button", name=f"Kick {name} from the room").click()
        kick = {"type": "kick", "data": {"peerId": peer_id}}
        wait_until_page(page, lambda kick=kick: kick in played.heard)
        if is_refused:
            played.say(socket, "error", {"reason": "not_host"})
        played.say(socket, "peer_left", {"peerId": peer_id})
        page.locator("#my-room-members li", has_text=name).wait_for(state="detached")
    ann = Person(page, "ann")
    ann.is_told("eve is kicked")
    assert not any("bob is kicked" in told for told in ann.told())


INVITE = {"room_id": "r", "from_user_id": 9, "from_username": "bob", "gamemode": "duel"}
INVITED = {"id": 5, "kind": "match_invite", "title": "Match invitation", "body": "", "ts": AT, "room_id": "r"}
ASKED = "bob invites you into a room: duel."
OF_CAT = {**INVITE, "from_user_id": 10, "from_username": "cat"}
"""Another one into the same room."""
ASKED_BY_CAT = "cat invites you into a room: duel."
NEXT = {**OF_CAT, "room_id": "s", "gamemode": "siege"}
ASKED_NEXT = "cat invites you into a room: siege."


def now(*invites: dict[str, Any], is_read: bool) -> dict[str, dict[str, Any]]:
    """What the server answers: the invitations that stand, and whether the notification of the first one is read."""
    return {
        "/api/rooms/invites": {"invites": list(invites)},
        "/api/notifications": {"notifications": [{**INVITED, "is_read": is_read}]},
    }


def come_back_to_more(played: PlayedServer) -> None:
    """The invitation stands and its notification is read; one more of each shows that the page has both answers."""
    played.answers = now(INVITE, NEXT, is_read=True)
    told = {**INVITED, "id": 6, "kind": "friend_accepted", "title": "One more", "room_id": None, "is_read": True}
    played.answers["/api/notifications"]["notifications"].append(told)
    come_back(played)
    played.page.locator("#notifications-items li", has_text="One more").wait_for(state="attached")
    wait_until_page(played.page, lambda: ASKED_NEXT in questions(played))


def invited(crowd: Crowd) -> PlayedServer:
    """Somebody is asked into a room, and has the notification of that."""
    played = PlayedServer(crowd)
    played.is_connected()
    played.answers = now(INVITE, is_read=False)
    played.say(played.sockets[0], "match_invite", INVITE)
    look_up_again(played)
    played.page.locator("#notifications-items .unread [data-part=join]:not([hidden])").wait_for(state="attached")
    assert questions(played) == [ASKED]
    return played


def questions(played: PlayedServer) -> list[str]:
    return list(played.page.locator(".question [data-part=text]").all_text_contents())


def come_back(played: PlayedServer) -> None:
    played.is_cut_off()
    played.comes_back()


def answer(played: PlayedServer, label: str) -> None:
    played.page.locator(".question").get_by_role("button", name=label, exact=True).click()


def can_join_from_notification(played: PlayedServer) -> bool:
    return played.page.locator("#notifications-items [data-part=join]:not([hidden])").count() == 1


@pytest.mark.parametrize("is_read", [True, False])
def test_invitation_into_a_room_that_ended_while_the_page_was_away_goes(crowd: Crowd, is_read: bool) -> None:
    played = invited(crowd)
    played.answers = now(is_read=is_read)
    come_back(played)
    wait_until_page(played.page, lambda: questions(played) == [])
    wait_until_page(played.page, lambda: not can_join_from_notification(played))


@pytest.mark.parametrize("where", ["on this page", "on another device", "on another device while this page was away"])
def test_invitation_into_a_room_that_stands_outlives_that_its_notification_is_read(crowd: Crowd, where: str) -> None:
    played = invited(crowd)
    page = played.page
    if where == "on this page":
        page.locator("#notifications-button").click()
        page.locator("#notifications-items [data-part=read]").click()
        page.locator("#notifications-close").click()
    elif where == "on another device":
        played.say(played.sockets[0], "notification_read", {"id": 5})
    come_back_to_more(played)
    assert page.locator("#notifications-items .unread").count() == 0
    assert sorted(questions(played)) == [ASKED, ASKED_NEXT]
    assert can_join_from_notification(played)


def test_invitation_into_a_room_that_came_while_the_page_was_away_is_asked_about(crowd: Crowd) -> None:
    played = PlayedServer(crowd)
    played.is_connected()
    played.answers = now(INVITE, is_read=True)
    come_back(played)
    wait_until_page(played.page, lambda: questions(played) == [ASKED])


def test_invitation_that_is_put_off_is_asked_about_no_more_and_can_be_taken_up_later(crowd: Crowd) -> None:
    played = invited(crowd)
    answer(played, "Not now")
    come_back_to_more(played)
    assert (questions(played), can_join_from_notification(played)) == ([ASKED_NEXT], True)
    played.page.locator("#notifications-button").click()
    played.page.locator("#notifications-items [data-part=join]:not([hidden])").click()
    wait_until_page(played.page, lambda: "join_room" in [said["type"] for said in played.heard])
    played.say(played.sockets[-1], "match_invite", INVITE)
    wait_until_page(played.page, lambda: ASKED in questions(played))


def one_is_over(played: PlayedServer) -> None:
    """An invitation into the room ends, and the page has two seconds to look which ones stand."""
    played.say(played.sockets[0], "match_invite_closed", {"room_id": "r", "reason": "withdrawn"})
    played.page.locator("#notifications-items .unread").wait_for(state="detached")  # it has heard
    played.pass_s(2.1)


def test_end_of_one_of_two_invitations_into_a_room_leaves_the_question_of_the_other(crowd: Crowd) -> None:
    played = invited(crowd)
    played.say(played.sockets[0], "match_invite", OF_CAT)
    wait_until_page(played.page, lambda: questions(played) == [ASKED_BY_CAT])
    played.answers = now(INVITE, is_read=True)
    one_is_over(played)
    wait_until_page(played.page, lambda: questions(played) == [ASKED])


def test_end_of_an_invitation_leaves_one_into_its_room_that_the_page_has_not_heard_of(crowd: Crowd) -> None:
    played = invited(crowd)
    played.answers = now(OF_CAT, is_read=True)
    one_is_over(played)
    wait_until_page(played.page, lambda: questions(played) == [ASKED_BY_CAT])


def test_end_of_an_invitation_leaves_one_into_its_room_of_which_the_answer_is_on_its_way(crowd: Crowd) -> None:
    played = PlayedServer(crowd)
    played.is_connected()
    page = played.page
    held: list[Any] = []
    page.route(
        "**/api/rooms/invites",
        lambda route: held.append(route) if len(played.sockets) == 2 and not held else route.fallback(),
    )
    come_back(played)
    wait_until_page(page, lambda: held)
    played.answers = now(INVITE, is_read=True)
    played.say(played.sockets[1], "match_invite_closed", {"room_id": "r", "reason": "withdrawn"})
    page.evaluate("() => 0")
    held[0].fulfill(json={**NOTHING, "invites": [INVITE]})
    wait_until_page(page, lambda: questions(played) == [ASKED])


@pytest.mark.parametrize("label", ["Join", "Decline"])
def test_invitation_that_was_answered_without_a_connection_is_asked_about_still(crowd: Crowd, label: str) -> None:
    crowd.expected += ["Failed to load resource"]
    played = invited(crowd)
    played.answer_handshake = lambda socket: None
    played.sockets[-1].close(code=1012, reason="")
    wait_until_page(played.page, lambda: played.phase() != "connected")
    played.page.route("**/decline", lambda route: route.abort())
    answer(played, label)
    wait_until_page(played.page, Person(played.page, "ann").told)
    wait_until_page(played.page, lambda: questions(played) == [ASKED])


# -- rooms --------------------------------------------------------------------------------------------------------


def test_card_of_a_room_that_is_gone_or_private_now_says_so(crowd: Crowd) -> None:
    crowd.expected.append("404 (Not Found)")
    ann, bob = crowd.person("gone_ann"), crowd.person("gone_bob")
    ann.create_room("soon gone")
    bob.room("soon gone").locator("[data-part=open]").click()
    join = bob.page.locator("#room-card [data-part=join]")
    ann.page.locator("#my-room-settings").click()
    form = ann.page.locator("#room-settings-form")
    form.get_by_label("In the public list").uncheck()
    form.get_by_label("Map", exact=True).fill("Cellar")
    form.get_by_role("button", name="Save").click()
    bob.page.locator("#room-card [data-part=game]", has_text="soon gone on Cellar").wait_for()
    assert (join.text_content(), join.is_enabled()) == ("Join", True)
    bob.page.locator("#room-card [data-part=close]").click()
    ann.page.locator("#my-room-settings").click()
    form.get_by_label("In the public list").check()
    form.get_by_role("button", name="Save").click()
    bob.room("soon gone").locator("[data-part=open]").click()
    ann.page.locator("#my-room-delete").click()
    ann.confirms("Delete room")
    bob.page.locator("#room-card [data-part=join]:disabled", has_text="Gone").wait_for()


def test_host_is_told_of_the_end_of_their_room_unless_they_ended_it_on_this_page(crowd: Crowd) -> None:
    ann = crowd.person("ended_ann")
    tab = Person(crowd.page(), ann.name)
    tab.log_in()
    tab.is_connected()
    ann.create_room("ended at once")
    tab.is_in_room("ended at once")
    ann.page.locator("#my-room-delete").click()
    ann.confirms("Delete room")
    tab.is_told("Your room is gone: you have deleted it elsewhere, or an administrator has closed it.")
    ann.page.locator("#my-room").wait_for(state="hidden")
    assert ann.told() == []
    ann.create_room("ended by others")
    ann.is_in_room("ended by others")
    room_id = ann.page.locator("#rooms li.mine").get_attribute("data-id")
    path, reason = f"/api/admin/rooms/{room_id}/close", {"reason": "a test"}
    assert call(crowd.server, "POST", path, reason, token=admin_token(crowd)).status == 200
    ann.is_told("Your room is gone")


def test_host_without_features_is_not_told_that_the_host_kicked_them(crowd: Crowd) -> None:
    played = PlayedServer(crowd)
    played.is_connected()
    played.say(played.sockets[0], "room_created", {"roomId": "r", "peerId": 1, "gamemode": "duel", "mapName": None})
    played.page.locator("#my-room").wait_for()
    played.say(played.sockets[0], "kicked", {"reason": "host_kick"})
    ann = Person(played.page, "ann")
    wait_until_page(played.page, ann.told)
    assert ann.told() == ["Your room is gone: you have deleted it elsewhere, or an administrator has closed it."]


@pytest.mark.parametrize("deed", ["Start anyway", "Make host"])
def test_deed_in_a_room_is_not_done_in_another_one_that_the_user_is_in_meanwhile(crowd: Crowd, deed: str) -> None:
    played = PlayedServer(crowd, "/?features=room_state")
    played.is_connected()
    for room_id in ("first", "second"):
        members = [
            {"peerId": 1, "name": "ann", "isHost": True},
            {"peerId": 2, "name": f"of {room_id}", "isHost": False},
        ]
        joined = {"roomId": room_id, "peerId": 1, "members": members, "gamemode": room_id, "mapName": None}
        state = {
            "roomId": room_id, "code": "ABC234", "name": None, "gamemode": room_id, "mapName": None, "maxPlayers": 8,
            "isPublic": True, "isStarted": False, "hostPeerId": 1, "ready": [],
        }  # fmt: skip
        played.say(played.sockets[0], "room_joined", joined)
        played.say(played.sockets[0], "room_state", state)
        played.page.locator("#my-room-members", has_text=f"of {room_id}").wait_for()
        if room_id == "first":
            played.page.locator("#my-room-start" if deed == "Start anyway" else "[data-part=lead]:visible").click()
            played.page.locator("#confirm[open]").wait_for()
    played.page.locator("#confirm").get_by_role("button", name=deed).click()
    wait_until_page(played.page, lambda: played.calls)
    assert [path.split("/")[3] for _, path, _ in played.calls] == ["first"]


def test_age_of_a_notification_goes_on_while_it_is_read(crowd: Crowd) -> None:
    played = invited(crowd)
    page = played.page
    played.stand_still()
    page.locator("#notifications-button").click()
    for expected in ("just now", "1 min ago", "2 min ago"):
        assert page.locator("#notifications-items [data-part=age]").text_content() == expected
        played.say(played.sockets[-1], "pong", {"ts": AT})
        played.pass_s(60)


def test_bell_counts_what_is_unread_beyond_the_notifications_that_are_shown(crowd: Crowd) -> None:
    played = PlayedServer(crowd)
    played.is_connected()
    page, count = played.page, played.page.locator("#notifications-count")
    first, second = page_of(150), page_of(100)
    for each in (*first["notifications"][:3], *second["notifications"][:2]):
        each["is_read"] = False
    played.answers = {"/api/notifications": {**first, "unread": 7}}
    look_up_again(played)
    wait_until_page(page, lambda: count.text_content() == "7")
    played.answers["/api/notifications?before"] = {**second, "unread": 7}
    page.locator("#notifications-button").click()
    page.locator("#notifications-more").click()
    page.locator("#notifications-items li", has_text="title 51").first.wait_for()
    assert count.text_content() == "7"
    page.locator("#notifications-read-all").click()
    wait_until_page(page, lambda: count.text_content() == "2")


def test_what_happens_to_notifications_while_the_newest_are_looked_up_is_not_undone(crowd: Crowd) -> None:
    played = PlayedServer(crowd)
    played.is_connected()
    page = played.page
    held: list[Any] = []
    one = {"id": 1, "kind": "friend_accepted", "title": "One", "body": "", "ts": AT}
    played.say(played.sockets[0], "notification", one)
    page.locator("#notifications-count", has_text="1").wait_for()
    page.route("**/api/notifications", lambda route: held.append(route))
    look_up_again(played)
    wait_until_page(page, lambda: held)
    played.say(played.sockets[0], "notification_read", {"id": 1})
    played.say(played.sockets[0], "notification", {**one, "id": 2, "title": "Two"})
    page.locator("#notifications-items li", has_text="Two").wait_for(state="attached")
    told = [{**one, "is_read": False, "room_id": None}, {**one, "id": 0, "title": "Null", "is_read": True}]
    held.pop().fulfill(json={"unread": 1, "has_more": False, "notifications": told})
    page.locator("#notifications-items li", has_text="Null").wait_for(state="attached")
    assert page.locator("#notifications-items .unread [data-part=title]").all_text_contents() == ["Two"]


def test_notification_that_came_while_the_server_counted_is_counted_once(crowd: Crowd) -> None:
    played = PlayedServer(crowd)
    played.is_connected()
    page = played.page
    held: list[Any] = []
    page.route("**/api/notifications", lambda route: held.append(route))
    look_up_again(played)
    wait_until_page(page, lambda: held)
    one = {"id": 1, "kind": "friend_accepted", "title": "One", "body": "", "ts": AT}
    played.say(played.sockets[0], "notification", {**one, "id": 2, "title": "Two"})
    page.locator("#notifications-items li", has_text="Two").wait_for(state="attached")
    told = {**one, "is_read": False, "room_id": None}
    held[0].fulfill(json={"unread": 2, "has_more": False, "notifications": [told]})
    page.locator("#notifications-items li", has_text="One").wait_for(state="attached")
    assert page.locator("#notifications-count").text_content() == "2"


def test_ban_that_was_lifted_while_the_page_was_away_shuts_no_room(crowd: Crowd) -> None:
    played = PlayedServer(crowd)
    played.is_connected()
    played.answer_fetch([room("siege")])
    join = played.page.locator("#rooms [data-part=join]")
    join.click()
    played.say(played.sockets[0], "error", {"reason": "banned"})
    played.page.locator("#rooms [data-part=join]:disabled", has_text="Banned").wait_for()
    come_back(played)
    played.answer_fetch([room("siege")])
    wait_until_page(played.page, lambda: (join.text_content(), join.is_enabled()) == ("Join", True))


PARTY = {"id": "p", "leader_user_id": 7, "max_members": 8, "members": [], "invited": []}


def test_invitation_into_the_own_party_that_has_run_out_is_shown_no_more(crowd: Crowd) -> None:
    played = PlayedServer(crowd)
    played.is_connected()
    members = [{"user_id": 7, "username": "ann", "is_online": True}]
    party = {**PARTY, "members": members}
    guest = {"user_id": 9, "username": "bob", "expires_in_s": 30.0}
    played.answers = {"/api/parties/mine": {"party": {**party, "invited": [guest]}}}
    come_back(played)
    bob = played.page.locator("#party-invited li", has_text="bob")
    wait_until_page(played.page, lambda: bob.count() == 1)
    played.stand_still()
    played.answers = {"/api/parties/mine": {"party": party}}
    played.pass_s(15)
    assert bob.count() == 1
    played.pass_s(16)
    played.go_on()
    wait_until_page(played.page, lambda: bob.count() == 0)


def test_what_was_done_in_another_window_is_shown_when_its_user_comes_back_to_this_one(crowd: Crowd) -> None:
    ann = crowd.person("windows_ann")
    crowd.account("windows_bob")
    other = Person(crowd.page(), ann.name)
    other.log_in()
    other.is_connected()
    ann.page.locator("#party-create").click()
    ann.page.locator("#party-in").wait_for()
    ann.page.locator("#friend-form input").fill("windows_bob")
    ann.page.locator("#friend-form button").click()
    ann.page.locator("#requests li", has_text="windows_bob").wait_for()
    other.page.evaluate("() => dispatchEvent(new Event('focus'))")
    other.page.locator("#party-in").wait_for()
    other.page.locator("#requests li", has_text="windows_bob has not answered yet").wait_for()
