"""Models with round costs, of which everything can be worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from bench.prediction.model import Clients, Cold, Coldness, Cost, Costs, Extent, Model, Sizes, Spread, Waits
from bench.record.run import Machine

UNITS = {"sent_byte": "ns", "fetched_byte": "ns", "asked_byte": "ns"}
MACHINE = Machine(cpu="a core", cores=2, memory_bytes=2**33, kernel="Linux", python="CPython 3", pinned=True)


def a_cost(value: float, unit: str) -> Cost:
    return Cost(value=value, unit=unit, low=value, high=value, n=3, source="by hand")


def a_curve(more_us: Mapping[float, float]) -> Cold:
    """By the time in ms after which it is; warm up to a tenth of the first, at most 1 ms."""
    return Cold(
        warm_ms=min(1.0, min(more_us) / 10),
        after_ms=list(more_us),
        more=[a_cost(each, "µs") for each in more_us.values()],
    )


def a_model(
    *, measured: Extent | None = None, cold: Mapping[str, Mapping[float, float]] | None = None,
    spread: Mapping[str, Sequence[float]] | None = None, **costs: float,
) -> Model:  # fmt: skip
    """Everything costs nothing but what is named: in µs, bytes in ns, waits in ms; what the lab's clients cost is named
    as they are. `cold`: curves by the names of `Coldness`; `spread`: of waits, by those of `Spread`."""

    def group(kind: type[msgspec.Struct], unit: str) -> Any:
        return kind(
            **{name: a_cost(costs.pop(name, 0.0), UNITS.get(name, unit)) for name in kind.__struct_fields__}
        )  # fmt: skip

    waits = {name: costs.pop(f"{name}_wait", 0.0) for name in Waits.__struct_fields__}
    clients = {name: costs.pop(name, 0.0) for name in Clients.__struct_fields__}
    curves = {name: (cold or {}).get(name, {10.0: 0.0}) for name in Coldness.__struct_fields__}
    model = Model(
        made_at="2026-01-01T00:00:00Z",
        commit="0123456789",
        dirty=False,
        machine=MACHINE,
        took_s=1.0,
        costs=group(Costs, "µs"),
        sizes=group(Sizes, "KiB"),
        waits=Waits(**{name: a_cost(value, "ms") for name, value in waits.items()}),
        coldness=Coldness(**{name: a_curve(more_us) for name, more_us in curves.items()}),
        clients=Clients(**{name: a_cost(value, UNITS.get(name, "µs")) for name, value in clients.items()}),
        spread=Spread(**{name: list((spread or {}).get(name, [0.0])) for name in Spread.__struct_fields__}),
        measured=measured or Extent(sessions=1_000, processes=2, changes_per_s=10.0, rooms=50),
    )
    assert not costs, f"no such costs: {costs}"
    return model
