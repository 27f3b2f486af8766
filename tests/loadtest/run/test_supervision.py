"""Thresholds that end a run, and what is kept of one that is killed."""

from types import SimpleNamespace

import pytest

from loadtest.measure.judging.thresholds import read_threshold
from loadtest.measure.recorder import Recorder
from loadtest.measure.run_facts import RunFacts
from loadtest.run.supervision import Supervision


class Run:
    def __init__(self, *texts: str, shape: str = "none", save_every_s: float = 0.0) -> None:
        self.now_s, self.saved_at_s, self.ends = 0.0, [], 0
        self.recorder = Recorder()
        self.swarm = SimpleNamespace(
            recorder=self.recorder, facts=RunFacts(is_over=False),
            options=SimpleNamespace(load=SimpleNamespace(shape=shape)),
            say_once=lambda kind, sentence: self.said.append(sentence),
        )  # fmt: skip
        self.said: list[str] = []
        self.supervision = Supervision(
            self.swarm, [read_threshold(text) for text in texts],
            duration_s=lambda: self.now_s, save=self.save, save_every_s=save_every_s, end=self.end,
        )  # fmt: skip

    def save(self) -> None:
        self.saved_at_s.append(self.now_s)

    def end(self) -> None:
        self.ends += 1

    def look(self, at_s: float) -> int:
        self.now_s = at_s
        self.supervision.look()
        return self.ends

    def fail(self, number: int = 1) -> None:
        for _ in range(number):
            self.recorder.record_request(("GET", "/api/rooms"), 0.01, "HTTP 500")


def test_a_missed_threshold_without_a_word_of_it_ends_nothing():
    run = Run("errors.count == 0")
    run.recorder.begin_steady_state()
    run.fail()
    assert run.look(10.0) == 0


def test_one_that_stops_waits_for_the_steady_state_and_ends_the_run_once():
    run = Run("errors.count == 0 or stop")
    run.fail()
    assert run.look(10.0) == 0
    run.recorder.begin_steady_state()
    assert [run.look(11.0), run.look(12.0)] == [1, 1]
    assert run.swarm.facts.ended_by == {"errors.count == 0 or stop": 1}


def test_one_with_a_time_waits_for_that_and_not_for_the_steady_state():
    run = Run("errors.count == 0 or stop after 30s")
    run.fail()
    assert [run.look(29.0), run.look(30.0)] == [0, 1]


def test_a_load_without_a_steady_state_is_watched_from_its_beginning():
    run = Run("errors.count == 0 or stop", shape="spike")
    run.fail()
    assert run.look(1.0) == 1


def test_what_is_not_measured_yet_ends_nothing():
    run = Run("fanout.p99 < 1ms or stop after 0s")
    assert run.look(5.0) == 0


def test_a_run_that_is_ending_is_left_alone():
    run = Run("errors.count == 0 or stop after 0s", save_every_s=1)
    run.fail()
    run.swarm.facts.duration_s = 4.0
    assert run.look(5.0) == 0
    assert run.saved_at_s == []


def test_results_are_kept_every_so_often():
    run = Run(save_every_s=60)
    for at_s in range(200):
        run.look(float(at_s))
    assert run.saved_at_s == [60.0, 120.0, 180.0]


def test_results_that_cannot_be_kept_are_said_and_the_run_goes_on(monkeypatch: pytest.MonkeyPatch):
    run = Run(save_every_s=1)

    def save() -> None:
        raise OSError(28, "No space left on device", "run.json")

    run.supervision._save = save  # type: ignore[method-assign]
    run.look(5.0)
    assert run.said == ["run.json: No space left on device: results are not kept meanwhile."]
    assert run.ends == 0


@pytest.mark.parametrize(
    ("text", "stops", "after_s"),
    [
        ("reach == 1", False, None),
        ("reach == 1 or stop", True, None),
        ("errors.rate < 5% or stop after 30s", True, 30.0),
        ("fanout.p99 < 1s  or  stop  after 2.5 s", True, 2.5),
    ],
)
def test_the_words_behind_a_threshold_are_read(text: str, stops: bool, after_s: float | None):
    threshold = read_threshold(text)
    assert (threshold.stops, threshold.after_s) == (stops, after_s)
