"""The figures of docs/architecture.md are those of the sample, and its snippet runs."""

from __future__ import annotations

import re

from tests.docs.markdown import DOCS, ROOT, examples, table

PAGE = (DOCS / "architecture.md").read_text(encoding="utf-8")
SAMPLE = (ROOT / "reports/sample/report.md").read_text(encoding="utf-8")
PARTIES = {"this server": ""} | {
    name: name for name in ("floor", "Node.js, ws + Express", "websockets", "Starlette, uvicorn", "naive Tornado")
}


def measured(quantity: str, party: str, clients: str) -> set[str]:
    """The medians of a quantity, a pattern, in the sample."""
    row = rf"^\| {quantity} \| {re.escape(party)} \| {clients} \| ([^|]+) \|"
    return set(re.findall(row, SAMPLE, re.MULTILINE))


def test_figures_of_broadcasts_are_those_of_the_sample() -> None:
    rows = table("architecture.md", "What that costs")
    assert len(rows) == len(PARTIES)
    for name, cpu, last in rows:
        party = next(found for shown, found in PARTIES.items() if name.startswith(shown))
        assert cpu in measured("server CPU (?:a|per) recipient", party, "1,500"), name
        assert last in measured("until every client had it", party, "1,500"), name


def test_figures_of_the_storm_are_those_of_the_sample() -> None:
    for quantity in ("last client accepted", "server CPU (?:an|per) event and recipient"):
        for party in ("", "naive Tornado"):
            found = measured(quantity, party, "500")
            assert any(each.split()[0] in PAGE for each in found), (quantity, party, found)


def test_naive_broadcast_does_what_it_says() -> None:
    class Client:
        def __init__(self) -> None:
            self.received: list[object] = []
            self.write_message = self.received.append

    clients = [Client(), Client()]
    (example,) = examples("python", pages=[DOCS / "architecture.md"])
    exec(example.text, {"clients": clients})
    assert [client.received for client in clients] == [[{"type": "rooms_changed", "data": {}}]] * 2
