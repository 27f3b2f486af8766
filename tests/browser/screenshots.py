"""The pictures of the docs, from a real server on a lively evening: ``python -m tests.browser.screenshots`` writes them
into ``reports/screenshots``. `tests/docs/test_pictures.py` says how heavy one may be, and that each is shown.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from bench.processes.target import Target
from tests.browser.conftest import CHROMIUM_FLAGS, NO_RATES, PHONE, Crowd, chromium_path
from tests.browser.evening import Evening, people_the_lobby
from tests.browser.test_ops_page import admin_token, open_ops
from tests.process.clients import call

FOLDER = Path(__file__).parents[2] / "reports" / "screenshots"
DESK = {"width": 1280, "height": 800}
WHOLE_PAGE = {"width": 1280, "height": 3000}
"""The bar stands over nothing."""
CURVES_MS = 40_000
"""How long the server is watched before its operations page is a picture."""
REPORTS = (("dana", "robin", "writes the same line again and again"), ("ken", "niklaus", "rude name of a room"))


def shoot(page: Any, name: str, *, scheme: str = "light", size: dict[str, int] | None = None, of: str = "") -> None:
    """The window, or one element of the page."""
    if size is not None:
        page.set_viewport_size(size)
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    (page.locator(of) if of else page).screenshot(path=FOLDER / f"{name}.png")


def shoot_the_lobby(crowd: Crowd) -> None:
    with contextlib.ExitStack() as sockets:
        evening = people_the_lobby(crowd, sockets, size=DESK)
        ada, grace = evening.ada, evening.grace
        shoot(grace.page, "lobby", size=DESK)
        shoot(ada.page, "lobby-dark", size=DESK, scheme="dark")
        shoot(grace.page, "room", of="#my-room")
        shoot(ada.page, "phone", size=PHONE)
        ada.page.locator("#views [data-view=people]").click()
        shoot(ada.page, "phone-people", size=PHONE, scheme="dark")
        shoot_operations(crowd, evening)


def shoot_operations(crowd: Crowd, evening: Evening) -> None:
    root = admin_token(crowd)
    for sender, about, text in REPORTS:
        evening.players[sender].calls("/api/reports", {"username": about, "text": text})
    body = {"username": "brian", "reason": "spam", "ends_in_s": 86_400}
    call(crowd.server, "POST", "/api/admin/bans", body, token=root)
    page = open_ops(crowd, root, size=DESK)
    page.locator("#admin-reports li").first.wait_for()
    page.wait_for_timeout(CURVES_MS)
    page.locator("figure canvas").first.wait_for()
    shoot(page, "operations")
    shoot(page, "administration", of="#admin", size=WHOLE_PAGE)


def main() -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        target = Target(data_dir=Path(folder), flags=[*NO_RATES, "--ack-percent", "100"])
        with target.running():
            browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS)
            crowd = Crowd(browser, target)
            shoot_the_lobby(crowd)
            browser.close()
            print("\n".join(crowd.unexpected), file=sys.stderr)
            return int(bool(crowd.unexpected))


if __name__ == "__main__":
    sys.exit(main())
