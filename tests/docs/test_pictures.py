"""The pictures of the pages: each is shown somewhere, light enough for a repository, and large enough to be read."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PICTURES = sorted((ROOT / "reports" / "screenshots").glob("*.png"))
MOST_BYTES = 200_000
LEAST_WIDTH_PX = 360


def test_there_are_some() -> None:
    assert len(PICTURES) >= 4


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.name)
def test_picture_is_shown_in_the_docs_and_is_neither_heavy_nor_small(path: Path) -> None:
    pages = (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))
    assert any(f"reports/screenshots/{path.name}" in page.read_text(encoding="utf-8") for page in pages)
    assert path.stat().st_size <= MOST_BYTES
    with path.open("rb") as picture:
        width, _ = struct.unpack(">II", picture.read(24)[16:])
    assert width >= LEAST_WIDTH_PX
