"""An operations page with something in each of its lists, and with the nodes of a lobby that has several."""

from __future__ import annotations

import json
import zlib
from typing import Any

from tests.browser.conftest import Crowd
from tests.browser.people import PASSWORD
from tests.browser.test_ops_page import admin_token, open_ops
from tests.process.clients import call, token_of

LONG = "a_room_whose_name_is_as_long_as_a_name_may_be_and_without_a_blank"[:64]
NODES = [
    {"name": f"node-{number}", "role": "leads" if number == 1 else "follows", "version": "1.0.0", "sessions": sessions,
     "lag_entries": 3, "lag_ms": 12, "waiting": 0}
    for number, sessions in ((1, 1200), (2, 800), (3, None))
]  # fmt: skip
"""The last one is not heard of."""


def says(page: Any, where: str, sentence: str) -> None:
    """In words, where somebody who has just pressed looks; and nothing is busy any more."""
    page.locator(where, has_text=sentence).wait_for()
    page.wait_for_function("() => document.querySelector('button[aria-busy]') === null")


def make_work(crowd: Crowd, prefix: str) -> str:
    """Two accounts, one of which is banned and one reported, and rooms of both kinds; the token of an administrator."""
    server, boss = crowd.server, admin_token(crowd)
    tokens = {}
    for name in (f"{prefix}_bad", f"{prefix}_rude"):
        made = call(server, "POST", "/api/auth/register", {"username": name, "password": PASSWORD})
        assert made.status == 201, made
        tokens[name] = made.body["token"]
    rooms = (
        {"gamemode": f"{prefix} race"},
        {"gamemode": "duel", "isPublic": False, "name": f"{prefix} den"},
        {"gamemode": LONG, "isPublic": False, "name": LONG},
    )
    first_id = 7_000_000 + zlib.crc32(prefix.encode()) % 1_000_000 * 10
    for at, wish in enumerate(rooms):
        host = token_of(server, first_id + at, f"{prefix}_h{at}")
        assert call(server, "POST", "/api/rooms", wish, token=host).status == 201
    report = {"username": f"{prefix}_rude", "text": f"said {LONG}"}
    deeds = (
        ("/api/reports", report, tokens[f"{prefix}_bad"], 201),
        ("/api/admin/kicks", {"username": f"{prefix}_rude", "reason": "mind your words"}, boss, 200),
        ("/api/admin/bans", {"username": f"{prefix}_bad", "reason": "spam", "ends_in_s": None}, boss, 201),
    )
    for path, body, token, status in deeds:
        assert call(server, "POST", path, body, token=token).status == status, path
    return boss


def open_busy_ops(crowd: Crowd, prefix: str, **look: Any) -> Any:
    """The page with all of that on it, and its fold open."""
    page = open_ops(crowd, make_work(crowd, prefix), **look)
    page.locator("#admin-bans li", has_text=f"{prefix}_bad").wait_for()
    for name in ("settings", "reports", "rooms", "audit"):
        page.locator(f"#admin-{name} li").first.wait_for(state="attached")
    page.locator("#admin summary").click()
    return page


def open_ops_of_nodes(crowd: Crowd, **look: Any) -> Any:
    """The page of a lobby of three nodes, which the test plays."""
    page = crowd.page("/ops", **look)

    def opened(socket: Any) -> None:
        def say(type_: str, **data: Any) -> None:
            socket.send(json.dumps({"type": type_, "data": data}))

        def take(text: str) -> None:
            if json.loads(text)["type"] == "handshake":
                say("handshake_accepted", peer_id=0, user_id=900, username="root")
                say("ops_nodes", nodes=NODES)

        socket.on_message(take)

    page.route_web_socket("**/ops/socket", opened)
    page.locator("#token").fill(admin_token(crowd))
    page.locator("#token-form button").click()
    page.locator("#node-rows tr").nth(len(NODES) - 1).wait_for()
    return page
