"""Times of workers on other machines: shifted into the master's clock by the report that took the least time."""

from __future__ import annotations

import math

from loadtest.measure.ledger import Ledger
from loadtest.run.distributed import _shifted, _WorkerClock


class Clock:
    now_s = 500.0

    def __call__(self) -> float:
        return self.now_s


def entries(ledger: Ledger, *, clock: str, now_s: float, until_s: float) -> dict[str, object]:
    return {**ledger.take_entries(), "clock": clock, "now_s": now_s, "until_s": until_s}


def test_a_worker_on_this_machine_has_the_masters_clock():
    ledger = Ledger(clock=Clock())
    worker = _WorkerClock(ledger.clock_id)
    worker.hear(entries(ledger, clock=ledger.clock_id, now_s=499.0, until_s=498.0), ledger)
    assert (worker.shift_s, worker.until_s) == (0.0, 498.0)


def test_the_quickest_report_of_another_machine_sets_the_shift():
    clock = Clock()
    ledger = Ledger(clock=clock)
    worker = _WorkerClock("elsewhere")
    shifts = []
    for on_the_way_s in (0.3, 0.1, 0.2):
        sent_s = clock.now_s - 400.0  # the worker's clock is 400 s behind
        clock.now_s += on_the_way_s
        worker.hear(entries(ledger, clock="elsewhere", now_s=sent_s, until_s=sent_s), ledger)
        shifts.append(round(worker.shift_s - 400.0, 6))
    assert shifts == [0.3, 0.1, 0.1]


def test_shifted_entries_keep_their_intervals_and_what_is_no_time():
    found = _shifted(
        {"clock": "a", "transitions": [[7, True, 1.0, 2.0, 1.5, False]], "changes": [[1.0, 2.0, 3.0]]}, 10.0
    )
    assert found["transitions"] == [[7, True, 11.0, 12.0, 11.5, False]]
    assert found["changes"] == [[11.0, 12.0, 13.0]]
    assert math.isfinite(found["changes"][0][0])
