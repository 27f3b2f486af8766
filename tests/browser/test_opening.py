"""How the pages open: they are read before all of it is there, and say so where it does not come."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.browser.conftest import OPENED, PATIENCE_MS, REMEMBERS, SERVER_AWAY, Crowd
from tests.browser.people import Person
from tests.browser.test_client_rules import AT, wait_until_page

FAILED = ["ERR_FAILED", "uncaught"]
"""What a browser complains of where a module does not come."""
NOT_OPENED = {"en": "could not be loaded whole", "de": "konnte nicht ganz geladen werden"}
LATE = "is taking long to load"
LATE_S = 10
TIME_PASSES = """seconds => {
    const [late] = document.querySelector(".late").getAnimations();
    late.pause();
    late.currentTime = 1000 * seconds;
}"""
"""For the sentence that waits for the page to open."""
EITHER_PAGE = pytest.mark.parametrize("address", ["/", "/ops"])


def blank(crowd: Crowd, **options: Any) -> Any:
    """A page that is to go elsewhere."""
    return crowd.page("/docs/protocol", **options)


@pytest.mark.parametrize(("address", "module"), [("/", "lobby_page.js"), ("/ops", "ops_page.js")])
def test_page_is_read_before_the_rest_of_it_is_there_and_nothing_is_pressed_in_vain(
    crowd: Crowd, address: str, module: str
) -> None:
    page, held = blank(crowd), []
    page.route(f"**/{module}", lambda route: held.append(route))
    page.goto(address)
    page.get_by_role("button", name="Log in").wait_for()
    wait_until_page(page, lambda: len(held) == 1)
    pressed = page.locator("button:visible:not(#load-again), select:visible")  # that one comes where it takes long
    assert pressed.count() >= 3
    for each in pressed.all():
        assert each.is_disabled()
    held[0].continue_()
    page.wait_for_function(OPENED)
    for each in pressed.all():
        assert each.is_enabled()


@EITHER_PAGE
def test_what_the_words_wait_for_is_asked_for_at_once(crowd: Crowd, address: str) -> None:
    """Not one after the other came: each would cost the reader a round trip."""
    page, asked = blank(crowd), set()
    page.route("**/static/**/*.js", lambda route: asked.add(route.request.url.rpartition("/")[2]))
    page.goto(address, wait_until="commit")
    entry = {"/": "lobby.js", "/ops": "ops.js"}[address]
    wait_until_page(page, lambda: asked >= {entry, "opening.js", "words.js", "storage.js"})


@pytest.mark.parametrize(
    ("address", "module", "locale"),
    [
        ("/", "lobby_page.js", "en"),
        ("/", "people.js", "de"),
        ("/ops", "ops_page.js", "de"),
        ("/ops", "figures.js", "en"),
    ],
)
def test_page_of_which_a_module_does_not_come_says_so_at_its_door_and_opens_when_loaded_again(
    crowd: Crowd, address: str, module: str, locale: str
) -> None:
    crowd.expected += FAILED
    page, sentence = blank(crowd, locale=locale), NOT_OPENED[locale]
    page.route(f"**/{module}", lambda route: route.abort())
    page.goto(address)
    page.locator("#door-news", has_text=sentence).wait_for()
    for each in page.locator("button:visible:not(#load-again)").all():
        assert each.is_disabled()
    page.unroute(f"**/{module}")
    with page.expect_navigation():
        page.locator("#load-again").click()
    page.wait_for_function(OPENED)
    assert page.locator("#door-news").text_content() == ""
    assert page.locator("#load-again").is_hidden()


def held_up(crowd: Crowd, address: str, module: str, login: Any = None) -> tuple[Any, list[Any]]:
    """A page whose first request for one of its modules is not answered, and that request. Its clock stands still but
    for what the test lets pass."""
    page, held = blank(crowd), []
    if login is not None:
        page.add_init_script(REMEMBERS % json.dumps(json.dumps(login)))
    page.route(f"**/{module}", lambda route: route.continue_() if held else held.append(route))
    page.clock.install(time=AT / 1000)
    page.clock.pause_at(AT / 1000 + 3600)
    page.goto(address)
    wait_until_page(page, lambda: page.clock.run_for(20) or held)
    return page, held


@pytest.mark.parametrize(("address", "module"), [("/", "people.js"), ("/ops", "figures.js")])
def test_page_of_which_a_module_hangs_says_so_and_goes_on_once_it_comes(
    crowd: Crowd, address: str, module: str
) -> None:
    page, held = held_up(crowd, address, module)
    assert page.locator("#door-news").text_content() == ""
    page.clock.run_for(1000 * LATE_S)
    page.locator("#door-news", has_text=LATE).wait_for()
    assert page.get_by_role("button", name="Load again").is_enabled()
    held[0].continue_()
    page.wait_for_function(OPENED)
    assert page.locator("#door-news").text_content() == ""
    assert page.locator("#load-again").is_hidden()


@EITHER_PAGE
def test_page_of_which_a_module_hangs_is_loaded_again_by_its_button(crowd: Crowd, address: str) -> None:
    module = {"/": "lobby_page.js", "/ops": "ops_page.js"}[address]
    page, held = held_up(crowd, address, module)
    page.clock.run_for(1000 * LATE_S)
    with page.expect_navigation():
        page.get_by_role("button", name="Load again").click()
    wait_until_page(page, lambda: page.clock.run_for(100) or page.evaluate(OPENED))
    assert (len(held), page.locator("#load-again").is_hidden()) == (1, True)


def test_who_has_logged_in_before_sees_no_form_of_the_door_while_the_page_opens(crowd: Crowd) -> None:
    made = crowd.account("returns_ann")
    login = {"token": made["token"], "user": {key: made["user"][key] for key in ("id", "username")}}
    page, held = held_up(crowd, "/", "lobby_page.js", login)
    page.get_by_text("Opening…").wait_for()
    assert page.locator("#login-form").is_hidden()
    held[0].continue_()
    Person(page, "returns_ann").is_connected()
    assert page.locator("#door").is_hidden()
    page.locator("#log-out").click()
    page.locator("#login-form").wait_for()


def test_login_that_holds_no_more_leads_to_the_forms_of_the_door(crowd: Crowd) -> None:
    page, held = held_up(crowd, "/", "lobby_page.js", {"token": "no token", "user": {"id": 1, "username": "nobody"}})
    held[0].continue_()
    page.locator("#door-news", has_text="Your login has ended").wait_for()
    page.locator("#login-form").wait_for()
    assert page.evaluate("document.activeElement.id") == "login-username"


def test_language_is_not_changed_while_the_server_is_away_and_the_page_stays(own_crowd: Crowd) -> None:
    own_crowd.expected += SERVER_AWAY
    ann = own_crowd.person("away_ann")
    page, languages = ann.page, ann.page.locator("#language")
    own_crowd.server.stop()
    ann.is_not_connected()
    languages.select_option("de")
    page.locator("#language-news", has_text="The server does not answer.").wait_for()
    assert (languages.input_value(), page.locator("#my-name").text_content()) == ("en", "away_ann")
    own_crowd.server.start()
    languages.select_option("de")
    page.get_by_role("button", name="Abmelden").wait_for()
    assert page.locator("html").get_attribute("lang") == "de"


@EITHER_PAGE
@pytest.mark.parametrize(
    ("module", "motion"), [("{entry}.js", "reduce"), ("storage.js", "no-preference"), ("words_en.js", "reduce")]
)
def test_page_of_which_not_even_the_words_come_says_so_once_it_is_late(
    crowd: Crowd, address: str, module: str, motion: str
) -> None:
    crowd.expected += [*FAILED, "preloaded"]
    page, failed = blank(crowd, reduced_motion=motion), []
    file = module.format(entry={"/": "lobby", "/ops": "ops"}[address])
    page.route(f"**/static/**/{file}", lambda route: (failed.append(file), route.abort()))
    page.goto(address)
    wait_until_page(page, lambda: failed == [file] * len(failed) != [])
    english, german = page.get_by_text("taking long to open"), page.get_by_text("dauert lange")
    page.evaluate(TIME_PASSES, LATE_S - 0.1)
    assert english.is_hidden()
    page.evaluate(TIME_PASSES, LATE_S + 0.1)
    english.wait_for()
    german.wait_for()
    assert page.locator("button:visible").count() == 0
    page.unroute(f"**/static/**/{file}")
    page.reload()
    page.wait_for_function(OPENED)
    page.wait_for_function("() => document.documentElement.dataset.words === 'en'")
    assert english.is_hidden()


@EITHER_PAGE
def test_page_without_scripts_says_what_it_needs_and_nothing_of_being_late(crowd: Crowd, address: str) -> None:
    context = crowd.chromium.new_context(base_url=crowd.server.http_url, java_script_enabled=False)
    context.set_default_timeout(PATIENCE_MS)
    crowd.contexts.append(context)
    page = context.new_page()
    page.goto(address)
    page.locator("noscript p").wait_for()
    assert page.locator(".late").evaluate("late => getComputedStyle(late).display") == "none"
