"""The operations page: who may see it, and that it shows what the server does."""

from __future__ import annotations

from typing import Any

from tests.browser.conftest import Crowd
from tests.browser.test_client_rules import wait_until_page
from tests.process.clients import connect, token_of


def admin_token(crowd: Crowd, **claims: Any) -> str:
    return token_of(crowd.server, 900, "root", role="admin", **claims)


def open_ops(crowd: Crowd, token: str, **options: Any) -> Any:
    page = crowd.page("/ops", **options)
    page.get_by_label("Token of an administrator").fill(token)
    page.get_by_role("button", name="Open").click()
    return page


def figure(page: Any, title: str) -> list[str]:
    """The latest values of a figure, in words."""
    return list(page.locator("figure", has_text=title).locator("[data-part=value]").all_text_contents())


def test_administrator_sees_the_figures_live_and_after_a_reload(crowd: Crowd) -> None:
    page = open_ops(crowd, admin_token(crowd))
    page.locator("#connection[data-phase=connected]").wait_for()
    players = [connect(crowd.server, token_of(crowd.server, user_id, f"p{user_id}")) for user_id in range(1, 8)]
    wait_until_page(page, lambda: figure(page, "Connections") == ["7", "7", "7"])  # the last is not accepted at once
    wait_until_page(page, lambda: figure(page, "Memory")[0].endswith("MiB"))
    wait_until_page(page, lambda: figure(page, "Loop lag")[0].endswith("ms"))
    assert page.locator("figure canvas").count() == page.locator("figure").count() >= 12
    page.reload()
    page.wait_for_function("() => document.querySelector('figure [data-part=value]')?.textContent === '7'")
    for player in players:
        player.close()
    page.wait_for_function("() => document.querySelector('figure [data-part=value]')?.textContent === '0'")


def test_who_is_no_administrator_is_told_so_in_a_sentence(crowd: Crowd) -> None:
    page = open_ops(crowd, token_of(crowd.server, 1, "ann"))
    page.get_by_text("This login is valid, but not an administrator's.").wait_for()
    page.get_by_label("Token of an administrator").fill("nonsense")
    page.get_by_role("button", name="Open").click()
    page.get_by_text("Please log in again.").wait_for()
    assert page.locator("#inside").is_hidden()
