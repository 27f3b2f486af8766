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


ASKS_FOR_THE_WINDOW = re.compile(
    r"\b(?:inner|outer)(?:Width|Height)\b|[\"']resize[\"']|\bonresize\b|\bvisualViewport\b"
    r"|matchMedia\((?!\"[^\"]*\"\)\.addEventListener\(\"change\")"
)


@pytest.mark.parametrize("script", ["if (innerWidth < 720) look();", 'const dark = matchMedia("(dark)").matches;'])
def test_script_that_asks_for_the_window_is_seen(script: str) -> None:
    assert ASKS_FOR_THE_WINDOW.search(script)


def test_no_script_asks_for_the_window_so_that_a_page_may_be_looked_at_in_every_size_and_colour() -> None:
    """One that follows a change of the window is fine."""
    scripts = [path for path in STATIC.rglob("*.js") if "vendor" not in path.parts]
    assert len(scripts) > 40
    asking = {path.name: ASKS_FOR_THE_WINDOW.findall(path.read_text(encoding="utf-8")) for path in scripts}
    assert {name: found for name, found in asking.items() if found} == {}
