"""What a forecast prints: each quantity in the unit that fits, however small the lobby."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bench.prediction.forecast import Forecast, StormForecast
from bench.prediction.plan import Plan
from bench.prediction.prices import Bill
from bench.prediction.told import assumptions, tell_forecast
from tests.bench.prediction.models import a_model

SMALL = StormForecast(
    sessions=20, fresh_p50_s=0.0123, fresh_p99_s=0.0305, over_s=0.041, looked_at_s=60.0, cpu_s=0.0058, gb_out=0.00349
)
LARGE = StormForecast(
    sessions=10_000, fresh_p50_s=1.09, fresh_p99_s=None, over_s=33.1, looked_at_s=60.0, cpu_s=6.47, gb_out=3.49
)


def told(**named: Any) -> str:
    found: dict[str, Any] = {
        "players": 20, "way": "delta", "presence": "batched", "nodes": 1, "cores": 1, "processes": 1, "processes_run":
        1, "sessions_per_process": 20, "core_share": 0.1, "shares": {"log": 0.0}, "breaks": "", "gib_per_node":
        0.0742, "gib": 0.0742, "wire_bytes_per_node": 11.3e6, "wire_bytes": 11.3e6, "out_bytes": 1.0, "writes": 1.0,
        "log_entries": 0.0, "log_commands": 0.0, "changes": 1.0, "logins": 1.0, "fresh_p50_ms": 1.0, "fresh_p99_ms":
        2.0, "answer_p99_ms": None, "log_in_storm": None, "restart_storm": None, "bill": None, "extrapolated": [],
        "model_commit": "0" * 40, "model_machine": "",
    }  # fmt: skip
    return "\n".join(tell_forecast(Forecast(**{**found, **named}), Plan(players=20), a_model(), given="a model"))


@pytest.mark.parametrize(
    ("gib", "per_node", "words"),
    [(0.0742, 0.0742, "76.0 MiB, 76.0 MiB per node"), (2.5, 0.5, "2.50 GiB, 512 MiB per node")],
)
def test_memory_is_told_in_the_unit_that_fits(gib: float, per_node: float, words: str) -> None:
    assert f"  memory                           {words}\n" in told(gib=gib, gib_per_node=per_node)


@pytest.mark.parametrize(
    ("storm", "words"),
    [
        (SMALL, "20 come: half of them fresh after 12.3 ms, 99 % 30.5 ms, all told after 41.0 ms; 5.80 ms of CPU, "
         "3.49 MB"),
        (LARGE, "10,000 come: half of them fresh after 1.09 s, 99 % not within 60 s, all told after 33.1 s; 6.47 s of "
         "CPU, 3.49 GB"),
    ],
)  # fmt: skip
def test_storm_is_told_in_the_units_that_fit(storm: StormForecast, words: str) -> None:
    assert words in told(log_in_storm=storm)


def test_bill_of_a_small_lobby_is_not_nothing() -> None:
    text = told(bill=Bill(currency="EUR", cores=0.035, memory=0.0003, traffic=0.0))
    assert "0.035 EUR per hour" in text
    assert "0.00030 EUR per hour" in text
    assert "0.00 EUR per hour" in text
    assert "0.035 EUR per hour, 26 EUR per month, 1,288.45 EUR per month and 1,000 players" in text


@pytest.mark.parametrize(("visit_s", "words"), [(18.0, "0.3 min"), (1200.0, "20 min"), (90.0, "1.5 min")])
def test_short_visit_is_not_told_as_none(visit_s: float, words: str) -> None:
    assert f"players stay for {words}, " in assumptions(replace(Plan(players=20), visit_s=visit_s))
