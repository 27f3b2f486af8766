"""The pages below a path, as behind a proxy that serves other things, too."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Crowd
from tests.browser.people import Person
from tests.process.clients import token_of


@pytest.mark.flags("--path-prefix", "/lobby")
def test_pages_work_below_the_path(own_crowd: Crowd) -> None:
    ann = Person(own_crowd.page("/lobby"), "ann")  # without the slash: the server leads there
    bob = Person(own_crowd.page("/lobby/"), "bob")
    for person in (ann, bob):
        person.register()
        person.is_connected()
    ann.create_room("capture")
    bob.join("capture")
    bob.is_in_room("capture")
    bob.page.reload()
    bob.is_connected()
    ann.page.goto("/lobby/ops")
    ann.page.get_by_label("Token of an administrator").fill(token_of(own_crowd.server, 900, "root", role="admin"))
    ann.page.get_by_role("button", name="Open").click()
    ann.page.locator("#connection[data-phase=connected]").wait_for()
