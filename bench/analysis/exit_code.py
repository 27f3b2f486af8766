"""How a run ended, as an exit code."""

from __future__ import annotations

from bench.analysis.figures import invalid_figures
from bench.analysis.goals import Outcome, check_goals
from bench.record.run import Run
from loadtest.results.exit_codes import ExitCode


def exit_code(run: Run, *, with_goals: bool) -> ExitCode:
    """A fault that a ledger found is worse than a figure that is not valid, and that worse than a missed goal.

    A run that was broken off has failed. What was not measured at all is neither; goals count only where
    they were asked for.
    """
    if not run.is_whole or run.failures or any(result.faults for result in run.findings):
        return ExitCode.FAILED
    if invalid_figures(run):
        return ExitCode.INVALID
    results = [result for found in run.findings for result in check_goals(found)] if with_goals else []
    return ExitCode.THRESHOLD_MISSED if any(result.outcome is Outcome.MISSED for result in results) else ExitCode.GOOD
