import logging
import threading

import pytest

from loadtest.client import Signal
from loadtest.client import signals as signals_module


def test_every_listener_gets_the_arguments():
    heard = []
    signal: Signal[[int, bool]] = Signal("user_status_changed")
    signal.connect(lambda user_id, is_online: heard.append((1, user_id, is_online)))
    signal.connect(lambda user_id, is_online: heard.append((2, user_id, is_online)))
    signal.emit(7, True)
    assert sorted(heard) == [(1, 7, True), (2, 7, True)]


def test_nobody_listening_is_no_error():
    Signal("lonely").emit()


def test_a_disconnected_listener_hears_nothing():
    heard = []
    signal: Signal[[int]] = Signal("s")

    class Owner:
        def listen(self, number: int) -> None:
            heard.append(number)

    owner = Owner()
    signal.connect(owner.listen)
    signal.disconnect(owner.listen)
    signal.emit(1)
    assert heard == []


def test_a_raising_listener_is_logged_once_and_the_others_are_called(caplog: pytest.LogCaptureFixture):
    heard = []

    def broken(number: int) -> None:
        raise RuntimeError("broken listener")

    signal: Signal[[int]] = Signal("s")
    signal.connect(broken)
    signal.connect(heard.append)
    for number in range(3):
        signal.emit(number)
    assert heard == [0, 1, 2]
    assert len([record for record in caplog.records if "broken" in record.getMessage()]) == 1


def test_a_slow_listener_is_named_in_the_log(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    monkeypatch.setattr(signals_module, "SLOW_LISTENER_S", 0.0)
    signal: Signal[[]] = Signal("s")
    signal.connect(lambda: threading.Event().wait(0.01))
    with caplog.at_level(logging.WARNING):
        signal.emit()
    assert "meanwhile its connection read nothing" in caplog.text


def test_a_weak_listener_goes_with_its_owner():
    class Owner:
        def __init__(self) -> None:
            self.heard: list[int] = []

        def listen(self, number: int) -> None:
            self.heard.append(number)

    owner = Owner()
    heard = owner.heard
    signal: Signal[[int]] = Signal("s")
    signal.connect(owner.listen, weak=True)
    signal.emit(1)
    del owner
    signal.emit(2)
    assert heard == [1]
