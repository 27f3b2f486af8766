"""What happened in a run, and when it was slow, in run.json and on the page."""

from __future__ import annotations

from typing import Any

from loadtest.measure.run_facts import Moment
from loadtest.output.page import charts, page, slowest_windows
from loadtest.output.run_file import as_text
from loadtest.results.run_json import decode_run_json
from tests.loadtest.output.live.runs import concluded


def windows(*p99_ms: float) -> list[dict[str, Any]]:
    return [
        {
            "from_s": number * 5.0,
            "until_s": number * 5.0 + 5.0,
            "metrics": {"heartbeat": {"count": 10, "p50_ms": 1.0, "p99_ms": ms, "max_ms": ms}},
        }
        for number, ms in enumerate(p99_ms)
    ]


HISTORY = [
    {
        "t_s": float(second), "established": 8.0, "lost": 0.0, "received_per_s": 1.0, "requests_per_s": 1.0,
        "errors_per_s": 0.0,
    }
    for second in range(1, 20)
]  # fmt: skip


def test_the_slowest_window_of_a_stall_is_named_with_its_time():
    run = concluded(is_over=True, windows=windows(2, 3, 1400, 2)).document()
    [slowest] = slowest_windows(run)
    assert (slowest.title, slowest.from_s, slowest.until_s) == ("Heartbeat round trip", 10.0, 15.0)
    assert (slowest.p99_ms, slowest.usual_p99_ms) == (1400, 2.5)
    shown = page(run)
    assert "When was it slow?" in shown
    assert "<td>1,400.00</td>" in shown


def test_two_windows_have_no_usual_one():
    assert slowest_windows(concluded(is_over=True, windows=windows(2, 1400)).document()) == []


def test_moments_are_in_the_file_in_the_list_and_in_every_chart_over_time():
    moment = Moment(9.0, "role", "host <paused>")
    run = concluded(is_over=True, faults=[], history=HISTORY, windows=windows(2, 3, 4), moments=[moment]).document()
    assert [(each.at_s, each.kind, each.text) for each in run.moments] == [(9.0, "role", "host <paused>")]
    drawn = [text for text in charts(run) if 'aria-label="Times by percentile"' not in text and text]
    assert len(drawn) >= 4
    over_time = [text for text in drawn if 'aria-label="CPU per second"' not in text]
    assert all(text.count('class="moment"') == 1 for text in over_time)
    assert "host &lt;paused&gt;" in page(run)


def test_files_of_before_have_no_moments():
    run = concluded(is_over=True).document()
    text = as_text(run).replace('"moments": []', '"unknown": []')
    assert decode_run_json(text.encode()).moments == []


def test_a_role_that_was_paused_is_a_note_of_the_run_and_no_doubt():
    moments = [
        Moment(12.2, "role", "host paused"),
        Moment(15.0, "phase", "steady state"),
        Moment(30.0, "role", "host resumed"),
    ]
    found = concluded(is_over=True, moments=moments)
    assert "the load was not that of the plan: host paused at 12 s, host resumed at 30 s" in found.validity.notes
    assert found.validity.level is concluded(is_over=True).validity.level
