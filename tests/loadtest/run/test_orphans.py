"""A worker without its master, and interrupts that are the master's to answer."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import gevent
import pytest

from loadtest.run.interrupts import Interrupts
from loadtest.run.orphans import leave_interrupts_to_master, watch_parent
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.system


@pytest.fixture
def interrupts(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[gevent.Greenlet]]:
    """Those that are still to come end with the test: one that reached this process later would end all tests."""
    before, to_come, spawn_later = signal.getsignal(signal.SIGINT), [], gevent.spawn_later
    monkeypatch.setattr(gevent, "spawn_later", lambda *arguments: to_come.append(spawn_later(*arguments)))
    yield to_come
    gevent.killall(to_come)
    signal.signal(signal.SIGINT, before)


def test_a_worker_whose_parent_is_gone_is_told_once(capsys: pytest.CaptureFixture[str]):
    parents, told = iter([1, 1, 1, 2]), []
    watch_parent(on_gone=lambda: told.append("gone"), parent=lambda: next(parents), look_every_s=0.001).join(
        timeout=PATIENCE_S
    )
    assert told == ["gone"]
    assert "The master is gone" in capsys.readouterr().err


def test_the_first_interrupt_is_left_to_the_master_and_the_second_one_holds(interrupts: list[gevent.Greenlet]):
    leave_interrupts_to_master(Interrupts(is_worth_ending=lambda: True))
    signal.raise_signal(signal.SIGINT)
    assert len(interrupts) == 1, "the one that comes if the master leaves it unanswered"
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_an_interrupt_that_the_master_leaves_unanswered_holds_in_the_end(
    interrupts: list[gevent.Greenlet], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("loadtest.run.orphans.INTERRUPT_AFTER_S", 0.001)
    leave_interrupts_to_master(Interrupts(is_worth_ending=lambda: True))
    signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        gevent.sleep(PATIENCE_S)
