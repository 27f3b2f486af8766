"""What the live page asks for every other second: what is new since its last question, and how things stand."""

from __future__ import annotations

from typing import Any

from loadtest.measure.attendance import STATES
from loadtest.measure.metrics import METRICS
from loadtest.measure.run_facts import FaultFacts, Moment
from loadtest.output.conclusion import Conclusion
from loadtest.output.summary import reach_text

SERIES = ("fanout_presence", "fanout_rooms", "fresh", "fresh_poll", "heartbeat", "fetch")
"""Of which the page draws percentiles over time, beside those of the roles of this run."""


def run_id(found: Conclusion) -> str:
    """Tells the runs of one process apart, and the parts of a run whose figures were dropped in between."""
    return f"{found.facts.started_at} {found.facts.seed} {found.facts.resets}"


def following(
    found: Conclusion | None, *, of_run: str = "", after_s: float = 0.0, paused: tuple[str, ...] = ()
) -> dict[str, Any]:
    """For JSON. Samples and windows that ended after `after_s`; all of them, where `of_run` is another run. `until_s`
    is what to give as `after_s` the next time."""
    if found is None:
        return {"run": "", "running": False}
    facts, recorder = found.facts, found.recorder
    since_s = after_s if of_run == run_id(found) else 0.0
    samples = [sample for sample in facts.history if sample["t_s"] > since_s]
    windows = [window for window in facts.windows if window["until_s"] > since_s]
    names = [name for name in METRICS if name in SERIES or name in METRICS.expectations]
    attendance = {} if facts.is_over else recorder.attendance
    return {
        "run": run_id(found),
        "running": not facts.is_over,
        "host": facts.host,
        "seed": facts.seed,
        "now_s": round(facts.duration_s, 3),
        "until_s": max([since_s, *(sample["t_s"] for sample in samples), *(window["until_s"] for window in windows)]),
        "samples": samples,
        "windows": [
            {
                "until_s": window["until_s"],
                "metrics": {name: window["metrics"][name] for name in names if name in window["metrics"]},
            }
            for window in windows
        ],
        "titles": {name: METRICS[name].title for name in names},
        "moments": [*map(_moment, facts.moments), *map(_fault, facts.faults)],
        "roles": [
            {
                "role": role,
                "paused": role in paused,
                "states": {state: attendance.get(role, {}).get(state, 0) for state in STATES},
            }
            for role in sorted({*facts.users, *attendance, *paused})
        ],
        "validity": found.validity.level.value,
        "reasons": list(found.validity.reasons),
        "reach": {name: reach_text(tally.reach) for name, tally in recorder.tallies.items()},
        "thresholds": [
            {"text": str(result), "met": result.is_met}
            for result in found.threshold_results
            if result.found is not None or facts.is_over
        ],
    }


def _moment(moment: Moment) -> dict[str, Any]:
    return {"at_s": moment.at_s, "kind": moment.kind, "text": moment.text}


def _fault(fault: FaultFacts) -> dict[str, Any]:
    return {"at_s": fault.began_s, "until_s": fault.ended_s, "kind": "fault", "text": fault.name}
