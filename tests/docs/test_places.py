"""The modules and folders that the pages name are there."""

from __future__ import annotations

import re
from pathlib import Path

from tests.docs.markdown import PAGES, ROOT, without_fences

TO_BE_ADDED = {"lab.md: bench/scenarios/logout.py"}
"""What a reader makes who follows the page."""


def missing_places(pages: list[Path], root: Path) -> list[str]:
    """Files and folders that are named in backticks and are not there. Inside the walk, paths are those below the
    server's package."""
    missing = []
    for page in pages:
        for place in re.findall(r"`((?:[a-z_]+/)+(?:[a-z_]+\.py|[a-z_]*))`", without_fences(page.read_text("utf-8"))):
            if not any((folder / place).exists() for folder in (root, root / "lobby_server", page.parent)):
                missing.append(f"{page.name}: {place}")
    return missing


def test_places_that_are_named_exist() -> None:
    assert set(missing_places(PAGES, ROOT)) == TO_BE_ADDED


def test_place_that_is_gone_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("See `lobby_server/gone.py`, `web/routes.py` and `lobby_server/`.")
    assert missing_places([page], ROOT) == ["page.md: lobby_server/gone.py"]
