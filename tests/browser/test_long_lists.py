"""The page is as tall as what can be seen on it, however many there are of anything."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Crowd
from tests.browser.test_client_rules import AT, PlayedServer, room, wait_until_page

SIZES = {"phone": (390, 844), "tablet": (768, 1024), "desktop": (1440, 900)}
MARGIN_PX = 40
"""The space below the last panel."""
EMPTINESS = """() => {
    const seen = [...document.querySelectorAll("body > *, .panel")].filter((element) => element.checkVisibility());
    const bottoms = seen.filter((element) => !element.matches("#inside, #toasts, #spoken, dialog"))
        .map((element) => element.getBoundingClientRect().bottom + scrollY);
    return document.scrollingElement.scrollHeight - Math.max(innerHeight, ...bottoms);
}"""
"""How many pixels the page scrolls beyond the last thing that can be seen on it."""
LEAVING = """() => [...document.querySelectorAll("ul, .log, .panel, .column")]
    .filter((list) => list.checkVisibility() && list.scrollHeight > list.clientHeight + 2)
    .filter((list) => !list.matches("ul, .log") || getComputedStyle(list).overflowY === "visible")
    .map((list) => list.id || list.className)"""
"""Lists taller than their own box that do not scroll; panels and columns that do not hold all that is in them."""


def answers(count: int) -> dict[str, dict[str, Any]]:
    """To each question of the page: `count` of everything, as far as there may be so many."""
    people = [{"user_id": 100 + at, "username": f"player_{at}"} for at in range(count)]
    asking = [
        {"request_id": at, "from_user_id": 900 + at, "from_username": f"asking_{at}", "to_username": f"asked_{at}"}
        for at in range(count)
    ]
    kept = {"kind": "friend_request", "body": "body", "ts": AT, "is_read": False, "room_id": None}
    told = [{**kept, "id": at + 1, "title": f"title {at}"} for at in range(count)]
    line = {"channel": "lobby", "from_user_id": 100, "from_username": "player_0", "ts": AT}
    said = [{**line, "id": at + 1, "text": f"line {at}"} for at in range(count)]
    members = [{**person, "is_online": True} for person in people[:8]]
    party = {"id": "p", "leader_user_id": 7, "max_members": 8, "members": members, "invited": people}
    return {
        "/api/rooms/invites": {"invites": invites(count)},  # is asked for at any time, as blocks are told
        "/api/users/online": {"users": people},
        "/api/friends": {
            "friends": [{**person, "is_online": True, "since": AT} for person in people],
            "incoming": asking,
            "outgoing": [{**request, "request_id": 10_000 + request["request_id"]} for request in asking],
        },
        "/api/blocks": {
            "blocks": [{"user_id": 20_000 + at, "username": f"blocked_{at}", "since": AT} for at in range(count)]
        },
        "/api/parties/mine": {"party": party if count else None, "invites": []},
        "/api/notifications": {"notifications": told, "has_more": False},
        "/api/chat/lobby": {"messages": said, "has_more": False},
    }


def invites(count: int) -> list[dict[str, Any]]:
    return [
        {"room_id": f"{at}", "from_user_id": 1, "from_username": f"player_{at}", "gamemode": "siege"}
        for at in range(min(count, 60))
    ]


def page_with(crowd: Crowd, count: int) -> PlayedServer:
    played = PlayedServer(crowd)
    played.is_connected()
    played.answers = answers(count)
    rooms = [room(f"room {at}") for at in range(count)]
    played.page.route("**/api/rooms", lambda route: route.fulfill(json={"count": count, "rooms": rooms}))
    played.page.reload()
    wait_until_page(played.page, lambda: len(played.sockets) == 2)
    played.is_connected()
    socket = played.sockets[1]
    members = [{"peerId": at, "name": f"player_{at}", "isHost": at == 1} for at in range(1, min(count, 64) + 1)]
    if members:
        joined = {"roomId": "room 1", "peerId": 1, "members": members, "gamemode": "room 1", "mapName": None}
        played.say(socket, "room_joined", joined)
    for at in range(count):
        played.say(socket, "chat", {"from": 1, "fromName": "player_1", "text": f"line {at}"})
        line = {"channel": f"user:{100 + at}", "from_user_id": 100 + at, "from_username": f"player_{at}"}
        played.say(socket, "chat_message", {**line, "id": 5000 + at, "text": "hello", "ts": AT})
    for invited in invites(count):
        played.say(socket, "match_invite", invited)
    shown = {
        "online": min(count, 100),
        "rooms": count,
        "friends": count,
        "chat-lines": count,
        "notifications-items": count,
    }
    shown |= {
        "chat-tabs": count + (2 if count else 1),
        "my-room-log": min(count, 200),
        "questions": min(count, 60),
        "blocks": count,
    }
    counts = "ids => Object.fromEntries(ids.map((id) => [id, document.getElementById(id).childElementCount]))"
    found: dict[str, int] = {}

    def is_drawn() -> bool:
        played.pass_s(0.1)
        found.update(played.page.evaluate(counts, list(shown)))
        return found == shown

    try:
        wait_until_page(played.page, is_drawn)
    except AssertionError:
        assert found == shown
    played.stand_still()  # or silence would end the connection
    return played


@pytest.mark.parametrize("count", [0, 15, 60, 300])
def test_page_ends_with_what_can_be_seen_on_it(crowd: Crowd, count: int, tmp_path: Path) -> None:
    folder = Path(os.environ.get("LOBBY_TEST_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    page = page_with(crowd, count).page
    for kind, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        for view in ("rooms", "chat", "people") if page.locator("#views").is_visible() else ("",):
            if view:
                page.locator(f"#views [data-view={view}]").click()
            page.evaluate("() => scrollTo(0, 0)")
            page.screenshot(path=folder / f"long-lists-{count}-{kind}{view and '-' + view}.png")
            assert page.evaluate(EMPTINESS) <= MARGIN_PX, (kind, view)
            assert page.evaluate(LEAVING) == [], (kind, view)
            assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
        before = page.evaluate("document.scrollingElement.scrollHeight")
        page.locator("#notifications-button").click()
        page.screenshot(path=folder / f"long-lists-{count}-{kind}-notifications.png")
        box = page.locator("#notifications article").bounding_box()
        assert 0 <= box["y"] <= box["y"] + box["height"] <= height
        assert page.evaluate("document.scrollingElement.scrollHeight") <= before
        page.keyboard.press("Escape")
