"""Notifications of the browser: off by default, asked for by a click, and only while nobody looks at the page."""

from __future__ import annotations

from typing import Any

from tests.browser.conftest import Crowd
from tests.browser.people import LOOK_ELSEWHERE, Person
from tests.browser.test_account import opens_account
from tests.browser.test_blocks import again, blocks
from tests.browser.test_people import befriend
from tests.browser.test_storage import COUNT_SOCKETS

RECORD = """() => {
    window.told = [];
    window.Notification = class extends window.Notification {
        constructor(title, options) {
            super(title, options);
            window.told.push({ title, body: options.body, tag: options.tag, it: this });
        }
        close() {
            super.close();
            window.told.find(({ it }) => it === this).isClosed = true;
        }
    };
}"""
"""The browser's own notifications, and a list of them."""
STANDING = "() => window.told.filter(({ isClosed }) => !isClosed).map(({ title }) => title)"
"""In the system's tray."""
TOLD = "() => window.told.map(({ title, body }) => [title, body])"


def recorded(crowd: Crowd, name: str, *, allowed: bool = True) -> Person:
    person = crowd.person(name)
    if allowed:
        person.page.context.grant_permissions(["notifications"])
    for script in (RECORD, COUNT_SOCKETS):
        person.page.add_init_script(f"({script})()")
    person.page.reload()
    person.is_connected()
    return person


def wants_notices(person: Person) -> Any:
    dialog = opens_account(person)
    dialog.locator("#browser-notifications").click()
    return dialog


def comes_to(person: Person, *told: tuple[str, str]) -> None:
    person.page.wait_for_function(
        f"wanted => JSON.stringify(({TOLD})()) === JSON.stringify(wanted)", arg=[list(each) for each in told]
    )


def test_friends_message_mention_and_invitation_are_told_while_nobody_looks(crowd: Crowd) -> None:
    ann, bob = recorded(crowd, "note_ann"), crowd.person("note_bob")
    befriend(bob, ann)
    wants_notices(ann)
    ann.page.wait_for_function("() => localStorage.getItem('lobby.notifications') === 'on'")
    assert ann.page.locator("#browser-notifications").is_checked()
    ann.page.keyboard.press("Escape")
    bob.says("@note_ann while she looks")
    ann.reads("while she looks")
    ann.page.evaluate(LOOK_ELSEWHERE, True)
    for line in ("nothing for anybody", "@note_ann_b is somebody else", "mail@note_ann.example", "hi @Note_Ann!"):
        bob.says(line)
        bob.reads(line)
    comes_to(ann, ("note_bob mentions you", "hi @Note_Ann!"))
    bob.does("Send a message", to="note_ann")
    bob.says("psst")
    comes_to(ann, ("note_bob mentions you", "hi @Note_Ann!"), ("Message from note_bob", "psst"))
    bob.page.locator("#party-form input").fill("note_ann")
    bob.page.locator("#party-form button").click()
    ann.page.wait_for_function("() => window.told.length === 3")
    assert ann.page.evaluate(TOLD)[-1] == ["note_bob invites you into a party.", ""]
    ann.page.evaluate("() => window.told[1].it.dispatchEvent(new Event('click'))")
    ann.page.locator("#chat-with", has_text="note_bob").wait_for()
    ann.page.evaluate(LOOK_ELSEWHERE, False)
    ann.reads("psst")


def test_start_of_the_game_is_told_while_nobody_looks(crowd: Crowd) -> None:
    ann, bob = recorded(crowd, "begin_ann"), crowd.person("begin_bob")
    wants_notices(ann)
    ann.page.wait_for_function("() => localStorage.getItem('lobby.notifications') === 'on'")
    ann.page.keyboard.press("Escape")
    bob.create_room("begin")
    ann.join("begin")
    ann.page.get_by_role("button", name="I am ready").click()
    ann.page.evaluate(LOOK_ELSEWHERE, True)
    bob.page.locator("#my-room-stage", has_text="Everybody is ready.").wait_for()
    bob.page.get_by_role("button", name="Start the game").click()
    comes_to(ann, ("The game has started.", "begin"))
    ann.page.evaluate(LOOK_ELSEWHERE, False)
    assert ann.page.evaluate(STANDING) == []


def test_nothing_is_told_by_default_nor_by_a_stranger_or_a_muted_player(crowd: Crowd) -> None:
    ann, bob = recorded(crowd, "still_ann"), crowd.person("still_bob")
    assert not ann.page.locator("#browser-notifications").is_checked()
    ann.page.evaluate(LOOK_ELSEWHERE, True)
    bob.says("@still_ann by default")
    ann.reads("by default")
    ann.page.evaluate(LOOK_ELSEWHERE, False)
    wants_notices(ann)
    ann.page.wait_for_function("() => localStorage.getItem('lobby.notifications') === 'on'")
    ann.page.keyboard.press("Escape")
    ann.page.evaluate(LOOK_ELSEWHERE, True)
    bob.does("Send a message", to="still_ann")
    bob.says("from no friend")
    ann.page.locator("#chat-tabs button", has_text="still_bob").wait_for()
    ann.does("Mute", to="still_bob")
    bob.opens_chat("Lobby")
    bob.says("@still_ann from a muted one")
    bob.reads("from a muted one")
    bob.says("@still_ann and so on")
    bob.reads("and so on")
    ann.says("after it")
    ann.reads("after it")
    assert ann.page.evaluate(TOLD) == []
    ann.page.evaluate(LOOK_ELSEWHERE, False)
    ann.page.reload()
    ann.is_connected()
    assert ann.page.locator("#browser-notifications").is_checked(), "the choice stays on the device"


def stand(person: Person, *titles: str) -> None:
    person.page.wait_for_function(
        f"wanted => JSON.stringify(({STANDING})()) === JSON.stringify(wanted)", arg=list(titles)
    )


def three_told(crowd: Crowd, prefix: str) -> tuple[Person, Person, Person]:
    """Ann, who looks elsewhere; Bob, a friend, who wrote to her and invited her to a party and a room; Cat, who named
    her. All that came to her in the tray."""
    ann, bob, cat = recorded(crowd, f"{prefix}_ann"), crowd.person(f"{prefix}_bob"), crowd.person(f"{prefix}_cat")
    befriend(bob, ann)
    wants_notices(ann)
    ann.page.wait_for_function("() => localStorage.getItem('lobby.notifications') === 'on'")
    ann.page.keyboard.press("Escape")
    bob.create_room(f"{prefix} den")
    bob.is_in_room(f"{prefix} den")
    ann.page.evaluate(LOOK_ELSEWHERE, True)
    bob.does("Send a message", to=ann.name)
    bob.says("psst")
    stand(ann, f"Message from {bob.name}")
    for form, what in (("#party-form", "a party."), ("#my-room-invite", f"a room: {prefix} den.")):
        bob.page.locator(f"{form} input").fill(ann.name)
        bob.page.locator(f"{form} button").click()
        ann.page.wait_for_function(
            f"title => ({STANDING})().at(-1) === title", arg=f"{bob.name} invites you into {what}"
        )
    cat.says(f"@{ann.name} hello")
    stand(
        ann, f"Message from {bob.name}", f"{bob.name} invites you into a party.",
        f"{bob.name} invites you into a room: {prefix} den.", f"{cat.name} mentions you",
    )  # fmt: skip
    return ann, bob, cat


def test_what_a_player_wrote_leaves_the_tray_when_they_are_blocked_on_any_device(crowd: Crowd) -> None:
    ann, bob, cat = three_told(crowd, "tray")
    phone = again(crowd, ann)
    blocks(phone, bob.name)
    stand(ann, f"{cat.name} mentions you")
    ann.does("Mute", to=cat.name)
    stand(ann)


def test_invitation_that_is_over_leaves_the_tray(crowd: Crowd) -> None:
    ann, bob, cat = three_told(crowd, "over")
    bob.page.locator("#my-room-delete").click()
    bob.confirms("Delete room")
    stand(ann, f"Message from {bob.name}", f"{bob.name} invites you into a party.", f"{cat.name} mentions you")
    bob.page.locator("#party-leave").click()
    stand(ann, f"Message from {bob.name}", f"{cat.name} mentions you")


def test_invitation_leaves_the_tray_of_a_page_that_would_not_hear_of_its_end(crowd: Crowd) -> None:
    ann, bob, cat = three_told(crowd, "lost")
    ann.page.evaluate("sockets.at(-1).close()")
    stand(ann, f"Message from {bob.name}", f"{cat.name} mentions you")


def test_tray_is_empty_after_the_logout(crowd: Crowd) -> None:
    ann, *_ = three_told(crowd, "left")
    ann.page.locator("#log-out").click()
    stand(ann)


def test_tray_is_empty_once_the_page_is_closed(crowd: Crowd) -> None:
    ann, *_ = three_told(crowd, "shut")
    ann.page.evaluate("dispatchEvent(new Event('pagehide'))")
    stand(ann)


def test_browser_that_says_no_is_told_of_in_a_sentence(crowd: Crowd) -> None:
    ann = recorded(crowd, "denied_ann", allowed=False)
    dialog = wants_notices(ann)
    dialog.get_by_text("Your browser does not let this page show notifications.").wait_for()
    assert not ann.page.locator("#browser-notifications").is_checked()
