"""Whatever frames come, in whatever order, the page shows the state that they add up to: a model of it, in Python, is
compared with the page. A frame of every type that the contract has is among them, and connections that are lost.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lobby_server.protocol.messages import EVENTS
from tests.browser.conftest import Crowd
from tests.browser.frames.drawn import (
    CLIENTS,
    PARTIES,
    REQUESTS,
    ROOM_IDS,
    USER_IDS,
    Frame,
    name_of,
)  # fmt: skip
from tests.browser.frames.model import SHOWN, Model
from tests.browser.test_client_rules import ACCEPTED, AT, PlayedServer, wait_until_page

EXAMPLES = {"rooms_delta": 60, "rev": 15, "": 30}
"""By the first feature of a client."""
READ_ALL = "() => { for (const tab of [...document.querySelectorAll('#chat-tabs button')].reverse()) tab.click(); }"
"""The lobby's is the first, and the last that is pressed."""
OVER: tuple[Frame, ...] = (
    ("room_created", {"roomId": "end", "peerId": 1, "gamemode": "duel", "mapName": None}, {}),
    ("peer_left", {"peerId": 1}, {}),
    *(("room_unbanned", {"roomId": id_}, {}) for id_ in (*ROOM_IDS, "end")),
    *(("friend_request_closed", {"request_id": id_}, {}) for id_ in REQUESTS),
    *(("party_invite_closed", {"party_id": id_, "reason": "gone"}, {}) for id_ in PARTIES),
    *(("match_invite_closed", {"room_id": id_, "reason": "gone"}, {}) for id_ in ROOM_IDS),
    ("party_left", {"party_id": "p1", "user_id": 1, "username": name_of(1), "reason": "left"}, {"party": None}),
    *(("user_offline", {"user_id": id_, "username": name_of(id_)}, {}) for id_ in USER_IDS),
    *(("friend_removed", {"user_id": id_}, {}) for id_ in USER_IDS),
    *(("user_blocked", {"user_id": id_, "username": name_of(id_)}, {}) for id_ in USER_IDS),
    *(("user_unblocked", {"user_id": id_}, {}) for id_ in USER_IDS),
    ("announcement", {"id": 1, "title": "", "body": "", "ts": AT, "until": AT - 1}, {}),
    ("whereabouts_changed", {"whereabouts": "everybody"}, {}),
)
"""Nothing is left of what was before: every example is alike then."""


class Told:
    """A page, and the model of what it was told."""

    def __init__(self, crowd: Crowd, features: tuple[str, ...]) -> None:
        self.model = Model()
        self.features = features
        self.played = PlayedServer(crowd, f"/?features={','.join(features) or 'none'}")
        self.page = self.played.page
        self.lines = 0
        self.examples = 0
        accepted = {**ACCEPTED, "features": list(features)} if features else ACCEPTED
        self.played.answer_handshake = lambda socket: self.played.say(socket, "handshake_accepted", accepted)
        self.page.route("**/api/rooms", lambda route: route.fulfill(json={"rooms": list(self.model.rooms.values())}))
        self.played.answers = self.model.answers()
        self.page.reload()
        wait_until_page(self.page, lambda: len(self.played.sockets) == 2)
        self.played.is_connected()
        self.page.locator("#account-button").click()
        wait_until_page(self.page, lambda: self.page.locator("#whereabouts").input_value() == "everybody")
        self.page.keyboard.press("Escape")

    def begins_anew(self) -> None:
        """What was said in the lobby stays; it is told from what is said now by the number before it."""
        self.examples += 1
        self.model.notes.clear()
        for said in OVER:
            self.hears(*said)
        rev = int("rooms_delta" in self.features)  # a client that fetches has none of those that are drawn
        self.hears("rooms_snapshot", {"rev": rev, "rooms": []}, {})
        self.model.unseen.clear()
        self.page.evaluate(READ_ALL)
        self.shows_the_model()

    def hears(self, type_: str, data: dict[str, Any], held: dict[str, Any]) -> None:
        if not self.model.says(type_, data):
            return
        if type_ == "chat_message":
            data = self._line(data)
        self.model.take(type_, data, held)
        before, now = self.played.answers.get("/api/rooms/mine", {}), {"id": self.model.room_id or ""}
        self.played.answers = {**self.model.answers(), "/api/rooms/mine": now if self.model.room_id else before}
        if type_ == "handshake_accepted":
            self._comes_back()
        else:
            self.played.say(self.played.sockets[-1], type_, data)
        self.page.evaluate("() => 0")  # it has heard
        self.played.answers["/api/rooms/mine"] = now  # who is put out hears of that first

    def shows_the_model(self) -> None:
        found: dict[str, Any] = {}

        def is_shown() -> bool:
            self.played.say(self.played.sockets[-1], "pong", {"ts": AT})  # or time would end the connection
            self.played.pass_s(0.1)
            found.update(self._of_now(self.page.evaluate(SHOWN)))
            return found == self._of_now(self.model.shown())

        try:
            wait_until_page(self.page, is_shown)
        except AssertionError:
            assert found == self._of_now(self.model.shown())

    # -- private --------------------------------------------------------------------------------------------------

    def _of_now(self, shown: dict[str, Any]) -> dict[str, Any]:
        return {**shown, "lines": [line for line in shown["lines"] if line[1].startswith(f"{self.examples}: ")]}

    def _line(self, data: dict[str, Any]) -> dict[str, Any]:
        """With an id that no other has, and that need not be above those before."""
        self.lines += 1
        channel = "lobby" if data["channel"] == "lobby" else f"user:{data['from_user_id']}"
        id_ = 100 + self.lines * 10 - 15 * (self.lines % 3)
        return {**data, "channel": channel, "text": f"{self.examples}: {data['text']}", "id": id_, "ts": AT}

    def _comes_back(self) -> None:
        self.played.is_cut_off()
        self.played.comes_back()
        if "rooms_delta" in self.features:
            self.hears("rooms_snapshot", {"rev": 1, "rooms": list(self.model.rooms.values())}, {})


def test_frames_of_every_type_of_the_contract_are_drawn() -> None:
    assert {type_ for frames in CLIENTS.values() for type_ in frames} == set(EVENTS)


@pytest.mark.parametrize("features", CLIENTS, ids=lambda features: ".".join(features[:1]) or "base")
def test_page_shows_the_state_that_any_frames_add_up_to(crowd: Crowd, features: tuple[str, ...]) -> None:
    told = Told(crowd, features)
    drawn = st.one_of(*CLIENTS[features].values())

    @settings(
        max_examples=EXAMPLES[features[0] if features else ""], deadline=None, derandomize=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.lists(drawn, min_size=1, max_size=20))
    def any_frames(said: list[Frame]) -> None:
        told.begins_anew()
        for type_, data, held in said:
            told.hears(type_, json.loads(json.dumps(data)), held)  # the model changes what it keeps
        told.shows_the_model()

    any_frames()
