"""What load generators say of their times, read from what they print and leave."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.load.reports import (
    NothingReported,
    Percentiles,
    reported_in_words,
    reported_of_locust,
    reported_of_the_swarm,
)


def test_times_of_a_script_are_the_last_thing_that_it_prints(tmp_path: Path) -> None:
    words = tmp_path / "words"
    words.write_text('connected 3\nheard 9\ntimes {"upgrade":[3,1.5,2.5],"heartbeat":[4,0.5,9]}\n')
    assert reported_in_words(words) == {"upgrade": Percentiles(3, 1.5, 2.5), "heartbeat": Percentiles(4, 0.5, 9)}


def test_table_of_locust_is_found_among_what_it_logs(tmp_path: Path) -> None:
    rows = [
        {"name": "pong", "response_times": {"1": 98, "70": 1, "900": 1}},
        {"name": "upgrade", "response_times": {"12": 1}},
        {"name": "user_online", "response_times": {"0": 5}},
    ]
    words = tmp_path / "words"
    words.write_text(f"[2026-01-01] starting\n{json.dumps(rows, indent=4)}\nType  Name\n")
    assert reported_of_locust(words) == {
        "heartbeat": Percentiles(100, 1.0, 70.0),
        "upgrade": Percentiles(1, 12.0, 12.0),
    }


@pytest.mark.parametrize("read", [reported_in_words, reported_of_locust])
def test_tool_that_printed_none_reported_nothing(tmp_path: Path, read: object) -> None:
    words = tmp_path / "words"
    words.write_text("Traceback: no such host\n")
    with pytest.raises(NothingReported, match="it printed no t"):
        read(words)  # type: ignore[operator]


def test_swarm_that_left_no_file_reported_nothing(tmp_path: Path) -> None:
    with pytest.raises(NothingReported, match="left no results"):
        reported_of_the_swarm(tmp_path / "swarm.json")
