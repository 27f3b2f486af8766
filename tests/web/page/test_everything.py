"""What looks at every view and dialog of the pages knows all of them."""

from __future__ import annotations

import re

import pytest

from lobby_server.web.pages import STATIC
from tests.browser.everything import LOBBY_DIALOGS, OPERATIONS_DIALOGS, VIEWS


@pytest.mark.parametrize(
    ("page", "dialogs"), [("index.html", LOBBY_DIALOGS), ("ops.html", OPERATIONS_DIALOGS)], ids=["lobby", "operations"]
)
def test_every_dialog_of_a_page_is_listed(page: str, dialogs: dict[str, tuple[str, ...]]) -> None:
    html = (STATIC / page).read_text(encoding="utf-8")
    assert sorted(re.findall(r'<dialog id="([^"]+)"', html)) == sorted(dialogs)
    assert html.count("<dialog") == len(dialogs), "one without a name cannot be listed"


def test_every_view_of_the_lobby_page_is_listed() -> None:
    html = (STATIC / "index.html").read_text(encoding="utf-8")
    assert tuple(re.findall(r'data-view="([^"]+)"', html)) == VIEWS
