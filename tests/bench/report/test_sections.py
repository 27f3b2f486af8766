"""What the sections say, from runs whose figures are known by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from bench.analysis.derived.overview import derive
from bench.analysis.promises import rule_on_promises
from bench.analysis.validity import Judgement
from bench.analysis.verdicts import Verdict
from bench.citations import plain
from bench.measures import (
    BACK_WITHIN,
    CAPACITY,
    CPU_PER_CLIENT_HOUR,
    CPU_PER_PLAYER_HOUR,
    CPU_PER_RECIPIENT,
    LAST_ACCEPTED,
    MEAN_STALENESS,
    MEDIAN_ERROR,
    PEAK_RATE,
    RSS_PER_CONNECTION,
    SLOWEST_PING,
    TIME_TO_FRESH_P50,
    TIME_TO_FRESH_P99,
    TOLD_OFFLINE,
    Measure,
)
from bench.record.book import Book
from bench.record.findings import Findings, Ledger, Stretch, Swarm, Where
from bench.record.profiles.sizes import BreakEvenSizes, SwarmSizes
from bench.record.run import Run
from bench.record.traffic import Wire
from bench.record.vocabulary import ANNOUNCEMENT, DISTURBED, FLOOR, FRESH_LIST, LOBBY, LOBBY_AGAIN, OTHER_BUILD
from bench.report.sections.answers import answer_sentences, carry_sentences, validity_sentence
from bench.report.sections.bandwidth import bandwidth_section
from bench.report.sections.broadcast import broadcast_section
from bench.report.sections.choice import choice_sentences, choice_table
from bench.report.sections.findings import findings_section, floors_of
from bench.report.sections.others import swarm_section
from bench.report.sections.page import Section, Table, mark_of
from bench.report.sections.promises import promises_section, tally
from bench.report.sections.shows import SHOWS
from loadtest.results.validity import Validity
from tests.bench.runs import (
    CALM,
    OVERLOADED,
    a_broadcast_result,
    a_group,
    a_point,
    a_run,
    a_whole_run,
    an_idle_result,
    told,
)

BUSY = Stretch(wall_s=1.0, server_cpu_s=0.5, generator_cpu_s=0.95)


def book_of(name: str, *readings: tuple[Measure, float, int, str]) -> Findings:
    book = Book()
    for measure, value, clients, party in readings:
        book.add(measure, value, clients=clients, party=party)
    return book.result(name, ())


def table(section: Section, title: str) -> Table:
    [found] = [each for each in section.tables if title in each.title]
    return found


def cells(found: Table, first: str) -> dict[str, str]:
    """One row, by the headings; `first`: what its first column is."""
    [row] = [each for each in found.rows if each[0] == first]
    return dict(zip(found.headers, row, strict=True))


# -- broadcasts ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def broadcast() -> Section:
    section = broadcast_section(derive(a_whole_run()))
    assert section is not None
    return section


def test_broadcast_shows_the_largest_size(broadcast: Section) -> None:
    assert broadcast.shows[0].startswith("With 1,000 clients the last one hears of a new room after 25.0 ms")
    assert "1.40 s" in broadcast.shows[1]


def test_broadcast_counts_receipts_that_did_not_come(broadcast: Section) -> None:
    assert broadcast.shows[-1] == "Of 14,400 receipts that were due, 0 did not come."
    lossy = broadcast_section(derive(a_run(a_broadcast_result([a_point(100, last_ms=1.0, fresh_ms=2.0, lost=2)]))))
    assert lossy is not None
    assert lossy.shows[-1] == "Of 900 receipts that were due, 12 did not come."


def test_row_of_a_size_has_its_figures(broadcast: Section) -> None:
    row = cells(table(broadcast, "rooms_changed after"), "500")
    assert row["Last client, median broadcast"] == "9.00 ms"
    assert row["Reach"] == "100 %"
    assert row["Validity"] == "valid"


def test_ages_of_polled_rooms_are_told_with_how_many_were_seen(broadcast: Section) -> None:
    row = cells(table(broadcast, "first sees it"), "100")
    assert row["Seen"] == "301 of 301"
    assert row["p50"] == "1.50 s"


def test_slow_broadcast_is_pointed_at() -> None:
    book = Book()
    slow = [told(2.0, clients=10), told(2.0, clients=10), told(50.0, clients=10)]
    book.add_broadcasts(ANNOUNCEMENT, slow, Where(10), stretch=CALM, interval_s=1.0)
    section = broadcast_section(derive(a_run(book.result("broadcast", ()))))
    assert section is not None
    assert any(
        each.startswith("At 10 clients the slowest broadcast took more than three times") for each in section.shows
    )


def test_invalid_size_is_marked_and_says_why() -> None:
    points = [a_point(100, last_ms=1.0, fresh_ms=2.0), a_point(500, last_ms=1.0, fresh_ms=2.0, stretch=OVERLOADED)]
    section = broadcast_section(derive(a_run(a_broadcast_result(points))))
    assert section is not None
    found = table(section, "rooms_changed after")
    assert [found.mark(number) for number in range(2)] == ["", "invalid"]
    assert section.validity == "3 of 6 points INVALID: the generator was the limit"


def test_run_without_broadcasts_has_no_section() -> None:
    assert broadcast_section(derive(a_run())) is None


# -- bytes ---------------------------------------------------------------------------------------------------------


def bytes_of(*ways: tuple[str, float, int]) -> Section:
    groups = [a_group(way, requests=2, framed=wire - 100, wire=wire, changes_per_s=rate) for way, rate, wire in ways]
    section = bandwidth_section(derive(a_run(an_idle_result(groups))))
    assert section is not None
    return section


def test_saving_of_push_is_of_the_bytes_with_tcp_ip() -> None:
    section = bytes_of(("polling", 0.0, 44_000), ("push", 0.0, 440))
    assert section.shows[0] == (
        "Polling costs 44.0 KB per minute with TCP/IP when the list has 10 rooms, push 440 B: 99.00 % less."
    )


def test_cheapest_way_is_named_at_each_rate() -> None:
    section = bytes_of(("polling", 1.0, 9_000), ("push", 1.0, 30_000), ("delta", 1.0, 3_000))
    [sentence] = [each for each in section.shows if each.startswith("At 1 change")]
    assert "rooms_delta is cheapest with 180 KB" in sentence
    assert "push, then fetch 1.80 MB" in sentence


def test_row_of_a_way_has_its_bytes_by_cause() -> None:
    row = cells(table(bytes_of(("polling", 0.0, 44_000)), "by cause"), "polling")
    assert row["In all"] == "2.64 MB"
    assert row["Validity (TCP_INFO)"] == "valid"


def test_three_counts_are_reconciled_where_a_link_counted() -> None:
    group = a_group("push", requests=2, framed=152, wire=464)
    on_a_link = replace(group, wire=Wire(packets=4 * 6, ip_bytes=4 * (152 + 6 * 52)))
    section = bandwidth_section(derive(a_run(an_idle_result([on_a_link]))))
    assert section is not None
    row = cells(table(section, "three counts"), "push, then fetch")
    assert row["TCP_INFO"] == "the same"
    assert row["Rest: retransmissions, options"] == "0"
    assert row["Model off by"] == "+0.0%"
    assert table(bytes_of(("push", 0.0, 464)), "three counts").rows == []


def test_lost_client_makes_its_row_invalid() -> None:
    groups = [a_group("push", requests=2, framed=152, wire=464, losses=1)]
    section = bandwidth_section(derive(a_run(an_idle_result(groups))))
    assert section is not None
    assert "INVALID: connections were lost (1)" in cells(table(section, "by cause"), "push, then fetch").values()


def test_first_herds_that_are_slower_are_told_beside_the_median_of_all() -> None:
    book = Book()
    for last_ms in (100.0, 110.0, 90.0):
        for name in (ANNOUNCEMENT, FRESH_LIST):
            herds = [told(each, clients=10) for each in (last_ms, last_ms / 2)]
            book.add_broadcasts(name, herds, Where(10), stretch=CALM, interval_s=1.0)
    section = broadcast_section(derive(a_run(book.result("broadcast", ()))))
    assert section is not None
    assert "the last fresh list is there after 72.5 ms, in the slowest of 6 after 110 ms." in section.shows[1]
    assert section.shows[2] == (
        "In each of 3 repeats the first herd of a fresh server was the slowest: its last client was fresh after 100 ms "
        "in the median, that of a later herd after 50.0 ms."
    )


# -- findings ------------------------------------------------------------------------------------------------------


def test_goal_is_shown_with_its_target_figure_and_verdict() -> None:
    section = findings_section(a_run(), book_of("storm", (LAST_ACCEPTED, 1.5, 1_500, LOBBY)))
    goals = table(section, "Goals")
    row = cells(goals, "last client accepted")
    assert (row["Target"], row["Figure"], row["Verdict"]) == ("≤ 1.00 s", "1.500 s", "missed")
    assert goals.mark(0) == "fails"


@pytest.mark.parametrize(
    ("invalid", "suspect", "verdict", "mark"),
    [
        ("", "other work had the cores", "met (suspect: other work had the cores)", "holds"),
        ("a client was lost", "", "not measured (INVALID: a client was lost)", "invalid"),
    ],
)
def test_goal_says_when_its_figure_is_in_doubt_and_none_is_met_by_one_that_is_invalid(
    invalid: str, suspect: str, verdict: str, mark: str
) -> None:
    book = Book()
    book.add(LAST_ACCEPTED, 0.5, clients=1_500, invalid=invalid, suspect=suspect)
    goals = table(findings_section(a_run(), book.result("storm", ())), "Goals")
    assert (cells(goals, "last client accepted")["Verdict"], goals.mark(0)) == (verdict, mark)


def test_goal_of_no_size_has_none() -> None:
    goals = table(findings_section(a_run(), book_of("prediction", (MEDIAN_ERROR, 3.0, 0, LOBBY))), "Goals")
    assert cells(goals, "error of a forecast, median")["Clients"] == ""


def test_every_measure_is_in_the_table_with_its_reach() -> None:
    book = Book()
    ledger = Ledger(expected=4, received=3, lost={"never": 1}, twice=2)
    book.add(TIME_TO_FRESH_P50, 9.0, clients=4, party="push", ledger=ledger)
    section = findings_section(a_run(), book.result("freshness", ()))
    row = cells(table(section, "Everything"), "time to fresh p50")
    assert row["Party"] == "push, then fetch"
    assert row["Reach"] == "75 % (1 never), 2 twice"
    assert row["Least–most (n)"] == "9.00–9.00 (1)"


def test_suspect_figure_is_marked() -> None:
    book = Book()
    book.add(LAST_ACCEPTED, 1.0, clients=10, stretch=BUSY)
    section = findings_section(a_run(), book.result("storm", ()))
    assert table(section, "Everything").mark(0) == "invalid"
    assert section.validity.startswith("1 of 1 points INVALID")


def test_faults_and_those_who_could_not_take_part_are_told_among_what_it_shows() -> None:
    book = Book()
    book.add(LAST_ACCEPTED, 1.0, clients=10)
    book.faults.append("a client heard of a user twice")
    book.skip("Node.js: there is no node")
    shows = findings_section(a_run(), book.result("storm", ())).shows
    assert "Fault: a client heard of a user twice." in shows
    assert "Skipped: Node.js: there is no node." in shows


def test_section_says_how_to_measure_it_again() -> None:
    assert findings_section(a_run(), book_of("storm")).repeat == "lobby-bench run storm --quick --seed 1"


def test_other_party_is_held_against_the_lobby_and_the_noise_of_the_run() -> None:
    noise, peers = Book(), Book()
    for first, again in ((10.0, 10.5), (10.0, 9.5), (10.0, 10.0)):
        noise.add(CPU_PER_RECIPIENT, first, clients=10)
        noise.add(CPU_PER_RECIPIENT, again, clients=10, party=LOBBY_AGAIN)
        peers.add(CPU_PER_RECIPIENT, first, clients=10)
        peers.add(CPU_PER_RECIPIENT, 2 * again, clients=10, party=FLOOR)
    run = a_run(noise.result("noise", ()), peers.result("peers", ()))
    assert floors_of(run).of(CPU_PER_RECIPIENT) == pytest.approx(1 / 0.95 - 1)
    found = run.found("peers")
    assert found is not None
    beside = table(findings_section(run, found), "over the lobby")
    row = cells(beside, "server CPU per recipient")
    assert row["Median of the pairs' ratios"] == "2.00 × the lobby"
    assert row["Least–most (pairs)"] == "1.90–2.10 (3)"
    assert row["95 %"] == "–"
    assert row["Difference"] == "100% more"
    assert "±5%" in beside.note


@pytest.mark.parametrize(
    ("doubt", "validity", "difference"),
    [
        ({"suspect": "other work had the cores"}, "suspect: other work had the cores", "100% more"),
        ({"invalid": "a client was lost"}, "INVALID: a client was lost", "not judged"),
        ({}, "valid", "100% more"),
    ],
)
def test_ratio_to_the_lobby_is_as_valid_as_its_pairs(doubt: dict[str, str], validity: str, difference: str) -> None:
    book = Book()
    for _ in range(3):
        book.add(CPU_PER_RECIPIENT, 10.0, clients=10)
        book.add(CPU_PER_RECIPIENT, 20.0, clients=10, party=FLOOR, **doubt)  # type: ignore[arg-type]
    found = book.result("peers", ())
    beside = table(findings_section(a_run(found), found), "over the lobby")
    row = cells(beside, "server CPU per recipient")
    assert (row["Validity"], row["Difference"]) == (validity, difference)
    assert beside.mark(0) == {"valid": "", "suspect": "suspect", "INVALID": "invalid"}[validity.partition(":")[0]]


def test_run_without_an_a_a_judges_no_difference() -> None:
    found = book_of("peers", (CPU_PER_RECIPIENT, 10.0, 10, LOBBY), (CPU_PER_RECIPIENT, 20.0, 10, FLOOR))
    assert "no A/A" in table(findings_section(a_run(found), found), "over the lobby").note


# -- what findings show --------------------------------------------------------------------------------------------


def show(found: Findings, change: Callable[[Run], Run] = lambda run: run) -> str:
    return " ".join(SHOWS[found.name](change(a_run(found)), found))


def test_freshness_names_the_ways_from_the_freshest_on() -> None:
    readings = [
        (measure, value, 100, way)
        for way, values in (("polling", (1_500.0, 2_900.0, 1_600.0)), ("push", (80.0, 200.0, 50.0)))
        for measure, value in zip((TIME_TO_FRESH_P50, TIME_TO_FRESH_P99, MEAN_STALENESS), values, strict=True)
    ]
    words = show(book_of("freshness", *readings))
    assert words.index("push, then fetch 80.0 ms (p50) and 200 ms (p99)") < words.index("polling 1.50 s")
    assert "1.60 s behind with polling and 50.0 ms with push, then fetch" in words


def test_storm_tells_the_last_acceptance_and_the_slowest_ping_of_each_size() -> None:
    words = show(book_of("storm", (LAST_ACCEPTED, 0.75, 1_500, LOBBY), (SLOWEST_PING, 480.0, 1_500, LOBBY)))
    assert words == (
        "1,500 players who log in at once are all accepted within 750 ms; the slowest answer to a ping meanwhile "
        "takes 480 ms."
    )


def test_storm_beside_another_build_tells_of_this_one_alone() -> None:
    other = ((LAST_ACCEPTED, 0.9, 1_500, OTHER_BUILD), (SLOWEST_PING, 670.0, 1_500, OTHER_BUILD))
    words = show(book_of("storm", (LAST_ACCEPTED, 0.75, 1_500, LOBBY), (SLOWEST_PING, 480.0, 1_500, LOBBY), *other))
    assert words == (
        "1,500 players who log in at once are all accepted within 750 ms; the slowest answer to a ping meanwhile "
        "takes 480 ms."
    )


def test_time_within_which_something_happens_is_the_median_repeats_and_the_slowest_stands_beside_it() -> None:
    storms = book_of("storm", *((LAST_ACCEPTED, seconds, 1_500, LOBBY) for seconds in (0.2, 0.4, 0.9)))
    assert "are all accepted within 400 ms (median of 3 storms; the slowest 900 ms)." in show(storms)
    readings = ((BACK_WITHIN[100], seconds, 100, "jitter, SIGTERM") for seconds in (10.0, 20.0, 13.0))
    assert "within: jitter, SIGTERM 13.0 s (median of 3 restarts; the slowest 20.0 s)." in show(
        book_of("reconnect", *readings)
    )


@pytest.mark.parametrize("doubt", ["", "other work had the cores"])
def test_break_even_says_when_a_cell_that_it_is_read_off_is_in_doubt(doubt: str) -> None:
    """Of push, the cell above the crossing; one far above it has no part in it."""
    book = Book()
    for way, rate, value, suspect in (
        ("push", 0.0, 10.0, ""), ("push", 0.2, 30.0, ""), ("push", 1.0, 110.0, doubt),
        ("push", 9.0, 900.0, "other work had the cores"), ("polling", 0.2, 60.0, ""), ("polling", 1.0, 60.0, ""),
    ):  # fmt: skip
        at = {"clients": 100, "rooms": 50, "changes_per_s": rate, "party": way}
        book.add(CPU_PER_CLIENT_HOUR, value, suspect=suspect, **at)  # type: ignore[arg-type]
    sizes = BreakEvenSizes(clients=[100], rooms=50, poll_s=3.0)
    words = show(
        book.result("break-even", ()), lambda run: replace(run, profile=replace(run.profile, break_even=sizes))
    )
    mark = " (suspect: other work had the cores)" if doubt else ""
    assert f"from 0.500 changes per second on, between the cells at 0.200 and 1.00{mark}" in words
    assert words.count("suspect") == bool(doubt)


def test_restart_tells_when_half_and_when_all_were_back() -> None:
    found = book_of(
        "reconnect",
        (BACK_WITHIN[50], 2.5, 100, "jitter, SIGTERM"),
        (BACK_WITHIN[100], 15.7, 100, "jitter, SIGTERM"),
        (PEAK_RATE, 230.0, 100, "jitter, SIGTERM"),
    )
    words = show(found)
    assert "50 % are back and fresh after the stop within: jitter, SIGTERM 2.50 s." in words
    assert "100 % are back and fresh after the stop within: jitter, SIGTERM 15.7 s." in words
    assert "jitter, SIGTERM 230." in words


def test_flap_tells_how_many_of_those_who_were_cut() -> None:
    def of_a_hundred(run: Run) -> Run:
        returns = replace(run.profile.returns, flapping=100, flap_share=0.3)
        return replace(run, profile=replace(run.profile, returns=returns))

    told = ((TOLD_OFFLINE, 12.0, 100, "jitter, grace 0 s"), (TOLD_OFFLINE, 0.0, 100, "fixed 5 s, grace 10 s"))
    words = show(book_of("flap", *told), of_a_hundred)
    assert "came back: 0 of 30 with fixed 5 s, grace 10 s; 12.0 of 30 with jitter, grace 0 s." in words


@pytest.mark.parametrize(
    ("knee", "note", "words"),
    [
        (4_000, "", "One process holds 4,000 clients with p99 of the fan-out below 250 ms and nobody left out."),
        (4_000, "4,000 clients met it, and no more were tried: the knee is at least there",
         "One process holds at least 4,000 clients with p99 of the fan-out below 250 ms and nobody left out; no more "
         "were tried."),
        (0, f"0 clients met it, and with more {DISTURBED}: the knee is at least there",
         f"How many clients one process holds was not measured: {DISTURBED} at 4,000 already."),
    ],
    ids=["found", "open", "disturbed"],
)  # fmt: skip
def test_capacity_tells_a_limit_from_a_lower_bound(knee: int, note: str, words: str) -> None:
    book = Book()
    book.add(CAPACITY, knee, clients=0)
    if note:
        book.note(note)
    assert show(book.result("capacity", ())) == words


def test_cost_is_told_at_the_largest_size() -> None:
    words = show(
        book_of(
            "cost",
            (CPU_PER_PLAYER_HOUR, 9.9, 100, "idle"),
            (CPU_PER_PLAYER_HOUR, 0.5, 1_000, "idle"),
            (RSS_PER_CONNECTION, 9.25, 1_000, LOBBY),
        )
    )
    assert "With 1,000 players (idle) a player-hour costs 0.500 s of server CPU." in words
    assert "9.25 KiB of the server's memory at 1,000" in words


def test_peers_are_told_as_multiples_of_the_lobby() -> None:
    found = book_of("peers", (CPU_PER_RECIPIENT, 10.0, 400, LOBBY), (CPU_PER_RECIPIENT, 27.0, 400, "naive Tornado"))
    assert "naive Tornado 2.7 times as much" in show(found)


def test_peers_of_a_handful_of_clients_show_nothing() -> None:
    found = book_of("peers", (CPU_PER_RECIPIENT, -1.0, 4, LOBBY), (CPU_PER_RECIPIENT, 27.0, 4, FLOOR))
    assert show(found) == ""


# -- the swarm -----------------------------------------------------------------------------------------------------


def a_swarm(document: dict[str, object], *, generator_cpu_s: float = 5.0) -> Section:
    book = Book()
    stretch = Stretch(wall_s=10.0, server_cpu_s=1.0, generator_cpu_s=generator_cpu_s)
    swarm = Swarm(command=["locust", "--users", "8"], exit_code=0, document=document)
    book.add_swarm(swarm, users=8, stretch=stretch, in_one_window=True)
    run = a_run(book.result("swarm", ()))
    sizes = SwarmSizes(
        users=8, spawn_per_s=1.0, run_s=10.0, poller_share=0.25, room_interval_s=1.0, room_lifetime_s=1.0
    )
    section = swarm_section(derive(replace(run, profile=replace(run.profile, swarm=sizes))))
    assert section is not None
    return section


ROW = {"type": "GET", "name": "/api/rooms", "count": 30, "failures": 2, "p50_ms": 1.0, "p90_ms": 2.0, "p99_ms": 3.0,
       "max_ms": 4.0}  # fmt: skip


def test_swarm_tells_users_requests_and_failures() -> None:
    section = a_swarm({"duration_s": 10.0, "requests": [ROW]})
    assert section.shows[0] == "8 users, 25% of them polling, made 30 requests in 10.0 s; 2 failed."
    requests = table(section, "Requests")
    assert requests.rows == [["GET", "/api/rooms", "30", "2", "1.00 ms", "2.00 ms", "3.00 ms", "4.00 ms"]]
    assert requests.mark(0) == "fails"


def test_swarm_whose_generator_was_the_limit_is_invalid() -> None:
    assert a_swarm({}, generator_cpu_s=9.5).validity == "INVALID: Locust used 95% of a core"
    assert a_swarm({}).validity == "valid"


@pytest.mark.parametrize(
    ("level", "words"), [("VALID", "valid"), ("SUSPECT", "suspect: late"), ("INVALID", "INVALID: late")]
)
def test_swarm_is_as_valid_as_it_says(level: str, words: str) -> None:
    assert a_swarm({"validity": {"level": level, "reasons": ["late"]}}).validity == words


def test_hearings_that_were_not_judged_are_told() -> None:
    account = {"expected": 1_000, "lost": 0, "unjudged": 700}
    shows = a_swarm({"ledger": {"presence": account, "rooms": {**account, "unjudged": 0}}}).shows
    assert shows[-2].endswith("700 times more a player came or left meanwhile, and nothing was expected.")
    assert shows[-1].endswith("0 of them did not come in time.")


def test_announcements_that_did_not_come_are_told() -> None:
    section = a_swarm({"ledger": {"presence": {"expected": 1_000, "lost": 3}, "rooms": {"expected": 0, "lost": 0}}})
    assert any("1,000 times a player should have heard another one" in each for each in section.shows)
    assert not any("of a change of the rooms" in each for each in section.shows)


# -- claims and answers --------------------------------------------------------------------------------------------


def test_tally_counts_the_verdicts() -> None:
    promises = rule_on_promises(derive(a_whole_run()))
    words = tally(promises)
    claims = [promise for promise in promises if not promise.is_variant]
    assert words.startswith(f"Of {len(claims)} claims of the specification, ")
    numbers = [int(word) for word in words.replace(",", "").split() if word.isdigit()]
    assert numbers[0] == sum(numbers[1:])


def test_tally_speaks_of_one_claim_as_of_one() -> None:
    promises = rule_on_promises(derive(a_whole_run()))
    first = {promise.ruling.verdict: promise for promise in reversed(promises) if not promise.is_variant}
    words = plain(tally([first[Verdict.HOLDS], first[Verdict.NOT_MEASURED]]))
    assert words == "Of 2 claims of the specification, 1 holds, 1 was not measured."


def test_claims_that_hold_and_fail_have_marks() -> None:
    promises = rule_on_promises(derive(a_whole_run()))
    claims, variants = promises_section(a_whole_run(), promises).tables
    marks = {claims.mark(number) for number in range(len(claims.rows))}
    assert {"holds", "partly", "fails"} <= marks
    assert all(row[4] for row in (*claims.rows, *variants.rows)), "the rule of each"
    assert len(claims.rows) + len(variants.rows) == len(promises)


def test_variants_are_not_among_what_is_not_true() -> None:
    figures = derive(a_whole_run())
    [claims] = [each for each in carry_sentences(figures, rule_on_promises(figures)) if "claims" in each]
    assert "heartbeats counted" not in claims
    assert "Initial handshake" in claims


def test_answers_leave_out_a_size_that_is_not_valid() -> None:
    points = [a_point(100, last_ms=1.0, fresh_ms=2.0), a_point(500, last_ms=1.0, fresh_ms=2.0, stretch=OVERLOADED)]
    [answer] = answer_sentences(derive(a_run(a_broadcast_result(points))))
    assert "all of 100 clients" in answer


def test_nothing_measured_has_no_answers_and_says_so() -> None:
    figures = derive(a_run())
    assert answer_sentences(figures) == []
    assert choice_table(figures) is None
    assert validity_sentence(figures) == "Validity: nothing was measured."


PRICES: dict[str, Callable[[float], int]] = {
    "polling": lambda rate: 50_000,
    "polling_gzip": lambda rate: 9_000,
    "push": lambda rate: round(500 + 150_000 * rate),
    "delta": lambda rate: round(500 + 17_000 * rate),
}
"""Bytes per minute of a client, linear in the changes, so that the rates where two cost the same are known: push and
polling at 0.33 changes per second, push and gzip at 0.057, deltas and gzip at 0.5."""


def a_comparison(*, losses: int = 0, ways: Callable[[str], bool] = lambda way: True) -> Run:
    rates = (0.0, 0.1, 1.0, 10.0)
    traffic = an_idle_result(
        [
            a_group(way, requests=2, framed=price(rate) - 100, wire=price(rate), changes_per_s=rate,
                    losses=losses if way == "delta" else 0)
            for way, price in PRICES.items() if ways(way) for rate in rates
        ]
    )  # fmt: skip
    book = Book()
    for way, p50, p99 in (("polling", 1_500.0, 2_970.0), ("polling_gzip", 1_500.0, 2_970.0), ("push", 30.0, 48.0),
                          ("delta", 6.0, 8.0)):  # fmt: skip
        if ways(way):
            book.add(TIME_TO_FRESH_P50, p50, clients=300, party=way)
            book.add(TIME_TO_FRESH_P99, p99, clients=300, party=way)
    return a_run(traffic, book.result("freshness", ()))


def test_first_sentences_say_which_way_to_choose_and_below_which_rate() -> None:
    deltas, hint, without, idle = choice_sentences(derive(a_comparison()))
    assert "up to about one change per 2.0 s they cost the fewest bytes with 10 rooms in the list, and" in deltas
    assert "with 150 clients at 2 changes per second a client holds a change after 8.00 ms (p99)" in deltas
    assert (
        "polling with ETag and gzip costs fewer bytes, but a client that polls every 3 s sees a change 1.50 s late "
        "(p50)" in deltas
    )
    assert "than plain polling every 3 s below about one change per 3.0 s with 10 rooms in the list and more" in hint
    assert "more above it: 3.0 times the bytes at 1 change per second, 30 times the bytes at 10 changes" in hint
    assert "with 150 clients at 2 changes per second its lists are fresh after 30.0 ms instead of 1.50 s (p50)" in hint
    assert "than any way of polling below about one change per 18 s with 10 rooms in the list; above it" in without
    assert "above it, polling with ETag and gzip costs fewer; for freshness take push all the same" in without
    assert "with polling every 3 s a client sees a change 1.50 s late" in without
    assert "costs 30.0 KB per hour: 99.00 % less than plain polling" in idle


def a_longer_comparison() -> Run:
    """A list of 200 rooms beside it, ten times as long: asking costs ten times as much, and a delta what it did."""
    run = a_comparison()
    found = run.found("bandwidth")
    assert found is not None
    assert found.traffic is not None
    dear = [
        a_group(way, requests=2, framed=wire - 100, wire=wire, changes_per_s=rate, rooms=200)
        for way, price in PRICES.items() for rate in (0.0, 0.1, 1.0, 10.0)
        for wire in [price(rate) if way == "delta" or (not rate and way == "push") else 10 * price(rate)]
    ]  # fmt: skip
    longer = replace(found, traffic=replace(found.traffic, groups=[*found.traffic.groups, *dear]))
    return replace(run, findings=[longer, *(each for each in run.findings if each.name != "bandwidth")])


def test_rates_are_told_of_the_longest_list_too_where_they_are_others() -> None:
    """Deltas and gzip with 200 rooms: 500 + 17,000 r is 90,000 at 5.3. Push and gzip: between 500 idle and 155,000 at
    0.1 it is 90,000 at 0.058; push and polling 500,000 at 0.33, as with 10 rooms, all but a little."""
    deltas, hint, without, _ = choice_sentences(derive(a_longer_comparison()))
    assert (
        "(200 rooms: up to about 5.3 changes per second, read between the measured rates 1 and 10), and with 150"
        in deltas
    )
    assert "with 10 rooms in the list (200 rooms: below about one change per 3.0 s) and more above it" in hint
    assert "with 10 rooms in the list (200 rooms: below about one change per 17 s); above it" in without


def test_rate_at_which_each_change_is_announced_alone_is_told_without_the_rates_beside_it() -> None:
    assert not any("read between" in each for each in choice_sentences(derive(a_comparison())))


def test_way_that_was_not_measured_is_not_advised() -> None:
    sentences = choice_sentences(derive(a_comparison(ways=lambda way: way != "delta")))
    assert not any("rooms_delta" in each for each in sentences)


def test_point_that_is_invalid_advises_nothing() -> None:
    sentences = choice_sentences(derive(a_comparison(losses=1)))
    assert not any("Take deltas" in each for each in sentences)


def test_table_of_ways_has_bytes_by_rate_and_freshness() -> None:
    found = choice_table(derive(a_comparison()))
    assert found is not None
    row = cells(found, "push, then fetch")
    assert row["Bytes, idle"] == "30.0 KB"
    assert row["Bytes at 1/s"] == "9.03 MB"
    assert row["Time to fresh, p99"] == "48.0 ms"
    assert [each[0] for each in found.rows] == ["polling", "polling, ETag + gzip", "push, then fetch", "rooms_delta"]


def test_capacity_that_is_in_doubt_is_no_headline() -> None:
    for suspect, is_told in (("", True), ("other work had the cores", False)):
        book = Book()
        book.add(CAPACITY, 5_000, clients=0, suspect=suspect)
        sentences = carry_sentences(derive(a_run(book.result("capacity", ()))), [])
        assert bool(sentences) is is_told


def test_validity_sentence_counts_all_figures_of_the_run() -> None:
    assert validity_sentence(derive(a_whole_run())) == "Validity: all 47 points valid."


@pytest.mark.parametrize(
    ("validity", "mark"), [(Validity.VALID, ""), (Validity.SUSPECT, "suspect"), (Validity.INVALID, "invalid")]
)
def test_mark_of_a_row_is_how_it_looks(validity: Validity, mark: str) -> None:
    assert mark_of(Judgement(validity)) == mark
    assert Table("", ("a",), [["x"]]).mark(0) == ""


# -- what is in doubt ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["storm", "peers", "cost", "freshness", "reconnect"])
def test_sentence_marks_a_figure_in_doubt_and_leaves_out_one_that_is_invalid(name: str) -> None:
    measure, party = {
        "storm": (LAST_ACCEPTED, LOBBY),
        "peers": (CPU_PER_RECIPIENT, LOBBY),
        "cost": (CPU_PER_PLAYER_HOUR, "idle"),
        "freshness": (MEAN_STALENESS, "push"),
        "reconnect": (PEAK_RATE, "jitter, SIGTERM"),
    }[name]

    def said(**doubt: str) -> str:
        book = Book()
        book.add(measure, 47.0, clients=100, party=party, **doubt)  # type: ignore[arg-type]
        return show(book.result(name, ()))

    assert "47" in said()
    assert "suspect" not in said()
    assert "(suspect: other work had the cores)" in said(suspect="other work had the cores")
    assert "47" not in said(invalid="the generator was the limit")
