"""Rates over a run: exact between two looks, and bounded however long it lasts."""

import pytest

from loadtest.measure.history import SAMPLES_AT_MOST, History
from loadtest.measure.recorder import Recorder


def test_a_rate_is_the_difference_of_two_looks_by_their_time():
    samples: list[dict[str, float]] = []
    recorder, history = Recorder(), History(samples, every_s=1.0)
    recorder.count("received pong", 10)
    history.look(recorder, t_s=2.0)
    recorder.count("received pong", 5)
    recorder.record_request(("WS", "heartbeat"), 0.001, "lost before the answer")
    history.look(recorder, t_s=4.5)
    assert [sample["t_s"] for sample in samples] == [2.0, 4.5]
    assert [sample["received_per_s"] for sample in samples] == [5.0, 2.0]
    assert (samples[1]["requests_per_s"], samples[1]["errors_per_s"]) == (0.4, 0.4)


def test_a_look_before_its_time_takes_no_sample():
    samples: list[dict[str, float]] = []
    history = History(samples, every_s=3.0)
    for t_s in (1.0, 2.9):
        history.look(Recorder(), t_s=t_s)
    assert samples == []


def test_a_soak_keeps_half_of_its_samples_and_looks_half_as_often():
    samples: list[dict[str, float]] = []
    recorder, history = Recorder(), History(samples, every_s=1.0)
    for second in range(1, SAMPLES_AT_MOST + 2):
        history.look(recorder, t_s=float(second))
    assert len(samples) == pytest.approx(SAMPLES_AT_MOST / 2, abs=1)
    history.look(recorder, t_s=SAMPLES_AT_MOST + 2.0)
    assert samples[-1]["t_s"] == SAMPLES_AT_MOST + 1.0 or samples[-1]["t_s"] == SAMPLES_AT_MOST
    history.look(recorder, t_s=SAMPLES_AT_MOST + 3.0)
    assert samples[-1]["t_s"] == SAMPLES_AT_MOST + 3.0
