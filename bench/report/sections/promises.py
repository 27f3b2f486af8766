"""The section on what the specification promises."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bench.analysis.promises import Promise
from bench.analysis.promises.promise import NOTICED_MS
from bench.analysis.sources import tally as count_of
from bench.analysis.verdicts import ABOUT, Verdict
from bench.citations import Quantity, cite
from bench.record.run import Run
from bench.report.sections.page import Section, Table
from bench.words import in_ms

CLAIMS = "The specification's claims, what this run measured, and the verdict"

MARKS = {
    Verdict.HOLDS: "holds",
    Verdict.HOLDS_UP_TO: "partly",
    Verdict.UNDERSTATES: "partly",
    Verdict.DOES_NOT_HOLD: "fails",
    Verdict.NOT_MEASURED: "",
}

VERDICTS = ("claim", "up to", "both", "cost of old", "scale", "heard")
"""Conclusions that are verdicts on claims."""


def promises_section(run: Run, promises: Sequence[Promise]) -> Section:
    return Section(
        name="promises",
        title="Which of the specification's promises hold?",
        shows=[tally(promises)],
        validity="as the sections that the figures come from; what is INVALID there counts as not measured here",
        method=[
            "Each claim of the sections “Benefits”, “Performance Metrics” and “Summary”, and the two numbers of its "
            "checklist and configuration, in the specification's words. The rule of each verdict is in the last "
            "column and is applied by code.",
            "Words of speed without a number (“within milliseconds”, “immediately”) are judged by one rule: sooner "
            f"than people notice a delay, {in_ms(NOTICED_MS)}. Stricter readings are the lab's own; they stand in a "
            "table of their own and are not counted.",
            f"Where the specification writes “~” or a round number, {ABOUT:.0%} off is still right; a cost that is "
            "lower than claimed breaks no promise.",
        ],
        repeat=f"lobby-bench report --{run.profile.name} --seed {run.seed}",
        tables=(
            _table(
                CLAIMS,
                [promise for promise in promises if not promise.is_variant],
            ),
            _table(
                "Stricter readings of the lab's own, which are no claims of the specification",
                [promise for promise in promises if promise.is_variant],
            ),
        ),
    )


def _table(title: str, promises: Sequence[Promise]) -> Table:
    return Table(
        title=title,
        headers=("Section", "Claim", "Measured", "Verdict", "Judged by"),
        rows=[
            [
                promise.section,
                promise.claim,
                promise.measured or "–",
                cite(str(promise.ruling), promise.of),
                promise.rule,
            ]
            for promise in promises
        ],
        row_marks=[MARKS[promise.ruling.verdict] for promise in promises],
    )


def tally(promises: Sequence[Promise]) -> str:
    """How many claims of each verdict; without the lab's own variants."""
    judged = [promise for promise in promises if not promise.is_variant]
    found = Counter(promise.ruling.verdict for promise in judged)
    words = {
        Verdict.HOLDS: ("holds", "hold"),
        Verdict.HOLDS_UP_TO: ("holds up to a number of clients", "hold up to a number of clients"),
        Verdict.UNDERSTATES: ("understates the gain", "understate the gain"),
        Verdict.DOES_NOT_HOLD: ("does not hold", "do not hold"),
        Verdict.NOT_MEASURED: ("was not measured", "were not measured"),
    }
    parts = [
        f"{cite(str(found[verdict]), claims(verdict.value))} {one if found[verdict] == 1 else several}"
        for verdict, (one, several) in words.items()
        if found[verdict]
    ]
    many = f"{cite(str(len(judged)), claims())} claim{'' if len(judged) == 1 else 's'}"
    return f"Of {many} of the specification, {', '.join(parts)}."


def claims(verdict: str | None = None) -> Quantity:
    """How many of the table's claims have a verdict, or any."""
    return count_of(f"promises: {CLAIMS}", VERDICTS, verdict)
