"""The two numbers of the specification's testing checklist and configuration."""

from __future__ import annotations

from bench.analysis.derived.overview import Overview
from bench.analysis.derived.returns import expected_returns, restarts, returns_after_up_s
from bench.analysis.promises.promise import Promise, lasts, values
from bench.analysis.sources import NO_CLAIM, claim, returns, up_to
from bench.analysis.verdicts import NOT_MEASURED, rule, rule_up_to
from bench.citations import cite, number
from bench.record.vocabulary import FRESH_LIST
from bench.words import count, in_digits

SECTION = "Testing Checklist, Configuration"

ONE_SECOND_MS = 1000.0
CLAIMED_RETRY_S = 5.0
RETRY_TOLERANCE_S = 1.0
"""For connecting and being accepted."""


def rule_on_checklist(figures: Overview) -> list[Promise]:
    run, fresh = figures.run, figures.fresh
    waits_s = returns_after_up_s(run)
    everybody = waits_s is not None and len(waits_s) == expected_returns(run)
    return [
        Promise(
            SECTION,
            "“Verify game A sees new room within 1 second”",
            lasts(FRESH_LIST, fresh, worst=True),
            rule_up_to(values(fresh, lambda latency: latency.worst_last_ms), ONE_SECOND_MS),
            "the last client of the slowest broadcast holds the list with the room in less than 1 s, nobody left out",
            up_to(FRESH_LIST, "slowest", number(ONE_SECOND_MS)) if fresh else NO_CLAIM,
        ),
        Promise(
            SECTION,
            "“Auto-reconnects on connection loss (5-second retry)”",
            f"the last of {_returning(len(waits_s), restarts(run))} "
            f"{cite(f'{in_digits(max(waits_s))} s', returns('last'))} after the server accepted again"
            if waits_s
            else "",
            rule(everybody and max(waits_s, default=0.0) <= CLAIMED_RETRY_S + RETRY_TOLERANCE_S)
            if waits_s is not None
            else NOT_MEASURED,
            f"everybody is back within one retry and {RETRY_TOLERANCE_S:.0f} s for connecting",
            {
                "of": "both",
                "claims": [
                    claim("equal", [returns("back"), returns("expected")]),
                    claim("no more than", [returns("last")], CLAIMED_RETRY_S + RETRY_TOLERANCE_S),
                ],
            }
            if waits_s is not None
            else NO_CLAIM,
        ),
    ]


def _returning(back: int, times: int) -> str:
    """Who came back: clients of one restart, or returns of several, each of which had the same clients."""
    told = cite(count(back), returns("back"))
    if times == 1:
        return f"{told} client{'' if back == 1 else 's'} was back"
    return f"{told} returns after {cite(count(times), returns('restarts'))} restarts was"
