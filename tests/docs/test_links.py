"""Every link of every page leads somewhere, to the heading."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.markdown import DOCS, PAGES, ROOT, anchors, without_fences


def links_of(page: Path) -> list[str]:
    text = without_fences(page.read_text(encoding="utf-8"))
    return [target for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_local_link_leads_to_a_file_and_its_heading(page: Path) -> None:
    wrong = []
    for target in links_of(page):
        path, _, anchor = target.partition("#")
        found = page if not path else (page.parent / path).resolve()
        if not found.exists() or (anchor and anchor not in anchors(found.read_text(encoding="utf-8"))):
            wrong.append(target)
    assert wrong == []


def test_every_page_is_linked_from_the_index_and_the_index_from_the_readme() -> None:
    assert {page.name for page in DOCS.glob("*.md")} - {"README.md"} == set(links_of(DOCS / "README.md"))
    assert "docs/README.md" in links_of(ROOT / "README.md")


def test_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A heading: two\n[gone](nothing.md) [there](#a-heading-two)\n```\n[code](x)\n```\n")
    assert links_of(page) == ["nothing.md", "#a-heading-two"]
    assert anchors(page.read_text()) == {"a-heading-two"}
