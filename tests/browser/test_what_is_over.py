"""What is over is not shown as if it went on, and what goes on is not taken away."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import Crowd
from tests.browser.test_client_rules import AT, PlayedServer, wait_until_page

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
        played.answers = {"/api/notifications": page_of(newest)}
        if more:
            page.locator("#notifications-button").click()
            page.locator("#notifications-more").click()
        else:
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
    played.sockets[0].close(code=1012, reason="")
    wait_until_page(played.page, lambda: played.phase() == "waiting")
    played.pass_s(5.1)
    played.is_connected()
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
    page.locator(".toast", has_text="eve is kicked").wait_for()
    assert page.locator(".toast", has_text="bob is kicked").count() == 0


INVITED = {"id": 5, "kind": "match_invite", "title": "Match invitation", "body": "", "ts": AT, "room_id": "r"}
READ = {"/api/notifications": {"notifications": [{**INVITED, "is_read": True}]}}


def invited(crowd: Crowd) -> PlayedServer:
    """Somebody is asked into a room, and has the notification of that."""
    played = PlayedServer(crowd)
    played.is_connected()
    played.answers = {"/api/notifications": {"notifications": [{**INVITED, "is_read": False}]}}
    invite = {"room_id": "r", "from_user_id": 9, "from_username": "bob", "gamemode": "duel"}
    played.say(played.sockets[0], "match_invite", invite)
    look_up_again(played)
    played.page.locator("#notifications-items [data-part=join]").wait_for(state="attached")
    assert played.page.locator(".question", has_text="bob invites you into a room").is_visible()
    return played


def come_back(played: PlayedServer) -> None:
    played.sockets[-1].close(code=1012, reason="")
    wait_until_page(played.page, lambda: played.phase() == "waiting")
    played.pass_s(5.1)
    played.is_connected()


def test_question_of_an_invitation_into_a_room_that_ended_while_the_page_was_away_goes(crowd: Crowd) -> None:
    played = invited(crowd)
    played.answers = READ
    come_back(played)
    played.page.locator(".question").wait_for(state="detached")


@pytest.mark.parametrize("where", ["on this page", "on another device"])
def test_question_of_an_invitation_that_stands_outlives_that_its_notification_is_read(crowd: Crowd, where: str) -> None:
    played = invited(crowd)
    page = played.page
    if where == "on this page":
        page.locator("#notifications-button").click()
        page.locator("#notifications-items [data-part=read]").click()
        page.locator("#notifications-close").click()
    else:
        played.say(played.sockets[0], "notification_read", {"id": 5})
    page.locator("#notifications-items .unread").wait_for(state="detached")
    for newest in (6, 7):  # something else comes, before the connection is lost and after
        other = {
            "id": newest,
            "kind": "friend_accepted",
            "title": f"News {newest}",
            "body": "",
            "ts": AT,
            "is_read": True,
        }
        told = {"notifications": [{**other, "room_id": None}, {**INVITED, "is_read": True}]}
        played.answers = {"/api/notifications": told}
        if newest == 6:
            look_up_again(played)
        else:
            come_back(played)
        page.locator("#notifications-items", has_text=f"News {newest}").wait_for(state="attached")
    assert page.locator(".question", has_text="bob invites you into a room").is_visible()
