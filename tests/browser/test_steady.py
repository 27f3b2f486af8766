"""Nothing moves or hides what somebody is about to press, and nothing is lost by one press."""

from __future__ import annotations

import pytest

from tests.browser.conftest import DESKTOP, PHONE, TABLET, Crowd
from tests.browser.people import Person
from tests.browser.test_client_rules import PlayedServer

GAP_PX = 24
"""Between panels, at most."""
OVERLAPS = """() => {
    const boxes = [...document.querySelectorAll(".toast")].map((toast) => toast.getBoundingClientRect());
    const pressed = "#inside button, #inside input" + (innerWidth > 720 ? ", .me button" : "");
    return [...document.querySelectorAll(pressed)].filter((element) => element.checkVisibility()).filter((element) => {
        const own = element.getBoundingClientRect();
        return boxes.some((box) => own.left < box.right && box.left < own.right
            && own.top < box.bottom && box.top < own.bottom);
    }).map((element) => element.outerHTML);
}"""


SAYS_TWO_THINGS = f"""async () => {{
    const {{ Notices }} = await import("./static/lobby/frame/notices.js");
    const notices = new Notices();
    notices.problem("You have blocked this player; unblock them first.");
    notices.say("You and somebody_with_a_name are friends now.");
    await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
    return [document.querySelectorAll(".toast").length, ({OVERLAPS})()];
}}"""
"""How many, and the controls that they cover: at once, for they fade."""
GO_ON_POINTING = """() => {
    const list = document.getElementById("rooms");
    const move = () => list.dispatchEvent(new PointerEvent("pointermove", { bubbles: true, pointerType: "mouse" }));
    window.pointing = setInterval(move, 100);
}"""
"""In the page itself: a machine that is busy would let the pointer rest between two steps of a test."""


BOXES = "places => places.map((place) => document.querySelector(place).getBoundingClientRect().toJSON())"
"""All of one moment: a room may come or go at any time."""


def names(person: Person) -> list[str]:
    return list(person.page.locator("#rooms li [data-part=gamemode]").all_text_contents())


def test_rows_stay_where_they_are_while_the_pointer_moves_over_them(crowd: Crowd) -> None:
    ann, bob, cat = (crowd.person(f"steady_{name}") for name in ("ann", "bob", "cat"))
    bob.create_room("steady one")
    bob.is_in_room("steady one")
    row = ann.room("steady one")
    row.wait_for()
    box = row.bounding_box()
    ann.page.mouse.move(box["x"] + 20, box["y"] + 10)
    ann.page.evaluate(GO_ON_POINTING)
    cat.create_room("steady two")
    ann.page.locator("#rooms-count", has_text="2").wait_for()
    assert (names(ann), row.bounding_box()) == (["steady one"], box), "what is new waits"
    bob.page.locator("#my-room-delete").click()
    bob.confirms("Delete room")
    ann.page.locator("#rooms li.gone").wait_for()
    assert (names(ann), row.bounding_box()) == (["steady one"], box), "what is gone stays"
    assert row.locator("[data-part=join]").is_disabled()
    ann.page.evaluate("clearInterval(window.pointing)")
    row.wait_for(state="detached")  # the pointer rests
    assert names(ann) == ["steady two"]
    cat.page.locator("#my-room-delete").click()
    cat.confirms("Delete room")


@pytest.mark.parametrize("size", [DESKTOP, TABLET, PHONE], ids=["desktop", "tablet", "phone"])
@pytest.mark.parametrize("view", ["Rooms", "Chat", "People"])
def test_what_the_page_says_covers_no_control(crowd: Crowd, size: dict[str, int], view: str) -> None:
    ann = crowd.person(f"said_{size['width']}_{view}", size=size)
    if size is PHONE:
        ann.page.locator("#views").get_by_role("button", name=view).click()
    assert ann.page.evaluate(SAYS_TWO_THINGS) == [2, []]


def test_toast_stays_for_as_long_as_somebody_points_at_it(crowd: Crowd) -> None:
    played = PlayedServer(crowd)
    played.is_connected()
    page, toast = played.page, played.page.locator(".toast", has_text="This room is full.")
    played.stand_still()
    played.say(played.sockets[0], "error", {"reason": "room_full"})
    toast.hover()
    played.pass_s(20)
    assert toast.is_visible()
    page.mouse.move(5, 700)
    played.pass_s(6.1)
    toast.wait_for(state="detached")


def test_toast_stays_for_as_long_as_somebody_is_in_it_wherever_they_point(crowd: Crowd) -> None:
    played = PlayedServer(crowd)
    played.is_connected()
    page, toast = played.page, played.page.locator(".toast", has_text="This room is full.")
    played.stand_still()
    played.say(played.sockets[0], "error", {"reason": "room_full"})
    toast.get_by_role("button").focus()
    toast.hover()
    page.mouse.move(5, 700)
    played.pass_s(20)
    assert toast.is_visible()
    page.locator("#chat-form input").focus()
    played.pass_s(6.1)
    toast.wait_for(state="detached")


def test_toast_that_a_newer_one_covers_on_a_phone_has_its_time_when_it_is_seen(crowd: Crowd) -> None:
    played = PlayedServer(crowd)
    played.is_connected()
    page = played.page
    page.set_viewport_size(PHONE)
    played.stand_still()
    full, gone = (
        page.locator(".toast", has_text=text) for text in ("This room is full.", "This room is not there any more.")
    )
    played.say(played.sockets[0], "error", {"reason": "room_full"})
    full.wait_for()
    played.pass_s(1)
    played.say(played.sockets[0], "error", {"reason": "room_not_found"})
    gone.wait_for()
    assert full.is_hidden()
    played.pass_s(6.1)
    gone.wait_for(state="detached")
    assert full.is_visible()
    played.pass_s(5.8)
    assert full.is_visible()
    played.pass_s(0.3)
    full.wait_for(state="detached")


def test_what_cannot_be_taken_back_is_asked_first_and_escape_means_no(crowd: Crowd) -> None:
    ann = crowd.person("sure_ann")
    ann.create_room("kept by cancel")
    ann.is_in_room("kept by cancel")
    for button in ("#my-room-delete", "#rooms li.mine [data-part=delete]"):
        ann.page.locator(button).click()
        ann.page.keyboard.press("Escape")
        ann.page.locator("#confirm").wait_for(state="hidden")
        ann.page.locator(button).click()
        ann.confirms("Cancel")
        ann.page.locator("#confirm").wait_for(state="hidden")
    ann.page.reload()
    ann.is_in_room("kept by cancel")


@pytest.mark.parametrize("width", [768, 1024, 1100])
def test_columns_of_a_tablet_begin_at_the_same_height(crowd: Crowd, width: int) -> None:
    ann = crowd.person(f"tablet_{width}", size={"width": width, "height": 1024})
    rooms, chat = ann.page.evaluate(BOXES, [".column.rooms", ".column.chat"])
    assert rooms["top"] == chat["top"]


@pytest.mark.parametrize("width", [768, 1024, 1100])
def test_panels_of_a_tablet_follow_one_another_without_a_hole(crowd: Crowd, width: int) -> None:
    """Though the chat beside them is taller than all of them."""
    page = crowd.person(f"hole_{width}", size={"width": width, "height": 1400}).page
    columns = [".column.rooms", ".column.people", ".column.rooms > .panel:last-child"]
    rooms, people, last = page.evaluate(BOXES, columns)
    assert people["top"] - last["bottom"] <= GAP_PX
    assert rooms["width"] == people["width"]
