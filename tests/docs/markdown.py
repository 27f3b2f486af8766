"""The pages of the documentation, read for the tests: fenced examples, tables, headings and links."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md"), *(ROOT / "findings").glob("*.md"), ROOT / "reports/README.md"])
_FENCE = re.compile(r"^( *)```([^\n]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Example:
    """A fenced block."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def examples(*languages: str, pages: list[Path] | None = None) -> list[Example]:
    """The fenced blocks of these languages, on all pages unless some are named."""
    found = []
    for page in PAGES if pages is None else pages:
        text = page.read_text(encoding="utf-8")
        for fence in _FENCE.finditer(text):
            if fence[2].strip() in languages:
                line = text.count("\n", 0, fence.start()) + 1
                found.append(Example(page, line, fence[2].strip(), fence[3]))
    return found


def without_fences(text: str) -> str:
    return _FENCE.sub("", text)


def section(text: str, heading: str) -> str:
    """What stands below a heading, its subsections included."""
    start = re.search(rf"^(#+) {re.escape(heading)}$", text, re.MULTILINE)
    assert start is not None, f"no heading {heading!r}"
    end = re.search(rf"^#{{1,{len(start[1])}}} ", text[start.end() :], re.MULTILINE)
    return text[start.end() : start.end() + end.start()] if end else text[start.end() :]


def rows(text: str) -> list[list[str]]:
    """The cells of every table row, header rows and rulers left out."""
    found, lines = [], text.splitlines()
    for number, line in enumerate(lines):
        if not line.startswith("|") or set(line) <= set("|-: "):
            continue
        if number + 1 < len(lines) and lines[number + 1].startswith("|") and set(lines[number + 1]) <= set("|-: "):
            continue  # the header
        found.append([cell.strip() for cell in line.strip()[1:-1].split("|")])
    return found


def table(page: str, *headings: str) -> list[list[str]]:
    """The rows of all tables below some headings of a page under docs/."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return [row for heading in headings for row in rows(section(text, heading))]


def code(cell: str) -> str:
    """What a cell has between backticks, the first time."""
    found = re.match(r"`([^`]+)`", cell)
    assert found is not None, f"no code in {cell!r}"
    return found[1]


def anchors(text: str) -> set[str]:
    """The names by which a page's headings are linked to, as repository pages make them."""
    headings = re.findall(r"^#+ (.+)$", without_fences(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}
