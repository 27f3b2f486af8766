"""What is INVALID takes no part in what the auditor computes of several figures, as in the lab's own analysis."""

from __future__ import annotations

from msgspec.structs import replace

from bench.analysis.noise_floors import noise_floors
from bench.audit.quantities.compute import compute
from bench.audit.quantities.crossings import cells_of
from bench.measures import BYTES_PER_CLIENT_HOUR, CHANGES_PER_S, CPU_PER_RECIPIENT, CPU_PER_REQUEST, Kind
from bench.record.book import Book
from bench.record.vocabulary import LOBBY_AGAIN
from tests.bench.audit.documents import raw_of
from tests.bench.runs import a_run

WHY = "7 of 100 receipts are missing"


def test_noise_is_that_of_pairs_of_the_same_work() -> None:
    book = Book()
    for again, why in ((20.0, WHY), (21.0, WHY), (10.0, "")):
        book.add(CPU_PER_RECIPIENT, 10.0, clients=1)
        book.add(CPU_PER_RECIPIENT, again, clients=1, party=LOBBY_AGAIN, invalid=why)
        book.add(CPU_PER_REQUEST, 10.0, clients=1)
        book.add(CPU_PER_REQUEST, 11.0, clients=1, party=LOBBY_AGAIN)
    found = book.result("noise", ())
    floor = compute(raw_of(a_run(found)), {"of": "floor", "kind": "CPU"}).value
    assert floor == noise_floors(found, LOBBY_AGAIN).by_kind[Kind.CPU]
    assert round(floor, 6) == 0.1


def test_line_between_cells_has_none_that_lost_clients() -> None:
    book = Book()
    for rate, value, why in ((0.25, 1_000.0, ""), (1.0, 99_999.0, WHY), (10.0, 4_000.0, "")):
        at = {"clients": 100, "party": "push", "rooms": 10, "changes_per_s": rate}
        book.add(BYTES_PER_CLIENT_HOUR, value, invalid=why, **at)  # type: ignore[arg-type]
        book.add(CHANGES_PER_S, rate, **at)  # type: ignore[arg-type]
    run = a_run(book.result("break-even", ()))
    run = replace(run, profile=replace(run.profile, break_even=replace(run.profile.break_even, rooms=10)))
    assert cells_of(raw_of(run), BYTES_PER_CLIENT_HOUR.name)["push"].points == [
        (100, 0.25, 1_000.0), (100, 10.0, 4_000.0)
    ]  # fmt: skip
