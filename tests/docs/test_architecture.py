"""docs/architecture.md: its figures are those of the sample, its snippet runs, and the places that it names exist."""

from __future__ import annotations

import re
from pathlib import Path

from tests.docs.markdown import DOCS, PAGES, ROOT, examples, table, without_fences

PAGE = (DOCS / "architecture.md").read_text(encoding="utf-8")
SAMPLE = (ROOT / "reports/sample/report.md").read_text(encoding="utf-8")
PARTIES = {"floor": "floor", "this server": "", "Node.js, ws + Express": "Node.js, ws + Express", "websockets": "websockets",
           "Starlette, uvicorn": "Starlette, uvicorn", "naive Tornado": "naive Tornado"}  # fmt: skip


def measured(quantity: str, party: str, clients: str) -> set[str]:
    """The medians of a quantity in the sample."""
    row = rf"^\| {re.escape(quantity)} \| {re.escape(party)} \| {clients} \| ([^|]+) \|"
    return set(re.findall(row.replace("\\|  \\|", "\\| +\\|"), SAMPLE, re.MULTILINE))


def test_figures_of_broadcasts_are_those_of_the_sample() -> None:
    rows = table("architecture.md", "What that costs")
    assert len(rows) == len(PARTIES)
    for name, cpu, last in rows:
        party = next(found for shown, found in PARTIES.items() if name.startswith(shown))
        assert cpu in measured("server CPU a recipient", party, "1,500"), name
        assert last in measured("until everybody had it", party, "1,500"), name


def test_figures_of_the_storm_are_those_of_the_sample() -> None:
    for quantity, party in (("last client accepted", ""), ("last client accepted", "naive Tornado"),
                            ("server CPU an event and recipient", ""),
                            ("server CPU an event and recipient", "naive Tornado")):  # fmt: skip
        (found,) = measured(quantity, party, "500")
        assert found.split()[0] in PAGE, (quantity, party, found)


def test_naive_broadcast_does_what_it_says() -> None:
    class Client:
        def __init__(self) -> None:
            self.received: list[object] = []
            self.write_message = self.received.append

    clients = [Client(), Client()]
    (example,) = examples("python", pages=[DOCS / "architecture.md"])
    exec(example.text, {"clients": clients})
    assert [client.received for client in clients] == [[{"type": "rooms_changed", "data": {}}]] * 2


def missing_places(pages: list[Path], root: Path) -> list[str]:
    """Files and folders that are named in backticks and are not there. Inside the walk, paths are those below the
    server's package."""
    missing = []
    for page in pages:
        for place in re.findall(r"`((?:[a-z_]+/)+(?:[a-z_]+\.py|[a-z_]*))`", without_fences(page.read_text("utf-8"))):
            if not any((folder / place).exists() for folder in (root, root / "lobby_server", page.parent)):
                missing.append(f"{page.name}: {place}")
    return missing
