"""A list is not said to be empty before it is known to be."""

from __future__ import annotations

from typing import Any

from tests.browser.conftest import Crowd
from tests.browser.test_client_rules import NOTHING, PlayedServer, wait_until_page

EMPTY = {
    "friends-none": "friends", "party-none": "parties/mine", "chat-none": "chat/lobby",
    "notifications-none": "notifications", "sign-ins-none": "auth/sign-ins",
}  # fmt: skip
"""The sentence that says so, and the call that tells."""
ACCOUNT = {"user": {"id": 7, "username": "ann"}, "is_here": True, "sends_mail": False, "whereabouts": "friends"}


def test_nothing_is_said_to_be_empty_until_the_server_has_answered(crowd: Crowd) -> None:
    played = PlayedServer(crowd)
    played.is_connected()
    page = played.page
    played.answers = {"/api/account": ACCOUNT}
    held: list[Any] = []
    for path in EMPTY.values():
        page.route(f"**/api/{path}", lambda route: held.append(route))
    page.reload()
    wait_until_page(page, lambda: len(played.sockets) == 2)
    played.is_connected()
    page.locator("#account-button").click()
    wait_until_page(page, lambda: len(held) == len(EMPTY))
    played.pass_s(0.1)
    said = "ids => ids.filter(id => !document.getElementById(id).hidden)"
    assert page.evaluate(said, list(EMPTY)) == []
    for route in held:
        route.fulfill(json=NOTHING)
    page.wait_for_function("ids => ids.every(id => !document.getElementById(id).hidden)", arg=list(EMPTY))
