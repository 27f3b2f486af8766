"""The section on what the specification promises."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bench.analysis.promises import Promise
from bench.analysis.sources import tally as count_of
from bench.analysis.verdicts import ABOUT, Verdict
from bench.citations import Quantity, cite
from bench.record.run import Run
from bench.report.sections.page import Section, Table

MARKS = {
    Verdict.HOLDS: "holds",
    Verdict.HOLDS_UP_TO: "partly",
    Verdict.DOES_NOT_HOLD: "fails",
    Verdict.NOT_MEASURED: "",
}


def promises_section(run: Run, promises: Sequence[Promise]) -> Section:
    return Section(
        name="promises",
        title="Which of the specification's promises hold?",
        shows=[tally(promises)],
        validity="as the sections that the figures come from; what is INVALID there counts as not measured here",
        method=[
            "Each claim of the sections “Benefits” and “Performance Metrics”, and the two numbers of its "
            "checklist and configuration. The rule of each verdict is in the last column and is applied by code.",
            f"Where the specification writes “~” or a round number, {ABOUT:.0%} off is still right; a cost that is "
            "lower than claimed breaks no promise.",
        ],
        repeat=f"lobby-bench report --{run.profile.name} --seed {run.seed}",
        tables=(
            Table(
                title="The specification's claims, what this run measured, and the verdict",
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
            ),
        ),
    )


def tally(promises: Sequence[Promise]) -> str:
    """How many of each verdict."""
    found = Counter(promise.ruling.verdict for promise in promises)
    words = {
        Verdict.HOLDS: "hold",
        Verdict.HOLDS_UP_TO: "hold up to a number of clients",
        Verdict.DOES_NOT_HOLD: "do not hold",
        Verdict.NOT_MEASURED: "were not measured",
    }
    parts = [
        f"{cite(str(found[verdict]), claims(verdict.value))} {text}"
        for verdict, text in words.items()
        if found[verdict]
    ]
    return f"Of {cite(str(len(promises)), claims())} claim{'' if len(promises) == 1 else 's'}, {', '.join(parts)}."


def claims(verdict: str | None = None) -> Quantity:
    """How many of the table's claims have a verdict, or any."""
    return count_of("promises: ", ("claim", "up to", "both"), verdict)
