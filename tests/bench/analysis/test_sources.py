"""A quantity that a sentence cites is, to the auditor, the number that follows by hand from the run."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from bench.analysis import sources
from bench.audit.conclusions import conclude
from bench.audit.quantities.compute import compute
from bench.audit.raw import NotInRun, Raw
from bench.citations import Quantity, number
from bench.measures import CAPACITY, CPU_PER_RECIPIENT, FAILS_AT, LAST_ACCEPTED, Kind
from bench.record.book import Book
from bench.record.findings import Findings, Where
from bench.record.vocabulary import ANNOUNCEMENT, FLOOR, FRESH_LIST, LOBBY, LOBBY_AGAIN
from tests.bench.audit.documents import raw_of
from tests.bench.runs import CALM, a_group, a_run, a_whole_run, an_idle_result


def storm() -> Findings:
    book = Book()
    for value, suspect in ((0.2, ""), (0.4, ""), (0.9, "a cloud")):
        book.add(LAST_ACCEPTED, value, clients=500, suspect=suspect)
    return book.result("storm", ())


def peers() -> Findings:
    book = Book()
    for lobby, floor in ((10.0, 5.0), (12.0, 4.0), (9.0, 9.0)):
        book.add(CPU_PER_RECIPIENT, lobby, clients=100, stretch=CALM)
        book.add(CPU_PER_RECIPIENT, floor, clients=100, party=FLOOR, stretch=CALM)
    return book.result("peers", ())


def noise() -> Findings:
    book = Book()
    for one, other in ((10.0, 11.0), (10.0, 8.0)):
        book.add(CPU_PER_RECIPIENT, one, clients=100)
        book.add(CPU_PER_RECIPIENT, other, clients=100, party=LOBBY_AGAIN)
    return book.result("noise", ())


def capacity() -> Findings:
    book = Book()
    book.add(CAPACITY, 900, clients=0)
    book.add(FAILS_AT, 1_000, clients=0)
    return book.result("capacity", ())


@pytest.fixture(scope="module")
def raw() -> Raw:
    """The whole run of `tests.bench.runs`, with some more."""
    return raw_of(a_run(*a_whole_run().findings, storm(), peers(), noise(), capacity()))


WHERE = Where(500)
SENT, HEARD = "invitations sent", "received party_invite"


@pytest.mark.parametrize(
    ("quantity", "value"),
    [
        (sources.readings("storm", LAST_ACCEPTED, LOBBY, WHERE), 0.4),
        (sources.readings("storm", LAST_ACCEPTED, LOBBY, WHERE, "least"), 0.2),
        (sources.readings("storm", LAST_ACCEPTED, LOBBY, WHERE, "most"), 0.9),
        (sources.readings("storm", LAST_ACCEPTED, LOBBY, WHERE, "n"), 3),
        (sources.paired("peers", CPU_PER_RECIPIENT, LOBBY, FLOOR, Where(100)), 2.0),
        (sources.paired("peers", CPU_PER_RECIPIENT, LOBBY, FLOOR, Where(100), "most"), 3.0),
        (sources.broadcasts(ANNOUNCEMENT, 100, "last"), 4.0),
        (sources.broadcasts(ANNOUNCEMENT, 500, "p50"), 4.5),
        (sources.broadcasts(FRESH_LIST, 1_000, "slowest"), 1_400.0),
        (sources.broadcasts(FRESH_LIST, 1_000, "broadcasts"), 3),
        (sources.receipts("due"), 3 * 3 * (100 + 500 + 1_000)),
        (sources.receipts("lost"), 0),
        (sources.polled("p50"), 1_500.0),
        (sources.polled("p99"), 2_970.0),
        (sources.minute("polling", 10, "requests"), 20),
        (sources.minute("polling", 10, "framed"), 40_000),
        (sources.minute("push", 10, "wire"), 400),
        (sources.hour("push", 10, 0.0), 24_000),
        (sources.hour("push", 10, 0.0, "requests"), 120),
        (sources.achieved("push", 10, 0.0), 0.0),
        (sources.points(scenario="storm"), 1),
        (sources.points("suspect", scenario="storm"), 0),
        (sources.points(among="groups"), 3),
        (sources.points(among="broadcasts"), 9),
        (sources.floor(Kind.CPU), 0.25),
        (sources.swarm("duration_s", "s"), 5.0),
        (sources.swarm("requests.count"), 3),
        (sources.spent("bandwidth", "server_cpu_s"), 0.5),
        (sources.spent("bandwidth", "wall_s", share=True), 1.0),
        (sources.returns("back"), 2),
        (sources.returns("expected"), 2),
        (sources.returns("last"), 4.02),
        (sources.returns("restarts"), 1),
        (sources.connections("held"), 1_604),
        (sources.connections("lost"), 0),
        (sources.connections("idle lost"), 0),
        (sources.idle("clients"), 4),
        (sources.idle("events"), 0),
        (sources.message("ping", "framed", up=True), 31),
        (sources.message("pong", "wire", up=False), 149),
        (sources.shortest_list(), 2_000),
        (sources.shortest_rooms(), 10),
        (sources.swarm_event("rooms made"), 1),
        (sources.swarm_event("rooms unmade"), 0),
        (sources.heard(SENT, HEARD, "", is_personal=True, take="lost"), 0),
    ],
    ids=lambda each: each.get("of", "") if isinstance(each, dict) else "",
)
def test_quantity_is_what_its_words_say(raw: Raw, quantity: Quantity, value: float) -> None:
    assert compute(raw, quantity).value == pytest.approx(value)


@pytest.mark.parametrize(
    ("quantity", "words"),
    [
        (sources.claim("about", [number(75)], 100), "holds"),
        (sources.claim("about", [number(74)], 100), "does not hold"),
        (sources.claim("at most", [number(1), number(126)], 100), "does not hold"),
        (sources.claim("at least", [number(99), number(100)], 99), "holds"),
        (sources.claim("zero", [sources.connections("lost")]), "holds"),
        (sources.NO_CLAIM, "not measured"),
        (sources.up_to(ANNOUNCEMENT, "last", number(10)), "holds up to 500 clients"),
        (sources.up_to(FRESH_LIST, "last", sources.polled("p50")), "holds"),
        (sources.both([]), "not measured"),
        (sources.both([sources.claim("zero", [number(0)]), sources.claim("zero", [number(1)])]), "does not hold"),
        (sources.cost_of_old([number(130), number(200)], 100), "understates the gain"),
        (sources.scale(1_000), "does not hold"),
        (sources.scale(900), "holds"),
        (sources.heard(SENT, HEARD, "", is_personal=True), "not measured"),
        (sources.every(number(0.25)), "one change per 4.0 s"),
    ],
    ids=lambda each: each.get("of", "") if isinstance(each, dict) else "",
)
def test_conclusion_is_what_follows(raw: Raw, quantity: Quantity, words: str) -> None:
    assert conclude(raw, quantity)[0] == words


@pytest.mark.parametrize(
    ("knee", "fails_at", "words"), [(0, 62, "does not hold"), (0, None, "not measured"), (999, None, "not measured")]
)
def test_scale_is_refuted_by_a_size_that_was_measured_and_missed(knee: int, fails_at: int | None, words: str) -> None:
    book = Book()
    book.add(CAPACITY, knee, clients=0)
    if fails_at is not None:
        book.add(FAILS_AT, fails_at, clients=0)
    found = raw_of(a_run(book.result("capacity", ())))
    assert conclude(found, sources.scale(1_000))[0] == words


# -- bytes over rates ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rates() -> Raw:
    """Bytes of a minute at 0, 1 and 2 changes per second: push 100 to 2,100, polling 1,100 at any, deltas 90 to 690."""
    groups = [
        a_group(way, requests=2, framed=90, wire=wire, changes_per_s=rate)
        for way, wires in (("push", (100, 1_100, 2_100)), ("polling", (1_100,) * 3), ("delta", (90, 390, 690)))
        for rate, wire in zip((0.0, 1.0, 2.0), wires, strict=True)
    ]
    return raw_of(a_run(an_idle_result(groups)))


def test_crossover_is_on_the_line_between_two_rates(rates: Raw) -> None:
    assert compute(rates, sources.crossover("push", "polling", 10)).value == pytest.approx(1.0)
    assert compute(rates, sources.first_crossover("push", ["polling"], 10)).value == pytest.approx(1.0)
    with pytest.raises(NotInRun):
        compute(rates, sources.crossover("delta", "polling", 10))


def test_first_to_cross_is_named_and_the_cheapest_is_so_below_it(rates: Raw) -> None:
    names = {"polling": "plain polling"}
    assert conclude(rates, sources.first_to_cross("push", names, 10))[0] == "plain polling"
    assert conclude(rates, sources.fewest("delta", ["push", "polling"], 10))[0] == "the fewest"
    assert conclude(rates, sources.fewer("push", ["polling"], 10))[0] == "fewer bytes than any"
    assert conclude(rates, sources.fewer("push", ["delta"], 10))[0] != "fewer bytes than any"


def test_list_that_has_no_valid_point_is_not_the_shortest() -> None:
    lossy = replace(a_group("push", requests=2, framed=90, wire=100, rooms=5), unexpected_losses=1)
    found = an_idle_result([lossy, a_group("push", requests=2, framed=90, wire=100, rooms=20)])
    assert compute(raw_of(a_run(found)), sources.shortest_rooms()).value == 20


def test_tally_counts_conclusions_of_a_place_by_their_words() -> None:
    assert sources.tally("promises: ", ("claim",)) == {"of": "tally", "in": "promises: ", "kinds": ["claim"]}
    assert sources.tally("promises: ", ("claim",), "holds")["is"] == "holds"
