"""Every view and every dialog of the pages, and how each is opened: what looks at all of them goes through here.

`tests/web/page/test_everything.py` holds the lists against the pages, so that a new dialog is looked at, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

VIEWS = ("rooms", "chat", "people")
LOBBY_DIALOGS: dict[str, tuple[str, ...]] = {
    "account": ("#account-button",),
    "notifications": ("#notifications-button",),
    "room-settings": ("#my-room-settings",),
    "room-card": ("#rooms li [data-part=open]",),
    "confirm": ("#my-room-delete",),
    "person": ("#my-room-members li:nth-child(2) [data-part=name]",),
    "report": ("#my-room-members li:nth-child(2) [data-part=name]", "#person [data-part=deeds] button:last-child"),
}
"""What is pressed, one after the other, by the host of a room with a member in it."""
OPERATIONS_DIALOGS: dict[str, tuple[str, ...]] = {"confirm": ("#admin-player button[value=ban]",)}
"""The same for an administrator, who has named a player."""


def opened(page: Any, dialogs: dict[str, tuple[str, ...]], name: str) -> Any:
    """A dialog with all its folds open."""
    for selector in dialogs[name]:
        page.locator(selector).first.click()
    dialog = page.locator(f"#{name}")
    page.locator(f"#{name}[open]").wait_for()
    dialog.evaluate("dialog => { for (const fold of dialog.querySelectorAll('details')) fold.open = true; }")
    return dialog


def closed(page: Any, name: str) -> None:
    page.keyboard.press("Escape")
    page.locator(f"#{name}").wait_for(state="hidden")


def visit_everything(page: Any) -> Iterator[str]:
    """Each view and dialog of the lobby page in turn; yields its name while it is open."""
    for view in VIEWS:
        page.evaluate("view => document.querySelector(`#views [data-view=${view}]`).click()", view)
        yield view
    page.evaluate("document.querySelector('#views [data-view=rooms]').click()")
    for name in LOBBY_DIALOGS:
        opened(page, LOBBY_DIALOGS, name)
        yield name
        closed(page, name)
