"""How the lobby page looks and speaks: sizes for thumbs, what the first paint weighs, colours by name, German."""

from __future__ import annotations

import re

import pytest

from tests.browser.conftest import OPENED, PHONE, Crowd
from tests.browser.everything import OPERATIONS_DIALOGS, closed, opened, visit_everything
from tests.browser.operations import open_busy_ops, open_ops_of_nodes
from tests.browser.people import Person
from tests.browser.test_any_text import TAKES_FRAMES
from tests.browser.test_client_rules import wait_until_page

FIRST_PAINT_KB = 100
THUMB_PX = 44
PRESSED = "button, select, summary, input:not([type=checkbox]), textarea, label:has(> input[type=checkbox])"
TOO_SMALL = """([pressed, least]) => [...document.querySelectorAll(pressed)]
    .filter((element) => element.checkVisibility() && !element.closest(".lines"))
    .filter((element) => {
        const { width, height } = element.getBoundingClientRect();
        return Math.min(width, height) < least - 0.5;
    })
    .map((element) => element.outerHTML.slice(0, 120))"""
"""Both ways."""
TRANSFERRED = """() => {
    const [painted] = performance.getEntriesByName("first-contentful-paint");
    const files = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
    const sum = (some) => some.reduce((total, file) => total + file.transferSize, 0) / 1000;
    return [sum(files.filter((file) => file.responseEnd <= painted.startTime)), sum(files)];
}"""
"""Heads of answers among it."""
ENGLISH = """async () => {
    const [english, german] = (await Promise.all(
        ["en", "de"].map((language) => import(`./static/lobby/words/words_${language}.js`))
    )).map(({ WORDS }) => WORDS);
    const foreign = new Set(Object.keys(english)
        .filter((key) => typeof english[key] === "string" && english[key] !== german[key]).map((key) => english[key]));
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    while (texts.nextNode()) {
        const node = texts.currentNode;
        const words = node.data.trim().replace(/\\s+/g, " ");
        if (foreign.has(words) && node.parentElement.checkVisibility()) found.push(words);
    }
    return found;
}"""
"""On a page that speaks German."""


def is_joined_by(guest: Person, host: Person, mode: str) -> None:
    guest.join(mode)
    host.page.locator("#my-room-members li", has_text=guest.name).wait_for()


def test_everything_that_is_pressed_on_a_phone_has_room_for_a_thumb(crowd: Crowd) -> None:
    ann = crowd.person("thumb_ann", size=PHONE)
    ann.create_room("thumbs")
    ann.is_in_room("thumbs")
    is_joined_by(crowd.person("ivy"), ann, "thumbs")  # a short name
    for where in visit_everything(ann.page):
        assert ann.page.evaluate(TOO_SMALL, [PRESSED, THUMB_PX]) == [], where
        assert ann.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), where
    door = crowd.page(size=PHONE)
    assert door.evaluate(TOO_SMALL, [PRESSED, THUMB_PX]) == []
    door.locator("#forgot").click()
    assert door.evaluate(TOO_SMALL, [PRESSED, THUMB_PX]) == []
    reset = crowd.page("/#reset=some.reset.token", size=PHONE)
    reset.locator("#reset-password").wait_for()
    assert reset.evaluate(TOO_SMALL, [PRESSED, THUMB_PX]) == []


def test_everything_that_an_administrator_presses_on_a_phone_has_room_for_a_thumb(crowd: Crowd) -> None:
    page = open_busy_ops(crowd, "thumb", size=PHONE)
    nodes = open_ops_of_nodes(crowd, size=PHONE)
    door = crowd.page("/ops", size=PHONE)
    for each in (page, nodes, door):
        assert each.evaluate(TOO_SMALL, [PRESSED, THUMB_PX]) == []
        assert each.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for name in OPERATIONS_DIALOGS:
        page.locator("#admin-player [name=username]").fill("somebody")
        opened(page, OPERATIONS_DIALOGS, name)
        assert page.evaluate(TOO_SMALL, [PRESSED, THUMB_PX]) == [], name
        closed(page, name)


def test_nothing_that_is_typed_into_makes_a_phone_zoom(crowd: Crowd) -> None:
    """As they do where letters are smaller than 16 px."""
    page = crowd.person("zooms_ann", size=PHONE).page
    sizes = """() => [...document.querySelectorAll("input:not([type=checkbox]), select, textarea")]
        .map((each) => parseFloat(getComputedStyle(each).fontSize))"""
    found = page.evaluate(sizes)
    assert (len(found) > 20, min(found) >= 16) == (True, True)


def test_first_paint_of_the_door_is_light(crowd: Crowd) -> None:
    page, held = crowd.page("about:blank"), []
    page.route("**/lobby_page.js", lambda route: held.append(route))  # the rest comes after the paint, however late
    page.goto("/")
    wait_until_page(
        page, lambda: held and page.evaluate("performance.getEntriesByName('first-contentful-paint').length > 0")
    )
    before_kb, _ = page.evaluate(TRANSFERRED)
    held[0].continue_()
    page.wait_for_function(OPENED)
    _, all_kb = page.evaluate(TRANSFERRED)
    print(f"the door transfers {before_kb:.1f} kB until its first paint, {all_kb:.1f} kB in all")
    assert 5 < before_kb <= FIRST_PAINT_KB


def test_name_has_one_colour_wherever_it_stands(crowd: Crowd) -> None:
    ann, bob = crowd.person("colour_ann"), crowd.person("colour_bob")
    bob.create_room("in colour")
    ann.join("in colour")
    ann.is_in_room("in colour")
    colours = (
        "() => [...document.querySelectorAll('.avatar')].filter((each) => each.drawnName === 'colour_bob')"
        ".map((each) => getComputedStyle(each).backgroundColor)"
    )
    ann.page.wait_for_function(f"() => ({colours})().length >= 2")
    found = ann.page.evaluate(colours)
    assert len(set(found)) == 1
    own = ann.page.evaluate(colours.replace("colour_bob", "colour_ann"))
    assert set(own) != set(found)


def test_page_speaks_german_to_a_german_browser_and_english_once_chosen(crowd: Crowd) -> None:
    page = crowd.page(locale="de-DE")
    page.get_by_label("Benutzername").fill("deutsch_ann")
    page.locator("#login-password").fill("ein gutes Passwort")
    page.get_by_role("button", name="Registrieren").click()
    ann = Person(page, "deutsch_ann")
    ann.is_connected()
    page.locator("#create-room-fold summary").click()
    page.get_by_label("Spielmodus", exact=True).first.wait_for()
    page.locator("#create-room [name=gamemode]").fill("duel")
    page.get_by_role("button", name="Erstellen", exact=True).click()
    ann.is_in_room("duel")
    bob = crowd.person("english_bob")
    is_joined_by(bob, ann, "duel")
    bob.page.locator("#friend-form input").fill(ann.name)
    bob.page.locator("#friend-form button").click()
    page.locator("#notifications-items li", has_text="Freundschaftsanfrage").wait_for(state="attached")
    page.set_viewport_size(PHONE)
    for where in visit_everything(page):
        assert page.evaluate(ENGLISH) == [], where
    assert page.locator("html").get_attribute("lang") == "de"
    page.locator("#language").select_option(label="English")
    page.get_by_role("button", name="Log out").wait_for()
    assert page.locator("html").get_attribute("lang") == "en"


@pytest.mark.parametrize("name", ["ab", "deutsch"])
def test_what_the_server_says_is_german_too(crowd: Crowd, name: str) -> None:
    crowd.expected += ["400 (Bad Request)", "401 (Unauthorized)"]
    page = crowd.page(locale="de")
    page.locator("#login-username").fill(name)
    page.locator("#login-password").fill("falsches Passwort")
    page.get_by_role("button", name="Registrieren" if name == "ab" else "Anmelden").click()
    sentence = "Ein Benutzername hat 3 bis 20" if name == "ab" else "Benutzername oder Passwort stimmen nicht."
    page.locator("#login-problem", has_text=sentence).wait_for()


def test_moments_are_written_in_the_language_of_the_page(crowd: Crowd) -> None:
    """Also where the browser prefers another one."""
    ann = crowd.person("time_ann", locale="en-US")
    ann.says("what time is it?")
    ann.page.locator("#chat-lines time", has_text=re.compile(r"^\d\d:\d\d [AP]M$")).wait_for()
    ann.page.locator("#language").select_option("de")
    ann.page.locator("#chat-lines time", has_text=re.compile(r"^\d\d:\d\d$")).wait_for()
    ann.page.locator("#online button", has_text="time_ann").click()
    ann.page.locator("#person", has_text=re.compile(r"\d{1,2}\.\d{1,2}\.\d{4}")).wait_for()


def test_moments_are_written_where_the_browser_names_a_language_that_is_none(crowd: Crowd) -> None:
    """As Chromium does that was started with LANG=C."""
    page = crowd.page()
    page.add_init_script("Object.defineProperty(navigator, 'languages', { get: () => ['en-US@posix', 'en-GB'] })")
    page.reload()
    written = page.evaluate(
        "async () => (await import('./static/lobby/words/moments.js')).dateOf(Date.UTC(2026, 4, 17, 12))"
    )
    assert written == "17/05/2026"


def test_operations_page_that_turns_dark_before_it_was_told_a_figure_complains_of_nothing(crowd: Crowd) -> None:
    page = open_ops_of_nodes(crowd)
    assert page.locator("figure canvas").count() == 0, "nothing was told"
    page.emulate_media(color_scheme="dark")
    page.evaluate(TAKES_FRAMES)
    assert crowd.unexpected == []


def test_mark_of_a_room_stays_on_one_line(crowd: Crowd) -> None:
    ann = crowd.person("mark_ann")
    ann.create_room("a mode of some length", map_name="and a map", name="Room of a long name")
    ann.is_in_room("a mode of some length")
    for width in range(330, 420, 15):
        ann.page.set_viewport_size({"width": width, "height": 800})
        mark = ann.page.locator("#rooms .badge").first
        mark.evaluate("mark => { mark.hidden = false; }")
        assert len(mark.evaluate("mark => [...mark.getClientRects()].map(({ top }) => top)")) == 1, width


@pytest.mark.parametrize(("motion", "moved"), [("reduce", []), ("no-preference", ["arrive"])])
def test_new_room_is_seen_to_arrive_by_who_has_not_asked_for_less_motion(
    crowd: Crowd, motion: str, moved: list[str]
) -> None:
    ann, bob = crowd.person(f"motion_ann_{len(moved)}", reduced_motion=motion), crowd.person(f"motion_bob_{len(moved)}")
    ann.page.locator("#rooms-loading").wait_for(state="hidden")
    ann.page.evaluate(
        "() => { window.moved = []; addEventListener('animationstart', (each) => moved.push(each.animationName)); }"
    )
    bob.create_room(f"motion {motion}")
    ann.room(f"motion {motion}").wait_for()
    ann.page.evaluate(TAKES_FRAMES)
    ann.page.wait_for_function("count => moved.length >= count", arg=len(moved))  # is told of some frames later
    assert ann.page.evaluate("moved") == moved
