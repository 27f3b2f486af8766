"""Invitations that are over leave the page by themselves."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Crowd
from tests.browser.people import Person


def invite(person: Person, form: str, guest: Person) -> None:
    person.page.locator(f"{form} input[name=username]").fill(guest.name)
    person.page.locator(f"{form} button").click()


@pytest.mark.parametrize("into", ["room", "party"])
def test_invitation_whose_sender_left_is_taken_back_from_every_tab(crowd: Crowd, into: str) -> None:
    ann, bob = crowd.person(f"over_a_{into}"), crowd.person(f"over_b_{into}")
    tab = Person(crowd.page(), bob.name)
    tab.log_in()
    tab.is_connected()
    if into == "room":
        ann.create_room("soon over", public=False)
        ann.is_in_room("soon over")
    invite(ann, "#my-room-invite" if into == "room" else "#party-form", bob)
    for each in (bob, tab):
        each.page.locator(".question", has_text="invites you into").wait_for()
        each.page.locator("#notifications-count", has_text="1").wait_for()
    ann.page.locator("#my-room-leave" if into == "room" else "#party-leave").click()
    for each in (bob, tab):
        each.page.locator(".question").wait_for(state="detached")
        each.page.locator("#notifications-count").wait_for(state="hidden")


@pytest.mark.parametrize("into", ["room", "party"])
def test_invitation_that_is_declined_in_one_tab_leaves_the_other_one(crowd: Crowd, into: str) -> None:
    ann, bob = crowd.person(f"decl_a_{into}"), crowd.person(f"decl_b_{into}")
    tab = Person(crowd.page(), bob.name)
    tab.log_in()
    tab.is_connected()
    if into == "room":
        ann.create_room("no thanks", public=False)
        ann.is_in_room("no thanks")
    invite(ann, "#my-room-invite" if into == "room" else "#party-form", bob)
    tab.page.locator(".question", has_text="invites you into").wait_for()
    bob.answers("invites you into", "Decline")
    tab.page.locator(".question").wait_for(state="detached")
    for each in (bob, tab):
        each.page.locator("#notifications-count").wait_for(state="hidden")


def test_leader_withdraws_an_invitation_and_it_leaves_the_page_of_the_guest(crowd: Crowd) -> None:
    ann, bob = crowd.person("takes_back"), crowd.person("taken_back")
    invite(ann, "#party-form", bob)
    bob.page.locator(".question", has_text="invites you into a party").wait_for()
    ann.page.get_by_role("button", name="Withdraw the invitation of taken_back").click()
    bob.page.locator(".question").wait_for(state="detached")
    ann.page.locator("#party-invited").wait_for(state="hidden")
