"""The faults that a run brought about, and what came of them: connections that were lost, and when all were back."""

from __future__ import annotations

import math
from typing import Any

from loadtest.measure.run_facts import RunFacts
from loadtest.results import run_json

BACK_SHARE = 0.99
"""Of the connections before a fault: the others are players who lose theirs at any time."""
AWAY_S = 10.0
"""So long a player who drops its connection on purpose may be away, and no fault is felt: twice the longest first delay
(`loadtest.client.reconnect`)."""


def felt_faults(facts: RunFacts) -> list[run_json.Fault]:
    """In their order, each with what connections show of it until the next one."""
    ends_s = [*(fault.began_s for fault in facts.faults[1:]), math.inf]
    return [
        run_json.Fault(
            name=fault.name,
            kind=fault.kind,
            pid=fault.pid,
            began_s=fault.began_s,
            ended_s=fault.ended_s,
            failure=fault.failure,
            **_felt(facts.history, fault.began_s, until_s),
        )
        for fault, until_s in zip(facts.faults, ends_s, strict=False)
    ]


def _felt(history: list[dict[str, float]], began_s: float, until_s: float) -> dict[str, Any]:
    """What connections show of a fault."""
    before = [sample for sample in history if sample["t_s"] <= began_s]
    after = [sample for sample in history if began_s < sample["t_s"] <= until_s]
    if not before or not after:
        return {"connected_before": None, "lost": 0, "back_after_s": None}
    had, lost_before = _connected(before[-1]), _lost(before[-1])
    had += _away_on_purpose(history, before[-1])
    missing = [
        sample["t_s"] for sample in after if _connected(sample) + _away_on_purpose(history, sample) < BACK_SHARE * had
    ]
    back = [sample["t_s"] for sample in after if sample["t_s"] > missing[-1]] if missing else [began_s]
    return {
        "connected_before": int(_connected(before[-1])),
        "lost": int(_lost(after[-1]) - lost_before),
        "back_after_s": round(back[0] - began_s, 3) if back else None,
    }


def _connected(sample: dict[str, float]) -> float:
    return sample["established"] - sample["lost"]


def _away_on_purpose(history: list[dict[str, float]], sample: dict[str, float]) -> float:
    """Players who dropped their connection lately; some of them are back."""
    earlier = [each.get("dropped", 0) for each in history if each["t_s"] <= sample["t_s"] - AWAY_S]
    return sample.get("dropped", 0) - (earlier[-1] if earlier else 0)


def _lost(sample: dict[str, float]) -> float:
    """Without those that players dropped on purpose."""
    return sample["lost"] - sample.get("dropped", 0)
