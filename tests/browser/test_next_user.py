"""Another user logs in in the tab of one before: nothing of the first is seen, said or done any more."""

from __future__ import annotations

from typing import Any

from tests.browser.conftest import Crowd
from tests.browser.test_client_rules import AT, NOTHING, PlayedServer, wait_until_page
from tests.browser.test_ops_admin import as_administrator
from tests.browser.test_ops_page import admin_token, open_ops
from tests.process.clients import call

EVE = {"token": "the token of eve", "user": {"id": 8, "username": "eve"}}
"""Who logs in after ann."""
LATE = ("auth/sign-ins", "account", "notifications?before=*", "auth/refresh", "rooms/r/bans")
"""Calls of ann that are answered once eve is in."""
SIGN_IN = {"id": "s", "client": "the phone of ann", "used_at": "2026-01-01T00:00:00Z", "is_current": True}
NOTICE = {
    "id": 50, "kind": "direct_message", "title": "Message from bob", "body": "for ann alone", "ts": AT,
    "is_read": False,
}  # fmt: skip
OF_ANN: dict[str, Any] = {
    "/api/auth/sign-ins": {"sign_ins": [SIGN_IN]},
    "/api/account": {
        "user": {"id": 7, "username": "ann", "email": "ann@example.org"},
        "is_here": True, "sends_mail": True, "email_confirmed": True, "whereabouts": "nobody",
    },
    "/api/notifications": {"notifications": [NOTICE]},
    "/api/auth/refresh": {"token": "a fresh token of ann"},
    "/api/rooms/r/bans": {"bans": [{"user_id": 33, "username": "banned_by_ann"}]},
    "/api/rooms": {"success": True, "room": {"id": "made-by-ann"}},
}  # fmt: skip


def hold(played: PlayedServer) -> list[Any]:
    """From now on those calls wait."""
    held: list[Any] = []
    for path in LATE:
        played.page.route(f"**/api/{path}", lambda route: held.append(route))
    played.page.route(
        "**/api/rooms", lambda route: held.append(route) if route.request.method == "POST" else route.fallback()
    )
    return held


def logs_in_after(played: PlayedServer) -> None:
    """Ann's login has ended, and eve's begins."""
    played.sockets[-1].close(code=4502, reason="")
    page = played.page
    page.locator("#door-news:not(:empty)").wait_for()
    played.answers["/api/auth/login"] = EVE
    page.locator("#login-username").fill("eve")
    page.locator("#login-password").fill("a good password")
    page.get_by_role("button", name="Log in", exact=True).click()
    page.locator("#my-name", has_text="eve").wait_for()
    played.is_connected()


def test_answers_to_the_user_before_are_nobodys(crowd: Crowd) -> None:
    played = PlayedServer(crowd)
    played.answers = {"/api/notifications": {"notifications": [{**NOTICE, "id": 90, "body": "new"}], "has_more": True}}
    played.page.reload()
    wait_until_page(played.page, lambda: len(played.sockets) == 2)
    played.is_connected()
    page = played.page
    held = hold(played)
    joined = {"roomId": "r", "peerId": 1, "gamemode": "duel", "mapName": None}
    members = [{"peerId": 1, "name": "ann", "isHost": True}]
    played.say(played.sockets[1], "room_joined", {**joined, "members": members})
    settings = {"name": None, "maxPlayers": 8, "isPublic": True, "code": "ABC234"}
    stage = {"isStarted": False, "hostPeerId": 1, "ready": []}
    played.say(played.sockets[1], "room_state", {**joined, **settings, **stage})
    page.locator("#my-room-bans-fold summary").click()
    played.say(played.sockets[1], "token_expiring", {"in_s": 60})
    page.locator("#create-room-fold summary").click()
    page.locator("#create-room [name=gamemode]").fill("duel")
    page.get_by_role("button", name="Create", exact=True).click()
    page.locator("#notifications-button").click()
    page.locator("#notifications-more").click()
    page.keyboard.press("Escape")
    page.locator("#account-button").click()
    wait_until_page(page, lambda: len(held) == len(LATE) + 1)
    played.stand_still()  # none of them is given up
    played.answers = {}
    logs_in_after(played)
    said = len(played.heard)
    for route in held:
        path = route.request.url.partition("//")[2].partition("/")[2].partition("?")[0]
        with page.expect_event("requestfinished", lambda done, route=route: done.url == route.request.url):
            route.fulfill(json={**NOTHING, **OF_ANN[f"/{path}"]})
    held.clear()
    page.locator("#account-button").click()
    page.locator("#account[open]").wait_for()
    played.pass_s(0.1)
    assert page.locator("#account-name").text_content() == "eve"
    text = page.locator("body").evaluate("body => body.textContent")
    for words in ("the phone of ann", "ann@example.org", "for ann alone", "banned_by_ann"):
        assert words not in text
    assert page.locator("#whereabouts").input_value() != "nobody"
    assert page.evaluate("sessionStorage.getItem('lobby.room')") is None
    assert page.evaluate("JSON.parse(sessionStorage.getItem('lobby.login')).token") == EVE["token"]
    assert "create_room" not in [message["type"] for message in played.heard[said:]]
    assert page.locator(".toast").count() == 0


def test_nothing_is_open_typed_or_said_that_the_user_before_has_left(crowd: Crowd) -> None:
    played = PlayedServer(crowd)
    played.is_connected()
    page, socket = played.page, played.sockets[0]
    request = {"request_id": 1, "from_user_id": 9, "from_username": "bob", "to_user_id": 7}
    played.say(socket, "friend_request", request)
    page.locator("#spoken", has_text="bob wants to be your friend").wait_for(state="attached")
    page.locator("#rooms-search").fill("a room of ann's")
    page.locator("#create-room-fold summary").click()
    played.say(socket, "user_online", {"user_id": 9, "username": "bob"})
    page.locator("#online button", has_text="bob").click()
    page.get_by_role("button", name="Report").click()
    page.locator("#report textarea").fill("what ann has to tell")
    page.keyboard.press("Escape")
    page.locator("#online button", has_text="bob").click()
    page.get_by_role("button", name="Block").click()
    page.locator("#confirm[open]").wait_for()
    played.sockets[0].close(code=4502, reason="")
    page.locator("#door-news:not(:empty)").wait_for()
    assert page.evaluate("document.activeElement.id") == "login-username"
    assert page.locator("dialog[open]").count() == 0
    assert page.locator("#spoken").text_content() == ""
    assert page.locator("#rooms-search").input_value() == ""
    assert page.locator("#report textarea").input_value() == ""
    assert page.locator("#create-room-fold[open]").count() == 0
    assert played.calls == []


def test_administrator_who_logs_out_leaves_no_login_and_nothing_typed(crowd: Crowd) -> None:
    crowd.expected.append("403 (Forbidden)")
    page = as_administrator(crowd, "left_boss")
    token = page.evaluate("JSON.parse(sessionStorage.getItem('lobby.ops')).token")
    page.locator("#admin-player [name=username]").fill("somebody")
    page.locator("#admin-player [name=reason]").fill("nobody else's business")
    page.locator("#admin-player button[value=ban]").click()
    page.locator("#confirm[open]").wait_for()
    page.locator("#log-out").evaluate("button => button.click()")
    page.locator("#door").wait_for()
    assert page.evaluate("document.activeElement.id") == "admin-username"
    assert page.locator("dialog[open]").count() == 0
    assert page.locator("#admin-player [name=reason]").input_value() == ""
    is_valid = """async token => {
        const answer = await fetch("api/auth/verify", { headers: { Authorization: `Bearer ${token}` } });
        return (await answer.json()).valid;
    }"""
    wait_until_page(page, lambda: page.evaluate(is_valid, token) is False)


def test_token_that_was_pasted_is_forgotten_and_goes_on_elsewhere(crowd: Crowd) -> None:
    token = admin_token(crowd)
    page = open_ops(crowd, token)
    page.get_by_role("button", name="Forget the token").click()
    page.locator("#door").wait_for()
    assert page.evaluate("sessionStorage.getItem('lobby.ops')") is None
    assert call(crowd.server, "GET", "/api/auth/verify", token=token).status == 200
