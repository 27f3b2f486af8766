"""Sections of the scenarios that leave findings: what they show in sentences, then every figure with its validity."""

from __future__ import annotations

from collections.abc import Sequence

from bench.analysis.estimates import Difference, Estimate, estimate, ratio
from bench.analysis.goals import check_goals
from bench.analysis.noise_floors import NoiseFloors, noise_floors
from bench.analysis.sources import points
from bench.analysis.validity import sum_up
from bench.analysis.windows import achieved_per_s
from bench.measures import DEFINITIONS, Kind
from bench.record.findings import Findings, Measured, sum_ledgers
from bench.record.questions import question_of
from bench.record.run import Run
from bench.record.vocabulary import LOBBY, LOBBY_AGAIN
from bench.report.charts import CHARTS_OF
from bench.report.sections.generators import generators_table
from bench.report.sections.page import Section, Table, mark_of
from bench.report.sections.shows import SHOWS
from bench.words import count, in_digits, in_percent, rate_number, way_words
from loadtest.results.validity import Validity

MARKS = {"met": "holds", "missed": "fails"}

HOW: dict[str, Sequence[str]] = {
    "freshness": (
        "Each way on a fresh server, ways in random order, so often as repeats say. The same changes of the list for "
        "all; a client is fresh for a change from the first list in its hands that has it, whichever way it came.",
    ),
    "break-even": (
        "Every cell is a fresh server with clients of one way and a rate of changes; the model of each way (its "
        "formulas are in bench/analysis/break_even.py) is fitted to the cells of this run, at the "
        "rates that there were.",
    ),
    "storm": (
        "Sockets are upgraded before; then all say hello in one moment, each a user of its own, while another process "
        "pings. Afterwards who heard of whom is checked to the event and to the byte.",
    ),
    "reconnect": (
        "The server goes by SIGTERM or kill -9 and starts again on the same port and data folder. By policy, each "
        "client waits by itself: the specification's five seconds, or the jitter of the protocol's client rules.",
    ),
    "flap": ("Raw sockets that are closed with a reset; the server hears of it at once.",),
    "capacity": (
        "Bracket by doubling, then bisection; a fresh server and population for each step, the whole search in each "
        "repeat. A step that misses while the generator used more than 90 % of a core, or other work had the cores "
        "for 20 % of the time, is not measured.",
    ),
    "cost": (
        "CPU of the server process and what players counted, both read at the edges of a window in a steady stream of "
        "changes, divided by players and time; bytes with TCP/IP by the model; memory "
        "by one server that grows along the sizes, every player with a user of its own.",
    ),
    "peers": (
        "All parties stand at the same time with receivers of their own and take turns broadcast by broadcast in "
        "random order; storms and fetches have a fresh process each. CPU of the party's process alone.",
    ),
    "churn": (
        "Raw sockets, 32 at a time, connect, are upgraded, shake hands and close, or are refused, or make, enter and "
        "delete a room; each way in and each cycle on a fresh server. The goal is judged at 120,000 connections and "
        "50,000 rooms, from the look after 20,000 on.",
    ),
    "swarm-cost": (
        "Each tool is a process of its own on the generator's core, towards a fresh server, in turns and random order. "
        "CPU and resident memory are those of all its processes; connecting counts from the first player who was "
        "online to the last, by the server's count; with its work after the last, from when nobody was online until "
        "the quiet after the last is over.",
    ),
    "swarm-truth": (
        "Server and generator are on the two ends of a link between network namespaces. A process of its own captures "
        "the packets at the generator's end, with the kernel's times, and reads upgrades, messages and HTTP from them "
        "without any code of the swarm.",
    ),
    "hostile": (
        "Good clients of one way in stay connected and ping; rounds with one hostile client, a process of its own, and "
        "rounds without it are taken in turns. Each ratio is of two rounds that followed each other.",
    ),
    "cluster": (
        "One Valkey and one PostgreSQL, which the single process uses, too. A broadcast is a room made on the first "
        "node; CPU of one node is the mean of all. A storm counts all nodes and Valkey. What three nodes carry is "
        "three times the commands over the CPU of one's own commands and those of two others. Half of the players of a "
        "killed node come back by the jitter policy, half wait to be told offline first.",
    ),
    "survival": (
        "A Locust swarm plays on three nodes behind HAProxy, and brings about one fault after the other itself. Its "
        "ledger holds what every player was told against what happened; what comes of a fault is judged when it has "
        "been over for the time that the profile gives.",
    ),
    "simulation": (
        "Rules, service, log and the client library's rules run as they are, in one process and in virtual time; the "
        "network, Valkey, the database and the clocks around them are simulated, and break by the schedule of a seed. "
        "What must hold is checked at every entry of the log, at every answer, and once things are quiet. The rate is "
        "by the CPU time of that process.",
    ),
    "prediction": (
        "Costs are fitted to measurements of real servers, Valkey and PostgreSQL in this run; by them the server's own "
        "fan-out runs in virtual time. Then the cases, at sizes and rates and on numbers of processes that the fit has "
        "not seen, are predicted, and after that measured. The ways at scale are computed by the same model.",
    ),
    "noise": ("Two parties that are the same in all take turns in random order, a fresh server process each time.",),
}  # fmt: skip


REPEATED = (
    "Median of the repeats' values, and least and most with their number n. A repeat is one fresh server and "
    "population. 95 %: interval of the median by order statistics, which needs 6 repeats; none is given for "
    "fewer. A percentile is each repeat's own, nearest rank over all receipts of the repeat."
)
PAIRED = (
    "Parties are paired by repeat, in which they took turns: the ratio is taken in each pair, and the median is over "
    "the pairs; a repeat that one of them lacks is left out. Where a run does not tell of which repeats its readings "
    "are, and one party has fewer, the medians are compared. 95 %: interval of that median by order statistics, from "
    "6 pairs on."
)


def findings_section(run: Run, found: Findings) -> Section:
    """Of any scenario with findings."""
    estimates = [made for each in found.measures if (made := estimate(each)) is not None]
    question = question_of(found.name)
    shows = SHOWS[found.name](run, found) if found.name in SHOWS else []
    tables = [*_goals(found), _measures(found)]
    if any(each.party not in (LOBBY, LOBBY_AGAIN) for each in found.measures) and found.name in ("peers", "fanout"):
        tables.insert(0, _beside(run, found))
    if found.name in ("peers", "swarm-cost", "swarm-truth"):
        tables.insert(0, generators_table(run))
    return Section(
        name=found.name,
        title=question,
        shows=[*shows, *(f"Fault: {fault}." for fault in found.faults), *(f"Skipped: {it}." for it in found.skipped)],
        validity=sum_up([made.judgement for made in estimates], points(scenario=found.name)),
        method=[*HOW.get(found.name, ()), *(_sentence(note) for note in found.notes),
                f"Server flags: {' '.join(found.flags)}"],
        repeat=f"lobby-bench run {found.name} --{run.profile.name} --seed {run.seed}",
        charts=CHARTS_OF.get(found.name, ()),
        tables=tables,
        folded=True,
    )  # fmt: skip


def floors_of(run: Run) -> NoiseFloors:
    """The noise floors of the run's own A/A; none without it."""
    found = run.found("noise")
    return noise_floors(found, LOBBY_AGAIN) if found is not None else NoiseFloors({}, {})


def _goals(found: Findings) -> list[Table]:
    results = [result for result in check_goals(found) if result.figure is not None]
    if not results:
        return []
    rows, marks = [], []
    for result in results:
        made, goal = result.figure, result.goal
        assert made is not None
        limit = f"{'≥' if goal.at_least else '≤'} {in_digits(goal.limit)} {goal.unit}".strip()
        value = f"{in_digits(made.value, 4)} {goal.unit}".strip()
        verdict = f"{result.outcome.value}{made.judgement.mark}"
        clients = count(goal.clients) if goal.clients else ""
        rows.append([str(goal), clients, limit, value, _spread(made), verdict])
        marks.append(MARKS.get(result.outcome.value, mark_of(made.judgement)))
    headers = ("Goal", "Clients", "Target", "Figure", "Least–most (n)", "Verdict")
    return [Table(title="Goals", headers=headers, rows=rows, row_marks=marks)]


def _beside(run: Run, found: Findings) -> Table:
    """Every party over the lobby, and whether that is a difference at all."""
    floors = floors_of(run)
    rows, marks = [], []
    for measure in found.measures:
        kind = measure.measure.kind
        own = found.find(measure.measure, LOBBY, measure.where)
        if measure.party == LOBBY or not own or kind not in (Kind.CPU, Kind.TIME):
            continue
        made = ratio(measure.readings, own, kind)
        if made is None:
            continue
        words = Difference(made, floors.of(measure.measure) or 0.0).words()
        if made.judgement.validity is Validity.INVALID:
            words = "not judged"
        over = f"{in_digits(made.value)} × the lobby"
        rows.append([measure.name, measure.party, over, _sure(made), _spread(made), words, str(made.judgement)])
        marks.append(mark_of(made.judgement))
    floor = floors.words(row[0] for row in rows)
    return Table(
        title="Others over the lobby, pair by pair",
        headers=(
            "Measure", "Party", "Median of the pairs' ratios", "95 %", "Least–most (pairs)", "Difference", "Validity",
        ),
        rows=rows,
        row_marks=marks,
        note=PAIRED
        + (
            f" Noise floors by this run's A/A: {floor}."
            if floor
            else " This run has no A/A: differences are not judged."
        ),
    )  # fmt: skip


def _measures(found: Findings) -> Table:
    rows, marks = [], []
    with_rooms = len({each.rooms for each in found.measures}) > 1
    with_rates = len({each.changes_per_s for each in found.measures}) > 1
    for measure in sorted(found.measures, key=lambda each: (each.name, each.where, each.party)):
        made = estimate(measure)
        if made is None:
            continue
        rows.append(
            [
                measure.name,
                way_words(measure.party) if measure.party != LOBBY else "",
                count(measure.clients) if measure.clients else "",
                *([count(measure.rooms)] if with_rooms else []),
                *([_rate(found, measure)] if with_rates else []),
                f"{in_digits(made.value)} {measure.unit}".strip(),
                _sure(made),
                _spread(made),
                _reach(measure),
                str(made.judgement),
            ]
        )
        marks.append(mark_of(made.judgement))
    headers = (
        "Measure", "Party", "Clients", *(("Rooms",) if with_rooms else ()), *(("Changes/s",) if with_rates else ()),
        "Median", "95 %", "Least–most (n)", "Reach", "Validity",
    )  # fmt: skip
    return Table(
        title="Everything that was measured", headers=headers, rows=rows, row_marks=marks, note=of_a_table(found)
    )


def of_a_table(found: Findings) -> str:
    """What its statistics are: n, a repeat, the percentiles, the interval."""
    measures = {each.measure for each in found.measures}
    return " ".join([REPEATED, *(words for each, words in DEFINITIONS.items() if each in measures)])


def _sure(made: Estimate) -> str:
    if made.interval is None:
        return "–"
    return f"{in_digits(made.interval.low)}–{in_digits(made.interval.high)}"


def _rate(found: Findings, measure: Measured) -> str:
    return rate_number(measure.changes_per_s, achieved_per_s(found, measure.party, measure.where))


def _reach(measure: Measured) -> str:
    ledgers = [reading.ledger for reading in measure.readings if reading.ledger is not None]
    if not ledgers:
        return ""
    whole = sum_ledgers(ledgers)
    if not whole.expected:
        return "nobody was to be told"
    causes = ", ".join(f"{number} {cause}" for cause, number in whole.lost.items())
    twice = f", {whole.twice} twice" if whole.twice else ""
    disordered = f", {whole.disordered} out of order" if whole.disordered else ""
    return in_percent(whole.reach) + (f" ({causes})" if causes else "") + twice + disordered


def _spread(made: Estimate) -> str:
    return f"{in_digits(made.low)}–{in_digits(made.high)} ({made.n})"


def _sentence(note: str) -> str:
    return note[0].upper() + note[1:] + ("" if note.endswith(".") else ".")
