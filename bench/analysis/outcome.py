"""How a run ended, as an exit code."""

from __future__ import annotations

from bench.analysis.figures import invalid_figures
from bench.analysis.goals import Outcome, check_goals
from bench.record.run import Run

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_MISSED = 3
EXIT_INVALID = 4


def exit_code(run: Run, *, with_goals: bool) -> int:
    """A fault that a ledger found is worse than a figure that is not valid, and that worse than a missed goal.

    What was not measured at all is neither; goals count only where they were asked for.
    """
    if run.failures or any(result.faults for result in run.findings):
        return EXIT_FAILED
    if invalid_figures(run):
        return EXIT_INVALID
    results = [result for found in run.findings for result in check_goals(found)] if with_goals else []
    return EXIT_MISSED if any(result.outcome is Outcome.MISSED for result in results) else 0
