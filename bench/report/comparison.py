"""Two runs compared, as plain lines, and as a folder with the lines and the chart."""

from __future__ import annotations

import math
from pathlib import Path

from bench.analysis.comparison.changes import APART, FAR, Pair
from bench.analysis.comparison.compare import Comparison
from bench.record.provenance import commit_words, machine_words
from bench.record.run import Run
from bench.report.charts.compare import draw_comparison
from bench.words import in_digits, plural

NAME_WIDTH = 88
MOST_MISSING = 10
"""Missing figures that are named."""

PAIRING = (
    "Ratio: median ÷ median of the readings (n in each run); the runs are not paired. A change is beyond the noise "
    f"floor and carried by the exact Mann-Whitney test at 5 %; with too few readings for it, by {APART} noise floors "
    f"and no overlap; with a single reading, by {FAR} noise floors."
)


def write_comparison(found: Comparison, folder: Path) -> None:
    """compare.txt and the chart."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "compare.txt").write_text(render_comparison(found) + "\n", encoding="utf-8")
    chart = draw_comparison(found)
    (folder / "compare.svg").write_text(chart.svg, encoding="utf-8")
    (folder / "compare.png").write_bytes(chart.png)


def render_comparison(found: Comparison) -> str:
    """What differs between the runs, what changed, how much did not, and the verdict in the last line."""
    lines = [f"before  {_run_words(found.before)}", f"after   {_run_words(found.after)}", *found.basis.remarks]
    if not found.has_noise:
        lines.append("Neither run has an A/A (scenario noise): usual noise floors are used.")
    lines.append("")
    if found.changed or found.unsure:
        lines.append(f"{'figure':<{NAME_WIDTH}}  {'before':>10}  {'after':>10}  ratio (n), noise floor")
        lines += [_line(pair) for pair in (*found.changed, *found.unsure)]
        lines += ["", PAIRING]
    same = len(found.pairs) - len(found.changed) - len(found.unsure)
    if found.pairs:
        lines.append(f"{same} of {plural(len(found.pairs), 'figure')} show no difference beyond the noise.")
    if found.unsure:
        lines.append(
            f"{len(found.unsure)} are further apart than the noise, but by less than so few readings carry: unsure. "
            "Repeat the runs (a folder of several runs counts as one with repeats), or compare those of --full."
        )
    if found.only_one:
        lines.append(f"{plural(found.only_one, 'figure')} not in both runs, or not valid in one.")
    lines += [f"missing: {name}" for name in found.missing[:MOST_MISSING]]
    lines += [_verdict(found)]
    return "\n".join(lines)


def ratio_words(ratio: float) -> str:
    if math.isinf(ratio):
        return "from 0"
    return f"×{ratio:.2f}" if ratio else "to 0"


def _line(pair: Pair) -> str:
    doubt = (", suspect" if pair.doubtful else "") + (", another server" if pair.is_control else "")
    return (
        f"{pair.name[:NAME_WIDTH]:<{NAME_WIDTH}}  {in_digits(pair.before):>10}  {in_digits(pair.after):>10}  "
        f"{pair.change.value} {ratio_words(pair.ratio)} ({pair.n[0]}, {pair.n[1]}), ±{pair.floor:.0%}{doubt}"
    )


def _verdict(found: Comparison) -> str:
    worse = f"{plural(len(found.regressions), 'figure')} worse by more than {found.limit:.0%}"
    if found.obstacles:
        beside = f" ({worse} as far as it goes.)" if found.regressions else ""
        return f"No verdict: {' '.join(found.obstacles)}{beside}"
    return f"Worse: {worse}." if found.regressions else f"No worse: no figure worse by more than {found.limit:.0%}."


def _run_words(run: Run) -> str:
    return f"{commit_words(run)} · {run.started_at} · {run.profile.name} · {machine_words(run)}"
