"""The plain tables that a bench of the engine prints: goals with verdicts, then everything that was measured."""

from __future__ import annotations

from collections.abc import Sequence

from bench.analysis.estimates import Estimate, estimate, ratio
from bench.analysis.goals import GoalResult, check_goals
from bench.record.findings import Findings
from bench.record.vocabulary import LOBBY, OTHER_BUILD
from bench.words import count, in_digits

DIGITS, RATIO_DIGITS = 3, 4
"""A ratio of 1.103 misses a limit of 1.10, and must not look as if it met it."""


def render_result(result: Findings) -> str:
    """Several lines, none longer than the widest row."""
    goals = goal_lines(check_goals(result))
    parts = [f"{result.name}  ({' '.join(result.flags)})", "", *([*goals, ""] if len(goals) > 1 else [])]
    parts += measure_lines(result)
    parts += [f"skipped: {each}" for each in result.skipped]
    parts += [f"note: {note}" for note in result.notes]
    parts += [f"FAULT: {fault}" for fault in result.faults]
    return "\n".join(parts)


def goal_lines(results: Sequence[GoalResult]) -> list[str]:
    rows = [["goal", "clients", "target", "figure", "spread (n)", "verdict"]]
    for result in results:
        goal, figure = result.goal, result.figure
        sign = "≥" if goal.at_least else "≤"
        target = f"{sign} {in_digits(goal.limit)} {goal.unit}".strip()
        verdict = result.outcome.value
        if figure is None:
            rows.append([str(goal), count(goal.clients), target, "–", "–", verdict])
        else:
            verdict += f", {_doubt(figure)}" if figure.is_suspect else ""
            digits = RATIO_DIGITS if goal.over else DIGITS
            value = f"{in_digits(figure.value, digits)} {goal.unit}".strip()
            rows.append([str(goal), count(goal.clients), target, value, _spread(figure, digits), verdict])
    return _aligned(rows)


def measure_lines(result: Findings) -> list[str]:
    """`waited`: the part of its time that server or generator was kept from its core, in the worst repeat. What another
    build was measured at, too, has its ratio to that one."""
    with_rates = len({each.changes_per_s for each in result.measures}) > 1
    rows = [["measured", "party", "clients", *(["changes/s"] if with_rates else []), "figure", "spread (n)", "waited"]]
    for measure in sorted(result.measures, key=lambda each: (each.name, each.where, each.party)):
        figure = estimate(measure)
        if figure is None:
            continue
        value = f"{in_digits(figure.value)} {measure.unit}".strip()
        waited = f"{figure.waited:.1%}" if any(each.stretch for each in measure.readings) else ""
        rate = [f"{measure.changes_per_s:g}"] if with_rates else []
        rows.append([measure.name, measure.party, count(measure.clients), *rate, value, _spread(figure), waited])
        other = result.find(measure.measure, OTHER_BUILD, measure.where) if measure.party == LOBBY else []
        if (times := ratio(measure.readings, other, measure.measure.kind)) is not None:
            party, value = f"{LOBBY} ÷ {OTHER_BUILD}", f"{in_digits(times.value, RATIO_DIGITS)} ×"
            spread = _spread(times, RATIO_DIGITS)
            rows.append([measure.name, party, count(measure.clients), *rate, value, spread, ""])
    return _aligned(rows)


def _doubt(figure: Estimate) -> str:
    judgement = figure.judgement
    return f"{judgement.validity.value}: {'; '.join(map(str, judgement.reasons))}"


def _spread(figure: Estimate, digits: int = DIGITS) -> str:
    return f"{in_digits(figure.low, digits)}–{in_digits(figure.high, digits)} ({figure.n})"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
