"""The section on forecasts: each beside what was measured, how far they may be believed, and the ways at scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bench.analysis.estimates import Estimate, estimate
from bench.analysis.forecasts import Forecast, WayAtScale, extent, forecasts, ways_at_scale
from bench.analysis.goals import GOALS
from bench.analysis.sources import (
    breaks_first,
    claim,
    extent_of,
    forecast_errors,
    of_the_worst,
    readings,
)
from bench.analysis.validity import Judgement, worse_of
from bench.analysis.verdicts import Verdict
from bench.citations import Quantity, cite, combined, most, number, setting
from bench.measures import (
    AS_PREDICTED,
    FORECAST_ERROR,
    MEDIAN_ERROR,
    PREDICTED,
    SCALE_BYTES,
    SCALE_DELAY,
    SCALE_FAILS,
    SCALE_HOLDS,
    WORST_ERROR,
    Measure,
)
from bench.record.findings import Findings, Where
from bench.record.run import Run
from bench.record.vocabulary import AT_SCALE, LOBBY
from bench.report.sections.findings import findings_section
from bench.report.sections.page import Section, Table, mark_of
from bench.words import count, in_bytes, in_digits, in_ms, in_percent, size

NAME = "prediction"
FORECASTS, AT_SCALE_TABLE = "Forecasts beside what was measured afterwards", "Ways compared at scale, by forecast"
"""Tables whose every figure is cited."""
EVERYWHERE = Where(0)
CLIENTS = "clients, "
"""What facts begin with that are of what the lab's clients cost (`bench.scenarios.prediction.kept`)."""


def forecasts_section(run: Run) -> Section | None:
    """``None`` where no forecast was made."""
    found = run.found(NAME)
    if found is None:
        return None
    plain = findings_section(run, found)
    made, ways = forecasts(found), ways_at_scale(found, run.profile.prediction)
    tables = [table for table in (_forecasts_table(found, made), _scale_table(run, found, ways)) if table.rows]
    return replace(
        plain,
        shows=[*_error_sentences(run, found, made), *_scale_sentences(run, found, ways), *plain.shows],
        tables=[*tables, *plain.tables],
    )


# -- forecasts and measurements ----------------------------------------------------------------------------------------


def _error_sentences(run: Run, found: Findings, made: Sequence[Forecast]) -> list[str]:
    middle, worst = _estimate(found, MEDIAN_ERROR), _estimate(found, WORST_ERROR)
    if middle is None or worst is None or not made:
        return []
    furthest = max(
        (each for each in made if not _is_invalid(each.error)), key=lambda each: abs(each.error.value), default=made[0]
    )
    told = _measured(made)
    number_told = cite(count(told), forecast_errors("n"))
    were = "quantity was predicted before it was" if told == 1 else "quantities were predicted before they were"
    held = cite(_percent(middle.value), forecast_errors("median"))
    far = cite(_percent(worst.value), forecast_errors("worst"))
    where = cite(f"{furthest.name} of “{furthest.case}”", of_the_worst())
    sizes, reached = run.profile.prediction, extent(run.profile.prediction)
    most_held, sessions, processes, rooms = (
        cite(count(value), extent_of(take))
        for value, take in (
            (sizes.held_out_sessions, "held out"),
            (reached.sessions, "sessions"),
            (reached.processes, "processes"),
            (reached.rooms, "rooms"),
        )
    )
    rate = cite(f"{reached.changes_per_s:g}", extent_of("changes_per_s"))
    goals = "; ".join(
        f"{_goal(words, made.value, measure)}{made.judgement.mark}"
        for words, made, measure in (("median", middle, MEDIAN_ERROR), ("worst", worst, WORST_ERROR))
    )
    return [
        f"{number_told} {were} measured: the median error is "
        f"{held}{middle.judgement.mark}, the worst {far}{worst.judgement.mark} ({where}).",
        f"Goals: {goals}.",
        f"Forecasts were held against up to {most_held} sessions of a process; with what the model was fitted to, "
        f"measurements went to {sessions} sessions of a process, {processes} processes, {rate} changes per second and "
        f"{rooms} rooms. What is beyond that is extrapolated.",
    ]


def _goal(take: str, value: float, measure: Measure) -> str:
    """Whether it is reached."""
    limit = next(goal.limit for goal in GOALS if goal.measure == measure)
    verdict = Verdict.HOLDS if value <= limit else Verdict.DOES_NOT_HOLD
    told = cite(verdict.value, claim("no more than", [forecast_errors(take)], limit))
    return f"that the {take} is at most {cite(_percent(limit), {**number(limit), 'unit': '%'})} {told}"


def _measured(made: Sequence[Forecast]) -> int:
    return sum(not _is_invalid(each.error) for each in made)


def _is_invalid(made: Estimate) -> bool:
    return mark_of(made.judgement) == "invalid"


def _judgement(each: Forecast) -> Judgement:
    return worse_of(each.error.judgement, each.measured.judgement)


def _forecasts_table(found: Findings, made: Sequence[Forecast]) -> Table:
    rows = []
    for each in made:
        where = Where(each.clients)
        rows.append(
            [
                each.case,
                size(each.clients),
                each.name,
                _told(each.predicted, each.unit, readings(NAME, PREDICTED[each.name], each.case, where)),
                _told(each.measured.value, each.unit, readings(NAME, AS_PREDICTED[each.name], each.case, where)),
                cite(_signed(each.error.value), readings(NAME, FORECAST_ERROR[each.name], each.case, where)),
                _judgement(each).without_amounts,
            ]
        )
    return Table(
        title=FORECASTS,
        headers=("Case", "Clients", "Quantity", "Predicted", "Measured", "Error", "Validity"),
        rows=rows,
        row_marks=[mark_of(_judgement(each)) for each in made],
        note="Predicted first, by the model of this run, and then measured. Error: predicted over measured, less one; "
        f"the median where a case was measured several times.{_alike(found)}",
    )


def _alike(found: Findings) -> str:
    """What a forecast has in common with its measurement; nothing of runs before the model had the lab's clients."""
    if not any(name.startswith(CLIENTS) for name in found.facts):
        return ""
    return (
        " Times are of the lab's clients, which share one core, and the forecast has that core, too, but for a "
        "restart; windows of one process have as many rooms made as ended, on several processes rooms are made only, "
        "and the forecast has them end as well."
    )


# -- ways at scale -----------------------------------------------------------------------------------------------------


def _scale_sentences(run: Run, found: Findings, ways: Sequence[WayAtScale]) -> list[str]:
    if not ways:
        return []
    furthest = max(ways, key=lambda each: each.holds)
    nodes = cite(count(_nodes(run)), setting("prediction.scale.nodes"))
    words = []
    if furthest.holds:
        name = cite(furthest.name, most({each.name: _of(SCALE_HOLDS, each.name) for each in ways}))
        others = [each.name for each in ways if each.holds == furthest.holds and each is not furthest]
        as_far = f"; as far go {' and '.join(others)}" if others else ""
        is_open = any(each.may_pass(furthest.holds) for each in ways if each is not furthest)
        words.append(
            f"By forecast, {'of what was tried, ' if is_open else ''}the way that goes furthest on {nodes} nodes is "
            f"{name}: to {_cited(found, SCALE_HOLDS, furthest.name)} players, {_times_beyond(run, furthest)} what was "
            f"measured{as_far}{_beside_polling(run, found, furthest, ways)}."
        )
    ends = "; ".join(_end(found, each) for each in ways)
    words.append(f"Where each way stops working on {nodes} nodes, and what breaks first: {ends}.")
    if not all(each.is_found for each in ways):
        words.append("Where a way has a range, or nothing that breaks it, the search ended before it was found.")
    return words


def _beside_polling(run: Run, found: Findings, furthest: WayAtScale, ways: Sequence[WayAtScale]) -> str:
    """Where those who poll go furthest: how old their lists are by design, and how far the ways go that are told."""
    pushed = [each for each in ways if not _polls(each)]
    scale = run.profile.prediction.scale
    if not _polls(furthest) or not pushed or scale is None:
        return ""
    best = max(pushed, key=lambda each: each.holds)
    name = cite(best.name, most({each.name: _of(SCALE_HOLDS, each.name) for each in pushed}))
    poll_s = cite(f"{scale.poll_s:g} s", setting("prediction.scale.poll_s", "s"))
    return (
        f"; their lists are up to {poll_s} old, and of the ways that are told of changes none goes further than "
        f"{name}, to {_cited(found, SCALE_HOLDS, best.name)}"
    )


def _polls(each: WayAtScale) -> bool:
    return each.way.startswith("polling")


def _end(found: Findings, each: WayAtScale) -> str:
    """Where a way stops working, as far as it was found."""
    holds = _cited(found, SCALE_HOLDS, each.name)
    if each.fails is None:
        return f"{each.name} not yet with {holds}"
    fails = _cited(found, SCALE_FAILS, each.name)
    where = f"at {fails}" if each.is_found else f"between {holds} and {fails}"
    return f"{each.name} {where} ({_breaking(each)})"


def _breaking(each: WayAtScale) -> str:
    """What does with those with whom it fails."""
    return cite(each.breaks or "nothing", breaks_first(each.name))


def _nodes(run: Run) -> int:
    scale = run.profile.prediction.scale
    return scale.nodes if scale is not None else 0


def _times_beyond(run: Run, each: WayAtScale) -> str:
    players = extent(run.profile.prediction).players
    text = f"{in_digits(each.holds / players)} ×" if players else "–"
    return cite(text, combined("times", _of(SCALE_HOLDS, each.name), extent_of("players"), "×"))


def _scale_table(run: Run, found: Findings, ways: Sequence[WayAtScale]) -> Table:
    assumed = next((note for note in found.notes if note.startswith(AT_SCALE)), "")
    rows = [
        [
            each.name,
            _cited(found, SCALE_HOLDS, each.name),
            _cited(found, SCALE_FAILS, each.name) if each.fails is not None else "–",
            _breaking(each) if each.fails is not None else "–",
            cite(in_ms(each.delay_ms), _of(SCALE_DELAY, each.name)) if each.delay_ms is not None else "–",
            cite(in_bytes(each.bytes_per_s), _of(SCALE_BYTES, each.name)) if each.bytes_per_s is not None else "–",
            _times_beyond(run, each) if each.holds else "–",
        ]
        for each in ways
    ]
    return Table(
        title=AT_SCALE_TABLE,
        headers=(
            "Way", "Holds up to", "Fails at", "Breaks first", "p99", "Bytes per player per second",
            "Over what was measured",
        ),
        rows=rows,
        note=f"Forecast, not measured. {assumed[:1].upper()}{assumed[1:]}. p99 is of the time to fresh; of those who "
        "poll, whose list is up to a period old, it is of an answer. Above 1 × a figure is extrapolated.",
    )  # fmt: skip


def _of(measure: Measure, party: str) -> Quantity:
    return readings(NAME, measure, party, EVERYWHERE)


def _cited(found: Findings, measure: Measure, party: str) -> str:
    made = _estimate(found, measure, party)
    return cite(count(made.value), _of(measure, party)) if made is not None else "–"


# -- figures -----------------------------------------------------------------------------------------------------------


def _estimate(found: Findings, measure: Measure, party: str = LOBBY) -> Estimate | None:
    return next((estimate(each) for each in found.measures if (each.measure, each.party) == (measure, party)), None)


def _told(value: float, unit: str, of: Quantity) -> str:
    text = in_ms(value) if unit == "ms" else in_bytes(value) if unit == "B" else f"{in_digits(value)} {unit}"
    return cite(text, of)


def _percent(value: float) -> str:
    """Of a value in %: near 100 as everywhere."""
    return in_percent(value / 100)


def _signed(value: float) -> str:
    return in_percent(value / 100).replace("-0 %", "0 %").replace("-", "−")
