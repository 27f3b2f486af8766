"""When clients came back after a restart of the server."""

from __future__ import annotations

from bench.measures import ACCEPTS_AGAIN
from bench.record.run import Run
from bench.record.vocabulary import BACK_AND_FRESH, FIXED_RETRY


def returns_after_up_s(run: Run) -> list[float] | None:
    """Of the clients with the fixed retry: from when the server accepted again until each was back and fresh.

    One that was lost later than that has waited less. ``None`` when it was not measured, empty when nobody came back.
    """
    found = run.found("reconnect")
    if found is None:
        return None
    waits: list[float] = []
    for series in found.series_of(BACK_AND_FRESH):
        if series.party.startswith(FIXED_RETRY):
            listening = found.find(ACCEPTS_AGAIN, series.party, series.where)
            for group, up in zip(series.groups, listening, strict=False):
                waits += [max(0.0, at_ms / 1e3 - up.value) for at_ms in group.values_ms().tolist()]
    return waits


def restarts(run: Run) -> int:
    """Of how many restarts those with the fixed retry came back."""
    found = run.found("reconnect")
    series = found.series_of(BACK_AND_FRESH) if found is not None else []
    return sum(len(each.groups) for each in series if each.party.startswith(FIXED_RETRY))


def expected_returns(run: Run) -> int:
    """How many clients with the fixed retry should have come back, over all restarts."""
    found = run.found("reconnect")
    series = found.series_of(BACK_AND_FRESH) if found is not None else []
    return sum(each.clients * len(each.groups) for each in series if each.party.startswith(FIXED_RETRY))
