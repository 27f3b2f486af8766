"""What axe-core says of a page in every look: from a phone to a wide screen, light and dark.

A page is brought into its state once, and its window made wide and narrow, and its colours light and dark, around it:
its layout and its colours are matters of the style sheet alone, which asks for nothing but the window's.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.browser.conftest import DESKTOP, PHONE, TABLET
from tests.browser.test_any_text import TAKES_FRAMES

SIZES = {"wide": {"width": 1920, "height": 1080}, "desktop": DESKTOP, "tablet": TABLET, "phone": PHONE}
SCHEMES = ("light", "dark")
WITH_AXE = {"bypass_csp": True, "reduced_motion": "reduce"}
"""Options of a page that axe-core can be brought into."""
HOLD_TOASTS = "() => { for (const toast of document.querySelectorAll('.toast')) toast.remove = () => {}; }"
"""They would fade before the last look."""
DROP_TOASTS = """() => {
    for (const toast of document.querySelectorAll(".toast")) {
        delete toast.remove;
        toast.remove();
    }
}"""

Violation = tuple[str, str]
"""The rule, and the markup that breaks it."""


def each_look(page: Any) -> Iterator[str]:
    """Yields the name of each look while the page has it, and leaves the page as it was, and light."""
    size = page.viewport_size
    page.evaluate(HOLD_TOASTS)
    for name, other in SIZES.items():
        page.set_viewport_size(other)
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            page.evaluate(TAKES_FRAMES)
            yield f"{name}, {scheme}"
    page.evaluate(DROP_TOASTS)
    page.set_viewport_size(size)
    page.emulate_media(color_scheme="light")


def violations(page: Any, axe: Path, *, among: str = "") -> dict[str, list[Violation]]:
    """By look, those with none left out. `among`: only looks in which such an element is shown, of which there has to
    be one."""
    if page.evaluate("typeof axe") == "undefined":
        page.add_script_tag(path=str(axe))
    looked_at, found = 0, {}
    for look in each_look(page):
        if among and not page.locator(among).is_visible():
            continue
        looked_at += 1
        result = page.evaluate("axe.run({resultTypes: ['violations'], selectors: false})")
        assert len(result["passes"]) > 10, "it looked"
        if wrong := [(each["id"], node["html"][:200]) for each in result["violations"] for node in each["nodes"]]:
            found[look] = wrong
    assert looked_at, f"no look shows {among}"
    return found
