"""What is ruled on a run, once the auditor has drawn the same from its readings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bench.analysis.promises.promise import Promise
from bench.audit.check import check
from bench.citations import cited, citing
from bench.record.run import Run
from tests.bench.audit.documents import raw_of


def upheld(run: Run, rule: Callable[[], list[Promise]]) -> list[Promise]:
    """Fails where the auditor would: a verdict, or a figure that is cited, does not follow from the run."""
    with citing():
        promises = rule()
    raw, found = raw_of(run), []
    for promise in promises:
        measured, figures = cited(promise.measured)
        beside = [{"quantity": each.quantity} for each in figures]
        for each in figures:
            assert check(raw, each.quantity, each.text, [], beside) is None, f"{promise.claim}: {each}"
        assert check(raw, promise.of, str(promise.ruling), [], beside) is None, promise.claim
        found.append(replace(promise, measured=measured, rule=cited(promise.rule)[0]))
    return found
