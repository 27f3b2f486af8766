"""One player on two devices: what one of them does to the room of the other."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Crowd
from tests.browser.people import Person


@pytest.mark.parametrize("address", ["/", "/?features=none"], ids=["features", "base"])
def test_laptop_that_comes_back_leaves_its_player_in_the_room_they_are_in(crowd: Crowd, address: str) -> None:
    key = "b" if "features" in address else "f"
    host, other = crowd.person(f"two_h_{key}"), crowd.person(f"two_o_{key}")
    host.create_room(f"two-old-{key}")
    other.create_room(f"two-new-{key}")
    phone = crowd.person(f"two_p_{key}")
    laptop = Person(crowd.page(address), phone.name)
    laptop.log_in()
    laptop.is_connected()
    laptop.join(f"two-old-{key}")
    laptop.is_in_room(f"two-old-{key}")
    laptop.page.goto("about:blank")
    phone.join(f"two-new-{key}")
    phone.is_in_room(f"two-new-{key}")
    laptop.page.goto(address)
    laptop.is_connected()
    if address == "/":
        laptop.is_in_room(f"two-new-{key}")
    other.page.locator("#my-room-members [data-part=name]", has_text=phone.name).wait_for()
    laptop.page.evaluate("() => new Promise((done) => setTimeout(done, 200))")  # its way back has been answered
    assert phone.page.locator("#my-room-title", has_text=f"two-new-{key}").count() == 1
    assert phone.name in other.members()
    assert phone.name not in host.members()
    assert laptop.page.locator(".toast", has_text="could not do that").count() == 0
