"""What the page shows is what the newest frame says: no name, host, right or draft is left over from an earlier one.

Most of it with a server played by the test, which says twice in a row what a real one says hours apart.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import SERVER_AWAY, Crowd
from tests.browser.people import LOOK_ELSEWHERE, PASSWORD, Person
from tests.browser.test_client_rules import AT, PlayedServer, room, wait_until_page

DAY_S = 24 * 3600


class Page:
    """A page at a played server, and what it shows."""

    def __init__(self, crowd: Crowd) -> None:
        self.played = PlayedServer(crowd)
        self.played.is_connected()
        self.page = self.played.page

    def hears(self, type_: str, **data: Any) -> None:
        self.played.say(self.played.sockets[0], type_, data)

    def comes_to(self, show: Callable[[], Any], expected: Any) -> None:
        """Frames pass until the page shows it; fails with what it shows instead."""
        shown: list[Any] = []

        def is_shown() -> bool:
            self.played.pass_s(0.1)
            shown[:] = [show()]
            return bool(shown[0] == expected)

        try:
            wait_until_page(self.page, is_shown)
        except AssertionError:
            assert shown[0] == expected

    def texts(self, selector: str) -> list[str]:
        return list(self.page.locator(selector).all_text_contents())

    def press(self, selector: str, text: str) -> None:
        self.page.locator(selector, has_text=text).first.click()

    def members(self) -> list[tuple[str, bool, str | None]]:
        """Of each: the name, whether it is marked as the host, and what its button does, if there is one."""
        rows = []
        for row in self.page.locator("#my-room-members li").all():
            name = row.locator("[data-part=name]").text_content()
            kick = row.locator("[data-part=kick]")
            label = kick.get_attribute("aria-label") if kick.is_visible() else None
            rows.append((name, row.locator("[data-part=host]").is_visible(), label))
        return rows

    def enters(self, room_id: str, peer_id: int, *names: str, host: str) -> None:
        members = [{"peerId": at, "name": name, "isHost": name == host} for at, name in enumerate(names, start=1)]
        self.hears("room_joined", roomId=room_id, peerId=peer_id, members=members, gamemode=room_id, mapName=None)


def test_room_after_another_shows_its_own_members_and_opens_them(crowd: Crowd) -> None:
    page = Page(crowd)
    for user_id, name in enumerate(("bob", "cat", "dan", "eve"), start=20):
        page.hears("user_online", user_id=user_id, username=name)
    page.enters("first", 3, "bob", "cat", "ann", host="bob")
    page.comes_to(page.members, [("bob", True, None), ("cat", False, None), ("ann", False, None)])
    page.hears("chat", **{"from": 1, "fromName": "bob", "text": "in the first"})
    page.comes_to(lambda: page.texts("#my-room-log .text"), ["in the first"])
    page.page.locator("#my-room-say input").fill("meant for the first")

    page.enters("second", 2, "dan", "ann", "eve", host="ann")
    page.hears("chat", **{"from": 1, "fromName": "dan", "text": "in the second"})
    kick = "Kick {} from the room".format
    page.comes_to(page.members, [("dan", False, kick("dan")), ("ann", True, None), ("eve", False, kick("eve"))])
    assert page.texts("#my-room-log .text") == ["in the second"]
    assert page.page.locator("#my-room-say input").input_value() == ""
    page.press("#my-room-members button", "dan")
    assert page.texts("#person-name") == ["dan"]
    page.press("#person button", "Block")
    page.press("#confirm button", "Block player")
    wait_until_page(page.page, lambda: page.played.calls)
    assert page.played.calls == [("POST", "/api/blocks", {"user_id": 22})]


def test_name_beside_a_line_of_the_room_opens_its_player_who_may_have_left(crowd: Crowd) -> None:
    page = Page(crowd)
    page.hears("user_online", user_id=21, username="bob")
    page.enters("den", 1, "ann", "bob", host="ann")
    page.hears("chat", **{"from": 2, "fromName": "bob", "text": "so long"})
    page.hears("peer_left", peerId=2)
    page.comes_to(lambda: page.texts("#my-room-members [data-part=name]"), ["ann"])
    page.press("#my-room-log button", "bob")
    page.press("#person button", "Block")
    page.press("#confirm button", "Block player")
    wait_until_page(page.page, lambda: page.played.calls)
    assert page.played.calls == [("POST", "/api/blocks", {"user_id": 21})]


def test_member_who_takes_the_number_of_another_is_shown_by_their_own_name(crowd: Crowd) -> None:
    page = Page(crowd)
    page.enters("den", 1, "ann", "bob", host="ann")
    page.comes_to(lambda: page.texts("#my-room-members [data-part=name]"), ["ann", "bob"])
    page.hears("peer_left", peerId=2)
    page.hears("peer_joined", peerId=2, name="cat")
    page.comes_to(lambda: page.texts("#my-room-members [data-part=name]"), ["ann", "cat"])
    page.hears("host_changed", newHostPeerId=2, newHostName="cat")
    page.comes_to(page.members, [("ann", False, None), ("cat", True, None)])


def test_guest_back_before_the_host_sees_both_by_their_own_names(own_crowd: Crowd) -> None:
    own_crowd.expected += SERVER_AWAY
    ann, bob = own_crowd.person("ann"), own_crowd.person("bob")
    ann.create_room("castle")
    bob.join("castle")
    bob.sees_members("ann", "bob")
    own_crowd.server.stop()
    ann.is_not_connected()
    ann.page.evaluate(LOOK_ELSEWHERE, True)
    own_crowd.server.start()
    bob.is_connected()
    bob.sees_members("bob")
    ann.page.evaluate(LOOK_ELSEWHERE, False)
    for person in (ann, bob):
        person.sees_members("bob", "ann")
        other = "bob" if person is ann else "ann"
        person.sees_online(other)
        person.page.locator("#my-room-members button.name", has_text=other).click()
        assert person.page.locator("#person-name").text_content() == other
        person.page.get_by_role("button", name="Send a message").click()
        person.page.locator("#chat-with", has_text=f"Conversation with {other}").wait_for()


def test_second_tab_shows_the_own_room_with_its_guests_as_the_first_does(crowd: Crowd) -> None:
    ann, bob = crowd.person("two_ann"), crowd.person("two_bob")
    ann.create_room("two tabs")
    bob.join("two tabs")
    ann.page.locator("#my-room-members li").nth(1).wait_for()
    second = Person(ann.page.context.new_page(), ann.name)
    crowd.watch(second.page)
    second.page.goto("/")
    second.log_in(PASSWORD)
    second.is_connected()
    for person in (ann, second):
        person.sees_members(ann.name, bob.name)


def test_user_who_comes_back_by_another_name_is_shown_and_opened_by_it(crowd: Crowd) -> None:
    page = Page(crowd)
    page.hears("user_online", user_id=20, username="bob")
    page.comes_to(lambda: page.texts("#online button"), ["bob"])
    page.press("#online button", "bob")
    page.hears("user_online", user_id=20, username="robert")
    page.comes_to(lambda: page.texts("#online button"), ["robert"])
    page.comes_to(lambda: page.texts("#person-name"), ["robert"])
    page.page.keyboard.press("Escape")
    page.press("#online button", "robert")
    assert page.texts("#person-name") == ["robert"]


def test_open_dialog_follows_its_person_and_the_room_of_the_user(crowd: Crowd) -> None:
    page = Page(crowd)
    page.hears("user_online", user_id=20, username="bob")
    page.enters("first", 1, "ann", "bob", host="ann")
    page.comes_to(lambda: page.texts("#my-room-members [data-part=name]"), ["ann", "bob"])
    page.press("#my-room-members button", "bob")
    assert page.texts("#person [data-part=state]") == ["online"]
    page.hears("user_offline", user_id=20, username="bob")
    page.comes_to(lambda: page.texts("#person [data-part=state]"), ["offline"])
    assert "Send a message" in page.texts("#person button")  # it is still known who bob is
    page.enters("second", 1, "ann", host="ann")
    page.comes_to(lambda: page.texts("#my-room-title"), ["second"])
    page.press("#person button", "Invite into my room")
    wait_until_page(page.page, lambda: page.played.calls)
    assert page.played.calls == [("POST", "/api/rooms/second/invites", {"to_username": "bob"})]


def test_room_in_the_list_shows_what_the_newest_list_says_of_it(crowd: Crowd) -> None:
    page = Page(crowd)
    page.played.answer_fetch([room("one")])
    page.comes_to(lambda: page.texts("#rooms strong"), ["one"])
    page.hears("rooms_changed")
    page.played.answer_fetch([{**room("one"), "gamemode": "two", "map_name": "harbour", "is_full": True}])
    page.comes_to(lambda: page.texts("#rooms strong"), ["two"])
    assert page.texts("#rooms .map") == ["harbour"]
    assert page.texts("#rooms [data-part=join]") == ["Full"]
    assert page.page.locator("#rooms [data-part=join]").get_attribute("aria-label") == "Full two by bob"


def test_announcement_is_shown_for_a_day_and_then_ends_by_itself(crowd: Crowd) -> None:
    page = Page(crowd)

    def hears(number: int, *, left_s: float) -> None:
        ts = AT + round((left_s - DAY_S) * 1000)
        page.hears("announcement", id=number, title=f"News {number}", body="of the day", ts=ts)

    def shown() -> list[str]:
        return page.texts("#announcement:not([hidden]) #announcement-title")

    hears(1, left_s=60.0)
    page.comes_to(shown, ["News 1"])
    page.played.pass_s(61)
    assert shown() == []
    hears(2, left_s=-1.0)
    hears(3, left_s=600.0)
    page.comes_to(shown, ["News 3"])


def test_second_invitation_into_a_room_is_the_one_that_is_asked_about(crowd: Crowd) -> None:
    page = Page(crowd)
    for name in ("bob", "cat"):
        page.hears("match_invite", room_id="r", from_user_id=1, from_username=name, gamemode="siege")
    page.comes_to(lambda: page.texts(".question p"), ["cat invites you into a room: siege."])


def test_what_is_typed_stays_with_the_conversation_it_is_meant_for(crowd: Crowd) -> None:
    page = Page(crowd)
    typed = page.page.locator("#chat-form input")
    page.hears("user_online", user_id=20, username="bob")
    page.comes_to(lambda: page.texts("#online button"), ["bob"])
    page.press("#online button", "bob")
    page.press("#person button", "Send a message")
    typed.fill("for bob alone")
    page.press("#chat-tabs button", "Lobby")
    assert typed.input_value() == ""
    typed.fill("for everybody")
    page.press("#chat-tabs button", "bob")
    assert typed.input_value() == "for bob alone"


def test_next_user_finds_nothing_open_or_typed_by_the_one_before(crowd: Crowd) -> None:
    page = Page(crowd)
    page.page.locator("#chat-form input").fill("nobody else's business")
    page.page.locator("#friend-form input").fill("a secret friend")
    page.page.locator("#notifications-button").click()
    page.played.sockets[0].close(code=4502, reason="")
    page.page.locator("#door-news:not(:empty)").wait_for()
    assert page.page.locator("dialog[open]").count() == 0
    assert page.page.locator("#chat-form input").input_value() == ""
    assert page.page.locator("#friend-form input").input_value() == ""


def test_line_of_another_day_says_which(crowd: Crowd) -> None:
    page = Page(crowd)
    for id_, ts in enumerate((AT - 2 * DAY_S * 1000, AT), 1):
        line = {"channel": "lobby", "from_user_id": 20, "from_username": "bob", "text": "hello", "ts": ts}
        page.hears("chat_message", id=id_, **line)
    page.comes_to(lambda: len(page.texts("#chat-lines time")), 2)
    before, today = page.texts("#chat-lines time")
    assert ("2025" in before, "/" in today) == (True, False)
    assert before.endswith(today)


def test_nobody_is_said_to_be_offline_while_the_page_is(crowd: Crowd) -> None:
    page = Page(crowd)
    friend = {"user_id": 20, "username": "bob", "is_online": True, "since": "2026-01-01T00:00:00.000Z"}
    page.played.answers = {"/api/friends": {"friends": [friend]}, "/api/users/online": {"users": [friend]}}
    page.hears("friend_accepted", user_id=20, username="bob")
    page.hears("user_online", user_id=20, username="bob")

    def shown() -> list[str]:
        return [*page.texts("#online-count"), *page.texts("#friends [data-part=state]")]

    page.comes_to(shown, ["1", "online"])
    page.played.is_cut_off()
    page.comes_to(shown, ["", ""])
    page.played.comes_back()
    page.comes_to(shown, ["1", "online"])
    page.played.say(page.played.sockets[1], "user_offline", {"user_id": 20, "username": "bob"})
    page.comes_to(shown, ["0", "offline"])


JOINED_AGAIN = {
    "roomId": "den", "peerId": 3, "gamemode": "den", "mapName": None,
    "members": [{"peerId": 1, "name": "bob", "isHost": True}, {"peerId": 3, "name": "ann", "isHost": False}],
}  # fmt: skip


@pytest.mark.parametrize("answer", ["let in", "shut", "put off", "put off for good", "not needed"])
def test_room_stays_in_sight_until_it_is_known_whether_its_member_is_in_it_still(crowd: Crowd, answer: str) -> None:
    page = Page(crowd)
    panel, line = page.page.locator("#my-room"), page.page.locator("#my-room-say input")
    page.enters("den", 2, "bob", "ann", host="bob")
    page.comes_to(lambda: page.texts("#my-room-members [data-part=name]"), ["bob", "ann"])
    line.fill("half a sen")
    page.played.is_cut_off()
    page.comes_to(lambda: panel.evaluate("panel => panel.inert"), True)
    assert page.texts("#my-room-members [data-part=name]") == ["bob", "ann"]
    page.played.pass_s(5.1)

    def comes_back(times: int) -> None:
        asked = {"roomId": "den", "version": "13020", "name": "ann", "ifIn": "none"}
        page.comes_to(
            lambda: [each["data"] for each in page.played.heard if each["type"] == "join_room"], times * [asked]
        )

    comes_back(1)
    socket = page.played.sockets[1]
    if answer.startswith("put off"):
        for times, reason in enumerate(["try_again_later", "rate_limited", *6 * ["try_again_later"]], start=2):
            page.played.say(socket, "error", {"reason": reason})
            page.page.evaluate("() => 0")
            assert panel.evaluate("panel => panel.inert")
            page.played.say(socket, "pong", {"ts": AT})
            page.played.pass_s(15)
            comes_back(times)
            if answer == "put off" and times == 4:
                break
    if answer in ("let in", "put off"):
        page.played.say(socket, "room_joined", JOINED_AGAIN)
        page.comes_to(lambda: panel.evaluate("panel => panel.inert"), False)
        assert (line.input_value(), panel.is_visible()) == ("half a sen", True)
        assert line.evaluate("line => line === document.activeElement")
        heard = len(page.played.heard)
        page.played.pass_s(20)
        assert all(each["type"] != "join_room" for each in page.played.heard[heard:])
    else:
        reason = {"shut": "room_not_found", "put off for good": "try_again_later", "not needed": "already_in_room"}[
            answer
        ]
        page.played.say(socket, "error", {"reason": reason})
        page.comes_to(panel.is_hidden, True)
        if (
            answer != "not needed"
        ):  # else they are in one, on another device; a client without features is not told which
            assert any("You are not in your room any more." in told for told in Person(page.page, "ann").told())
        page.played.say(socket, "room_joined", JOINED_AGAIN)  # after all
        page.comes_to(lambda: (panel.is_visible(), panel.evaluate("panel => panel.inert")), (True, False))


def test_another_room_that_was_wished_for_on_the_way_back_and_is_not_to_be_had_leaves_nobody_in_a_dead_panel(
    crowd: Crowd,
) -> None:
    page = Page(crowd)
    panel = page.page.locator("#my-room")
    page.enters("den", 2, "bob", "ann", host="bob")
    page.comes_to(panel.is_visible, True)
    wait_until_page(page.page, lambda: page.played.fetches)
    page.played.fetches.clear()  # of the connection that is lost
    page.played.is_cut_off()
    page.played.comes_back()
    page.played.answer_fetch([room("den"), room("other")])
    page.comes_to(lambda: page.page.locator("#rooms li[data-id=other] [data-part=join]").is_visible(), True)
    page.page.locator("#rooms li[data-id=other] [data-part=join]").click()
    page.played.say(page.played.sockets[1], "error", {"reason": "try_again_later"})
    page.comes_to(panel.is_hidden, True)


@pytest.mark.parametrize("is_other", [True, False], ids=["another room", "the same, connected again"])
def test_lines_of_a_room_are_followed_though_those_before_it_were_read_from_the_top(
    crowd: Crowd, is_other: bool
) -> None:
    page = Page(crowd)
    log = page.page.locator("#my-room-log")
    left_px = "log => log.scrollHeight - log.scrollTop - log.clientHeight"

    def hears(text: str) -> None:
        for number in range(30):
            data = {"from": 1, "fromName": "bob", "text": f"{text} {number}"}
            page.played.say(page.played.sockets[-1], "chat", data)
        page.comes_to(lambda: page.texts("#my-room-log .text")[-1:], [f"{text} 29"])

    page.enters("den", 2, "bob", "ann", host="bob")
    hears("first")
    page.comes_to(lambda: log.evaluate(left_px) <= 1, True)
    log.evaluate("log => new Promise((seen) => { log.onscroll = seen; log.scrollTop = 0; })")
    assert log.evaluate(left_px) > 100
    if is_other:
        page.enters("other", 2, "bob", "ann", host="bob")
        page.comes_to(lambda: page.texts("#my-room-log .text"), [])
    else:
        page.played.is_cut_off()
        page.played.comes_back()
        page.played.say(page.played.sockets[1], "room_joined", JOINED_AGAIN)
    hears("second")
    page.comes_to(lambda: log.evaluate(left_px) <= 1, True)


def test_nobody_is_said_not_to_be_there_while_the_page_does_not_know(crowd: Crowd) -> None:
    page = Page(crowd)
    none = page.page.locator("#online-none")
    page.page.locator("#online-search").fill("bob")
    page.comes_to(none.is_visible, True)
    page.played.is_cut_off()
    page.comes_to(none.is_visible, False)


def test_members_of_the_party_are_neither_online_nor_offline_while_the_page_does_not_know(crowd: Crowd) -> None:
    page = Page(crowd)
    members = [
        {"user_id": 7, "username": "ann", "is_online": True},
        {"user_id": 20, "username": "bob", "is_online": False},
    ]
    party = {"id": "p", "leader_user_id": 7, "max_members": 8, "members": members, "invited": []}
    page.played.answers = {"/api/parties/mine": {"party": party}}
    page.hears("party_joined", party_id="p", user_id=20, username="bob")

    def shown() -> tuple[list[str], int]:
        return page.texts("#party-members [data-part=state]"), page.page.locator("#party-members .dot.on").count()

    page.comes_to(shown, (["online", "offline"], 1))
    page.played.is_cut_off()
    page.comes_to(shown, (["", ""], 0))
    page.played.comes_back()
    page.comes_to(shown, (["online", "offline"], 1))


def test_newest_lines_stay_in_sight_when_the_window_changes_and_when_the_chat_is_shown_again(crowd: Crowd) -> None:
    page = Page(crowd)
    log = page.page.locator("#chat-log")
    left_px = "log => log.scrollHeight - log.scrollTop - log.clientHeight"

    def is_at_end() -> bool:
        return bool(log.evaluate(left_px) <= 1)

    def hears(first: int, count: int) -> None:
        for id_ in range(first, first + count):
            line = {"from_user_id": 20, "from_username": "bob", "text": f"line {id_}", "ts": AT}
            page.hears("chat_message", id=id_, channel="lobby", **line)
        page.comes_to(lambda: len(page.texts("#chat-lines li")), first + count - 1)

    hears(1, 60)
    page.comes_to(is_at_end, True)
    page.page.set_viewport_size({"width": 390, "height": 600})
    for view in ("chat", "rooms"):
        page.page.locator(f"#views [data-view={view}]").click()
    hears(61, 5)
    page.page.locator("#views [data-view=chat]").click()
    page.comes_to(is_at_end, True)
    page.page.set_viewport_size({"width": 390, "height": 500})
    page.comes_to(is_at_end, True)


def test_log_that_scrolls_for_its_new_size_before_that_is_noticed_is_still_read_at_its_end(crowd: Crowd) -> None:
    page = Page(crowd)
    log = page.page.locator("#chat-log")
    for id_ in range(1, 61):
        line = {"from_user_id": 20, "from_username": "bob", "text": f"line {id_}", "ts": AT}
        page.hears("chat_message", id=id_, channel="lobby", **line)
    left_px = "log => log.scrollHeight - log.scrollTop - log.clientHeight"
    page.comes_to(lambda: log.evaluate(left_px) <= 1, True)
    log.evaluate("""log => {
        log.style.height = `${log.clientHeight / 2}px`;
        log.style.minHeight = 0;
        log.dispatchEvent(new Event("scroll"));
    }""")
    page.comes_to(lambda: log.evaluate(left_px) <= 1, True)
