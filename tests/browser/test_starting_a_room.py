"""From a room to a game: readiness, start, settings, hand-over, bans."""

from __future__ import annotations

from typing import Any

from tests.browser.conftest import Crowd
from tests.browser.people import Person


def stage(person: Person, words: str) -> None:
    person.page.locator("#my-room-stage", has_text=words).wait_for()


def two(crowd: Crowd, prefix: str) -> tuple[Person, Person]:
    """The host of a room, and a member."""
    ann, bob = crowd.person(f"{prefix}_ann"), crowd.person(f"{prefix}_bob")
    ann.create_room(f"{prefix} game")
    ann.is_in_room(f"{prefix} game")
    bob.join(f"{prefix} game")
    bob.is_in_room(f"{prefix} game")
    return ann, bob


def member(person: Person, name: str) -> Any:
    return person.page.locator("#my-room-members li", has_text=name)


def test_host_starts_when_all_are_ready_and_nobody_new_joins(crowd: Crowd) -> None:
    ann, bob = two(crowd, "start")
    cat = crowd.person("start_cat")
    stage(ann, "One player is not ready.")
    bob.page.get_by_role("button", name="I am ready").click()
    stage(ann, "Everybody is ready.")
    member(ann, "start_bob").locator("[data-part=ready]").wait_for()
    stage(bob, "Waiting for the host to start.")
    ann.page.get_by_role("button", name="Start the game").click()
    for person in (ann, bob):
        person.is_told("The game has started.")
        stage(person, "nobody new can join")
    join = cat.room("start game").locator("[data-part=join]")
    cat.page.locator("#rooms li.started").wait_for()
    assert (join.text_content(), join.is_disabled()) == ("In game", True)
    bob.page.reload()  # who plays may come back
    bob.is_in_room("start game")
    ann.page.get_by_role("button", name="End the game").click()
    cat.join("start game")
    cat.is_in_room("start game")


def test_host_may_start_though_a_player_is_not_ready_once_sure(crowd: Crowd) -> None:
    ann, bob = two(crowd, "force")
    ann.page.get_by_role("button", name="Start the game").click()
    ann.page.locator("#confirm", has_text="One player is not ready.").wait_for()
    ann.confirms("Cancel")
    stage(ann, "One player is not ready.")
    ann.page.get_by_role("button", name="Start the game").click()
    ann.confirms("Start anyway")
    bob.is_told("The game has started.")


def test_settings_of_the_host_are_everybodys_at_once(crowd: Crowd) -> None:
    crowd.expected.append("400 (Bad Request)")
    ann, bob = two(crowd, "settings")
    cat = crowd.person("settings_cat")
    assert not bob.page.locator("#my-room-settings").is_visible()
    ann.page.locator("#my-room-settings").click()
    form = ann.page.locator("#room-settings-form")
    assert form.get_by_label("Game mode").input_value() == "settings game"
    form.get_by_label("Players").fill("1")
    form.get_by_role("button", name="Save").click()
    form.get_by_text("A room has places for 2 to 64 players.").wait_for()
    form.get_by_label("Players").fill("3")
    form.get_by_label("Name").fill("Friday night")
    form.get_by_label("Map").fill("Foundry")
    form.get_by_role("button", name="Save").click()
    for person in (ann, bob):
        person.is_in_room("Friday night · settings game on Foundry")
    cat.room("Friday night").locator("[data-part=players]", has_text="2/3").wait_for()
    ann.page.locator("#my-room-settings").click()
    form.get_by_label("In the public list").uncheck()
    form.get_by_role("button", name="Save").click()
    cat.room("Friday night").wait_for(state="detached")
    for person in (ann, bob):
        person.is_in_room("Friday night")
        person.page.locator("#my-room-visibility", has_text="Private").wait_for()


def test_host_hands_over_and_the_new_one_has_the_controls(crowd: Crowd) -> None:
    ann, bob = two(crowd, "hand")
    member(ann, "hand_bob").locator("[data-part=lead]").click()
    ann.confirms("Make host")
    member(bob, "hand_bob").locator("[data-part=host]").wait_for()
    bob.page.locator("#my-room-settings").wait_for()
    ann.page.locator("#my-room-settings").wait_for(state="hidden")
    assert not ann.page.locator("#my-room-delete").is_visible()


def test_banned_player_is_listed_and_comes_back_after_the_unban(crowd: Crowd) -> None:
    ann, bob = two(crowd, "ban")
    ann.page.locator("#my-room-bans-fold summary").click()
    ann.page.locator("#my-room-bans-none").wait_for()
    member(ann, "ban_bob").locator("[data-part=kick]").click()
    bob.is_told("The host kicked you from the room.")
    ann.page.locator("#my-room-bans li", has_text="ban_bob").get_by_role("button", name="Unban").click()
    ann.page.locator("#my-room-bans-none").wait_for()
    bob.join("ban game")
    bob.is_in_room("ban game")


def test_page_on_the_base_protocol_shows_no_controls_that_it_cannot_follow(crowd: Crowd) -> None:
    ann = crowd.person("base_ann", address="/?features=none")
    ann.create_room("base game")
    ann.is_in_room("base game")
    for part in ("share", "play", "settings", "bans-fold"):
        assert not ann.page.locator(f"#my-room-{part}").is_visible(), part
