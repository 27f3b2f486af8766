"""``GET /docs/protocol`` shows docs/protocol.md as it is."""

from __future__ import annotations

import re
import urllib.request

from tests.docs.markdown import anchors
from tests.docs.render import PAGE, SOURCE, render
from tests.docs.server import Target
from tests.patience import PATIENCE_S


def test_kept_page_is_made_from_the_text_as_it_is() -> None:
    """If not: python -m tests.docs.render."""
    assert PAGE.read_text(encoding="utf-8") == render(SOURCE.read_text(encoding="utf-8"))


def test_server_shows_it_and_the_lobby_page_links_to_it(plain_target: Target) -> None:
    with urllib.request.urlopen(f"{plain_target.http_url}/docs/protocol", timeout=PATIENCE_S) as answer:
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert answer.read() == PAGE.read_bytes()
    with urllib.request.urlopen(plain_target.http_url, timeout=PATIENCE_S) as answer:
        assert b'<a href="docs/protocol"' in answer.read()


def test_every_heading_can_be_linked_to_and_every_link_leads_to_one() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert set(re.findall(r'<h\d id="([^"]+)"', page)) == anchors(SOURCE.read_text(encoding="utf-8"))
    inside = re.findall(r'href="#([^"]+)"', page)
    assert inside
    assert set(inside) <= anchors(SOURCE.read_text(encoding="utf-8"))


def test_markup_in_the_text_stays_text() -> None:
    page = render(
        "# A <b>bold</b> title\n\n<script>alert(1)</script> [x](javascript:alert(1)) [y](other.md) [z](#here)\n"
    )
    assert "<script>" not in page
    assert "<b>" not in page
    assert "javascript:" not in re.sub(r"\[x\]\(javascript:[^)]*\)", "", page)
    assert "other.md" not in page
    assert '<a href="#here">z</a>' in page
