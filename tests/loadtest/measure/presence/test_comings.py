"""A coming that nobody heard of: as all processes together know it, not as one of them does."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import pytest

from loadtest.measure.judging.validity import validity_of
from loadtest.measure.presence import comings
from loadtest.measure.presence.comings import Comings
from loadtest.measure.recorder import Recorder
from loadtest.results.validity import Validity

SETTLE_S = 5.0
COMERS = range(100, 130)


class Processes:
    """Of one run on one machine: its workers and their master."""

    def __init__(self, *observers: int) -> None:
        """So many of them play in each worker; those who come play in the first."""
        self.now_s = 1000.0
        self.master = Recorder(clock=self.clock, settle_s=SETTLE_S)
        self.workers = [Recorder(clock=self.clock, settle_s=SETTLE_S, is_shared=True) for _ in observers]
        self.watches = [
            [worker.ledger.watch() for _ in range(n)] for worker, n in zip(self.workers, observers, strict=True)
        ]
        for user_id, watch in enumerate((watch for there in self.watches for watch in there), start=1):
            watch.accepted(user_id, handshake_s=0.002)
        self.wait(60.0)
        for worker in self.workers:
            worker.take_report()  # nobody announced these
        self.comers = {user_id: self.workers[0].ledger.watch() for user_id in COMERS}

    def clock(self) -> float:
        return self.now_s

    def come(self, user_id: int, *, told: Iterable[int]) -> None:
        """And leave at once when all is judged; `told` are the workers whose observers hear of it in time."""
        self.comers[user_id].accepted(user_id, handshake_s=0.002)
        self.tell(user_id, told)
        self.wait(3 * SETTLE_S)

    def tell(self, user_id: int, told: Iterable[int]) -> None:
        for worker in told:
            for watch in self.watches[worker]:
                watch.presence(user_id, True)

    def wait(self, seconds: float) -> None:
        self.now_s += seconds
        told = [msgspec.msgpack.decode(msgspec.msgpack.encode(worker.take_entries())) for worker in self.workers]
        for number, worker in enumerate(self.workers):
            for other, entries in enumerate(told):
                if other != number:
                    worker.add_entries(entries)
            worker.ledger.heard_until_s = self.now_s
            worker.reach.settle(self.now_s)

    def report(self, *workers: int) -> None:
        """In this order."""
        for number in workers:
            sent = msgspec.msgpack.encode(self.workers[number].take_report())
            self.master.add_report(msgspec.msgpack.decode(sent), worker=str(number))

    @property
    def unheard(self) -> tuple[int, int]:
        return self.master.presence.unheard, self.master.presence.unheard_by


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_coming_that_one_process_alone_did_not_hear_of_is_lost_there_and_not_unheard(order: tuple[int, int]) -> None:
    run = Processes(5, 5)
    run.come(COMERS[0], told=[0])
    run.report(*order)
    assert run.master.presence.lost == 5
    assert run.unheard == (0, 0)


def test_coming_that_no_process_heard_of_is_one_that_all_of_their_observers_did_not_hear_of() -> None:
    run = Processes(5, 1)
    run.come(COMERS[0], told=[])
    run.report(0, 1)
    assert run.unheard == (1, 6)
    run.tell(COMERS[0], [1])
    run.wait(3 * SETTLE_S)
    run.report(0, 1)
    assert run.unheard == (0, 0), "it came late, to one"


def test_second_coming_of_a_user_is_another_one() -> None:
    run = Processes(5, 5)
    run.come(COMERS[0], told=[0, 1])
    run.comers[COMERS[0]].leaving()
    run.comers[COMERS[0]].lost()
    run.wait(60.0)
    run.come(COMERS[0], told=[])
    run.report(0, 1)
    assert run.unheard == (1, 10)


@pytest.mark.parametrize(("observers", "told"), [((1, 1), 1), ((8, 8), 0)], ids=["one each", "a bad link"])
def test_losses_of_one_process_are_missed_thresholds_and_no_doubt(observers: tuple[int, int], told: int) -> None:
    """A server that loses half of what it tells two lone observers, and a worker that hears of nothing."""
    run = Processes(*observers)
    for user_id in COMERS:
        run.come(user_id, told=[(user_id * told) % 2])
    run.report(0, 1)
    assert run.master.presence.lost > 0.2 * run.master.presence.expected
    assert run.unheard == (0, 0)
    assert not any("not one of those" in reason for reason in validity_of(run.master, is_over=False).reasons)


@pytest.mark.parametrize("workers", [1, 4])
def test_server_that_tells_nobody_of_any_coming_is_doubted_however_many_processes_there_are(workers: int) -> None:
    run = Processes(*[3] * workers)
    for user_id in COMERS:
        run.come(user_id, told=[])
    run.report(*range(workers))
    assert run.unheard[0] == len(COMERS)
    validity = validity_of(run.master, is_over=False)
    assert validity.level is Validity.INVALID
    assert f"{len(COMERS)} times a player came and not one" in validity.reasons[0]


def test_comings_that_are_no_longer_kept_are_counted_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comings, "KEPT", 2)
    book = Comings()
    for number in range(10):
        book.add_report({"unheard": [[7, number, 4]]})
    assert (book.unheard, book.unheard_by) == (10, 40)
    for number in range(20, 30):
        book.add_report({"heard": [[7, number]], "unheard": [[7, number, 4]]})
    assert (book.unheard, book.unheard_by) == (10, 40)
