"""A list is not said to be empty before it is known to be, and what is not known is asked again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import Crowd
from tests.browser.test_client_rules import AT, NOTHING, PlayedServer, room, wait_until_page
from tests.browser.test_what_is_over import come_back

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
    counts = (
        "() => [...document.querySelectorAll('.count[id]:not([hidden])')].filter((count) => count.textContent !== '')"
    )
    assert page.evaluate(f"({counts})().map((count) => count.id)") == ["online-count"]  # which is known
    for route in held:
        route.fulfill(json=NOTHING)
    page.wait_for_function("ids => ids.every(id => !document.getElementById(id).hidden)", arg=list(EMPTY))


ASKED_AGAIN = (
    "users/online",
    "friends",
    "friends/rooms",
    "parties/mine",
    "notifications",
    "rooms/invites",
    "rooms",
    "chat/lobby",
)


@pytest.mark.parametrize("status", [None, 503])
def test_what_the_server_could_not_tell_is_asked_again_until_it_can(crowd: Crowd, status: int | None) -> None:
    crowd.expected += ["Failed to load resource", "ERR_FAILED"]
    played = PlayedServer(crowd)
    played.is_connected()
    page, refused = played.page, dict.fromkeys(ASKED_AGAIN, 0)

    def refuse(path: str) -> Callable[[Any], None]:
        def answer(route: Any) -> None:
            refused[path] += 1
            if status is None:
                route.abort()
            else:
                route.fulfill(status=status, json={"error": "", "code": "try_again_later"})

        return answer

    routes = {path: refuse(path) for path in ASKED_AGAIN}
    for path, answer in routes.items():
        page.route(f"**/api/{path}", answer)
    come_back(played)
    for _ in range(2):  # pauses of at most 5 s, then of at most 10 s
        wait_until_page(page, lambda: min(refused.values()) > 0)
        refused.update(dict.fromkeys(ASKED_AGAIN, 0))
        played.pass_s(10.1)
    for path, answer in routes.items():
        page.unroute(f"**/api/{path}", answer)
    bob = {"user_id": 9, "username": "bob", "is_online": True, "since": "2026-01-01T00:00:00.000Z"}
    line = {"id": 1, "channel": "lobby", "from_user_id": 9, "from_username": "bob", "text": "missed", "ts": AT}
    played.answers = {
        "/api/users/online": {"users": [bob]},
        "/api/friends": {"friends": [bob]},
        "/api/chat/lobby": {"messages": [line]},
    }
    places = {"#online": "bob", "#friends": "bob", "#chat-lines": "bob", "#rooms": "found again"}

    def is_all_there() -> bool:
        played.say(played.sockets[-1], "pong", {"ts": AT})  # or time would end the connection
        played.pass_s(10)
        while played.fetches:
            played.answer_fetch([room("found again")])
        return all(page.locator(f"{place} li", has_text=text).count() > 0 for place, text in places.items())

    wait_until_page(page, is_all_there)


RECORD = """path => {
    window.ended = []; // fetches, by when they began
    window.isAsking = false;
    const asked = window.fetch;
    window.fetch = async (address, options) => {
        const atMs = performance.now();
        if (address === path) window.isAsking = true;
        try {
            return await asked(address, options);
        } finally {
            if (address === path) {
                window.isAsking = false;
                window.ended.push(atMs);
            }
        }
    };
}"""
SOON_MS = 10_000
"""Above the 5 s within which a page asks again at first; a pause after five failures lasts 30 s at least."""


def fetched(played: PlayedServer, count: int) -> float:
    """When the last of so many fetches began, on the page's clock, which stands still while one is answered."""
    played.stand_still()

    def are_there() -> bool:
        played.say(played.sockets[-1], "pong", {"ts": AT})  # or time would end the connection
        if not played.page.evaluate("isAsking"):
            played.pass_s(1)
        return bool(played.page.evaluate("count => ended.length >= count", count))

    wait_until_page(played.page, are_there)
    return float(played.page.evaluate("count => ended[count - 1]", count))


def refuse_five_times(played: PlayedServer, path: str) -> None:
    played.page.evaluate(RECORD, path)
    played.page.route(f"**/{path}", lambda route: route.abort())
    come_back(played)
    fetched(played, 5)


def test_change_that_is_told_between_two_tries_is_fetched_as_soon_as_any(crowd: Crowd) -> None:
    crowd.expected += ["Failed to load resource"]
    played = PlayedServer(crowd)
    played.is_connected()
    refuse_five_times(played, "api/notifications")
    played.page.unroute("**/api/notifications")
    told_at = played.page.evaluate("performance.now()")
    played.say(played.sockets[-1], "friend_accepted", {"user_id": 3, "username": "bob"})
    assert fetched(played, 6) - told_at < SOON_MS


def test_history_that_is_refused_after_a_return_is_asked_for_again_as_soon_as_at_first(crowd: Crowd) -> None:
    crowd.expected += ["Failed to load resource"]
    played = PlayedServer(crowd)
    played.is_connected()
    refuse_five_times(played, "api/chat/lobby")
    come_back(played)
    assert fetched(played, 7) - fetched(played, 6) < SOON_MS


def test_lobby_that_is_shown_in_place_of_a_party_that_is_gone_lacks_no_line(crowd: Crowd) -> None:
    played = PlayedServer(crowd)
    played.is_connected()
    ann = {"user_id": 7, "username": "ann", "is_online": True}
    party = {"id": "p", "leader_user_id": 7, "max_members": 8, "members": [ann], "invited": []}
    line = {"id": 1, "channel": "lobby", "from_user_id": 9, "from_username": "bob", "text": "heard", "ts": AT}
    played.answers = {"/api/parties/mine": {"party": party}}
    come_back(played)
    played.page.locator("#chat-tabs [data-channel=party]").click()
    played.say(played.sockets[-1], "chat_message", line)
    unread = played.page.locator("#chat-tabs [data-channel=lobby] [data-part=unread]")
    unread.wait_for()
    played.answers = {"/api/chat/lobby": {"messages": [line, {**line, "id": 2, "text": "missed"}]}}
    come_back(played)
    played.page.locator("#chat-lines li", has_text="missed").wait_for()
    unread.wait_for(state="hidden")


def test_nobody_is_marked_as_offline_while_there_is_no_connection(crowd: Crowd) -> None:
    played = PlayedServer(crowd)
    bob = {"user_id": 9, "username": "bob", "is_online": False, "since": "2026-01-01T00:00:00.000Z"}
    party = {"id": "p", "leader_user_id": 7, "max_members": 8, "members": [bob], "invited": []}
    played.answers = {"/api/friends": {"friends": [bob]}, "/api/parties/mine": {"party": party}}
    come_back(played)
    dots = [played.page.locator(f"{place} [data-part=dot]") for place in ("#friends", "#party-members")]

    def marks() -> list[Any]:
        played.pass_s(0.1)
        return [dot.evaluate("dot => getComputedStyle(dot).visibility") if dot.count() else None for dot in dots]

    wait_until_page(played.page, lambda: marks() == ["visible", "visible"])
    played.answer_handshake = lambda socket: None
    played.sockets[-1].close(code=1012, reason="")
    wait_until_page(played.page, lambda: marks() == ["hidden", "hidden"])
