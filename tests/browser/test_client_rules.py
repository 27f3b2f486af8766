"""The page's connection keeps to the rules for clients (the contract, section 7), with a server played by the test and
the page's clock in its hand: heartbeat, watchdog, close codes, refusals, hidden tabs, one fetch at a time.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.browser.conftest import LISTENS, OPENED, PATIENCE_MS, Crowd
from tests.process.clients import wait_until

LOGIN = json.dumps({"token": "a token", "user": {"id": 7, "username": "ann"}})
ACCEPTED = {"peer_id": 0, "user_id": 7, "username": "ann"}
AT = 1_767_225_600_000
"""The page's clock at the start, Unix milliseconds."""
LISTS = (
    "users", "friends", "incoming", "outgoing", "blocks", "invites", "notifications", "announcements", "messages",
    "rooms", "sign_ins",
)  # fmt: skip
NOTHING: dict[str, Any] = {"party": None, "has_more": False, **{name: [] for name in LISTS}}
"""An answer to every question but that for the rooms: there is nobody and nothing."""


LONG_DELAYS = "{ const drawn = Math.random; Math.random = () => (1 + drawn()) / 2; }"
"""The page's time goes on by itself, too: a wait that is drawn to be of nearly nothing would be over unseen."""


STILL_IN_S = 1.0
"""The page's clock can be told to stop at a time to come only; what is due until then happens."""


class PlayedServer:
    """What the page's sockets meet: the test answers by hand."""

    def __init__(self, crowd: Crowd, address: str = "/?features=none") -> None:
        self.heard: list[dict[str, Any]] = []
        self.sockets: list[Any] = []
        self.fetches: list[Any] = []
        self.calls: list[tuple[str, str, Any]] = []
        """Changes over HTTP: method, path, body."""
        self.answers: dict[str, dict[str, Any]] = {}
        """By path, what there is; nothing otherwise. Of what is older than something, by path and ``?before``, if that
        is here: the newest may be asked for once more at any time."""
        self.is_still = False
        self.answer_handshake: Callable[[Any], None] = lambda socket: self.say(socket, "handshake_accepted", ACCEPTED)
        context = crowd.chromium.new_context(base_url=crowd.server.http_url)
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(LISTENS)
        crowd.contexts.append(context)
        self.page = context.new_page()
        crowd.watch(self.page)
        self.page.clock.install(time=AT / 1000)  # seconds, in Python
        self.page.route_web_socket("**/ws", self._opened)
        self.page.route("**/api/**", self._answer)
        self.page.route("**/api/rooms", lambda route: self.fetches.append(route))
        self.page.add_init_script(f"sessionStorage.setItem('lobby.login', {LOGIN!r})")
        self.page.add_init_script(LONG_DELAYS)
        self.page.goto(address)
        wait_until_page(self.page, lambda: self.page.evaluate(OPENED))

    def say(self, socket: Any, type_: str, data: dict[str, Any]) -> None:
        socket.send(json.dumps({"type": type_, "data": data}))

    def pings(self) -> int:
        return sum(message["type"] == "ping" for message in self.heard)

    def pass_s(self, seconds: float) -> None:
        """Time passes on the page; its timers fire, and their messages are heard."""
        self.page.clock.run_for(round(seconds * 1000))
        self.page.evaluate("() => 0")

    def stand_still(self) -> None:
        """From now on time passes on the page by `pass_s` only, however long the test takes. So do its frames."""
        while not self.is_still:
            now_s = self.page.evaluate("Date.now()") / 1000
            try:
                self.page.clock.pause_at(now_s + STILL_IN_S)
                self.is_still = True
            except Exception as late:  # on a busy machine; the clock has stopped all the same
                if "to the past" not in str(late):
                    raise

    def go_on(self) -> None:
        """Time passes by itself again."""
        self.page.clock.resume()
        self.is_still = False

    def is_cut_off(self, code: int = 1012) -> None:
        """The connection ends, and the page waits for its next try until time passes by `pass_s`, or `comes_back`."""
        self.stand_still()
        self.sockets[-1].close(code=code, reason="")
        wait_until_page(self.page, lambda: self.phase() == "waiting")

    def comes_back(self) -> None:
        """The page tries again, and is connected; and time passes by itself."""
        self.pass_s(5.1)  # the first delay is drawn from 0 to 5 s
        self.is_connected()
        self.go_on()

    def phase(self) -> str:
        return str(self.page.locator("#connection").get_attribute("data-phase"))

    def is_connected(self) -> None:
        wait_until_page(self.page, lambda: self.phase() == "connected")

    def answer_fetch(self, rooms: list[dict[str, Any]]) -> None:
        wait_until_page(self.page, lambda: len(self.fetches) > 0)
        self.fetches.pop(0).fulfill(json={"count": len(rooms), "rooms": rooms})

    def _answer(self, route: Any) -> None:
        asked, address = route.request, urlsplit(route.request.url)
        path, older = address.path, f"{address.path}?before"
        if asked.method != "GET":
            self.calls.append((asked.method, path, asked.post_data_json))
        key = older if address.query.startswith("before=") and older in self.answers else path
        route.fulfill(json={**NOTHING, **self.answers.get(key, {})})

    def _opened(self, socket: Any) -> None:
        self.sockets.append(socket)
        socket.on_message(lambda text: self._take(socket, text))

    def _take(self, socket: Any, text: str) -> None:
        message = json.loads(text)
        self.heard.append(message)
        if message["type"] == "handshake":
            self.answer_handshake(socket)


def wait_until_page(page: Any, condition: Callable[[], Any]) -> None:
    """As `wait_until`, while the page's own messages are taken."""

    def look() -> Any:
        page.evaluate("() => 0")
        return condition()

    wait_until(look)


def room(room_id: str) -> dict[str, Any]:
    return {
        "id": room_id, "host_username": "bob", "gamemode": room_id, "map_name": None, "current_players": 1,
        "max_players": 8, "created_at": "2026-01-01T00:00:00.000Z", "is_full": False,
    }  # fmt: skip


def test_base_handshake_is_the_seeds_to_the_key(crowd: Crowd) -> None:
    played = PlayedServer(crowd)
    wait_until_page(played.page, lambda: played.heard)
    assert played.heard[0] == {
        "type": "handshake",
        "data": {"version": "13020", "name": "ann", "token": "a token"},
    }


@pytest.mark.parametrize("drawn", [0.2, 0.9])
def test_heartbeats_come_every_30_s_the_first_at_random_within_them(crowd: Crowd, drawn: float) -> None:
    played = PlayedServer(crowd)
    played.page.add_init_script(f"Math.random = () => {drawn};")
    played.page.reload()
    wait_until_page(played.page, lambda: len(played.sockets) == 2)
    played.heard.clear()
    played.is_connected()
    played.stand_still()
    waited_s = 0
    while not played.pings():
        played.pass_s(1)
        waited_s += 1
        assert waited_s <= 30 * drawn
    assert waited_s > 30 * drawn - 20, "whatever passed before the clock stood still"
    played.say(played.sockets[1], "pong", {"ts": AT})
    played.pass_s(27)
    assert played.pings() == 1
    played.pass_s(4)
    assert played.pings() == 2


def test_silence_of_75_s_is_death_and_the_page_comes_back(crowd: Crowd) -> None:
    played = PlayedServer(crowd)
    played.is_connected()
    played.stand_still()
    played.say(played.sockets[0], "pong", {"ts": AT})  # however long it took until now
    played.pass_s(70)
    word = {"id": 1, "title": "A word", "body": "in the last moment is life.", "ts": AT}
    played.say(played.sockets[0], "announcement", word)
    played.page.get_by_text(word["body"]).wait_for()
    played.pass_s(74)
    assert played.phase() == "connected"
    played.pass_s(2)
    assert played.phase() == "waiting"
    played.page.get_by_text("Nothing was heard from the server").wait_for()
    played.pass_s(5.1)  # the first delay is drawn from 0 to 5 s
    played.is_connected()
    assert len(played.sockets) == 2


@pytest.mark.parametrize("code", [1001, 1012, 4001, 4499])
def test_close_below_4500_is_followed_by_another_try(crowd: Crowd, code: int) -> None:
    played = PlayedServer(crowd)
    played.is_connected()
    played.is_cut_off(code)
    played.pass_s(5.1)
    wait_until_page(played.page, lambda: len(played.sockets) == 2)


@pytest.mark.parametrize("code", [4500, 4501, 4502, 4999])
def test_close_from_4500_on_ends_it(crowd: Crowd, code: int) -> None:
    played = PlayedServer(crowd)
    played.is_connected()
    played.sockets[0].close(code=code, reason="")
    played.page.locator("#door-news:not(:empty)").wait_for()
    played.pass_s(300)
    assert len(played.sockets) == 1


def test_refused_handshake_ends_it(crowd: Crowd) -> None:
    played = PlayedServer(crowd)
    played.is_connected()
    played.answer_handshake = lambda socket: played.say(socket, "error", {"reason": "invalid_token"})
    played.page.reload()
    played.page.get_by_text("Your login has ended").wait_for()
    played.pass_s(300)
    assert len(played.sockets) == 2


def test_slot_of_a_draining_server_overrides_the_draw_for_one_try(crowd: Crowd) -> None:
    played = PlayedServer(crowd, "/")
    played.is_connected()
    played.say(played.sockets[0], "server_draining", {"reconnect_after_ms": 20_000})
    played.is_cut_off()
    played.pass_s(19)
    assert len(played.sockets) == 1
    assert "Trying again in 1 s" in played.page.locator("#connection").inner_text()
    played.pass_s(1.1)
    wait_until_page(played.page, lambda: len(played.sockets) == 2)


def test_hidden_tab_does_not_come_back_until_it_is_looked_at(crowd: Crowd) -> None:
    played = PlayedServer(crowd)
    played.is_connected()
    show = """isHidden => {
        Object.defineProperty(document, "hidden", { value: isHidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    played.page.evaluate(show, True)
    played.is_cut_off()
    played.pass_s(600)
    assert (len(played.sockets), played.phase()) == (1, "paused")
    played.page.evaluate(show, False)
    played.is_connected()
    assert len(played.sockets) == 2


def test_event_with_an_ack_is_acknowledged_at_once(crowd: Crowd) -> None:
    played = PlayedServer(crowd, "/")
    played.is_connected()
    played.say(played.sockets[0], "rooms_snapshot", {"rev": 1, "rooms": [], "ack": 12})
    wait_until_page(played.page, lambda: {"type": "ack", "data": {"id": 12}} in played.heard)


def test_list_is_never_fetched_twice_at_once_and_once_more_for_changes_meanwhile(crowd: Crowd) -> None:
    played = PlayedServer(crowd)
    wait_until_page(played.page, lambda: len(played.fetches) == 1)
    for _ in range(5):
        played.say(played.sockets[0], "rooms_changed", {})
    played.page.evaluate("() => 0")
    assert len(played.fetches) == 1
    played.answer_fetch([room("old")])
    wait_until_page(played.page, lambda: len(played.fetches) == 1)
    played.answer_fetch([room("new"), room("old")])
    wait_until_page(played.page, lambda: played.pass_s(0.1) or played.page.locator("#rooms li").count() == 2)
    assert played.page.locator("#rooms li strong").all_text_contents() == ["new", "old"]
    assert played.fetches == []


def test_difference_from_another_revision_asks_for_the_whole_list(crowd: Crowd) -> None:
    played = PlayedServer(crowd, "/")
    wait_until_page(played.page, lambda: played.fetches)  # it is granted no feature
    played.answer_handshake = lambda socket: None
    played.page.reload()
    wait_until_page(played.page, lambda: len(played.sockets) == 2)
    socket = played.sockets[1]
    wait_until_page(played.page, lambda: [said["type"] for said in played.heard].count("handshake") == 2)
    played.fetches.clear()  # of the page before the reload
    played.say(socket, "handshake_accepted", {**ACCEPTED, "features": ["rooms_delta"]})
    played.say(socket, "rooms_snapshot", {"rev": 5, "rooms": [room("one")]})
    played.say(socket, "rooms_delta", {"base": 5, "rev": 6, "set": [room("two")], "gone": []})
    for base in (7, 8, 9):
        played.say(socket, "rooms_delta", {"base": base, "rev": base + 1, "set": [room("three")], "gone": []})
    wait_until_page(played.page, lambda: {"type": "rooms_resync", "data": {}} in played.heard)
    for part, name in enumerate(("three", "two"), 1):  # no message is above 32 KiB
        played.say(socket, "rooms_snapshot", {"rev": 10, "rooms": [room(name)], "part": part, "of": 2})
    wait_until_page(played.page, lambda: played.pass_s(0.1) or played.page.locator("#rooms li").count() == 2)
    assert played.page.locator("#rooms li strong").all_text_contents() == ["three", "two"]
    assert sum(message["type"] == "rooms_resync" for message in played.heard) == 1
    assert played.fetches == []
