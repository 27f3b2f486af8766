"""``/metrics`` of several workers behind one port: whichever is asked answers for all, each figure with the label
``node``. Sums are the reader's matter: figures of the lobby, such as users online, are the same on every node.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

import msgspec
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

NODE = "node"


class Others(Protocol):
    """The other workers."""

    @property
    def name(self) -> str:
        """Of this worker, as its node is called."""

    def name_of(self, number: int, /) -> str: ...

    async def ask(self) -> dict[int, bytes | None]:
        """What each of the others says, by its number; None: nothing."""


class _Family(msgspec.Struct, array_like=True):
    name: str
    text: str
    kind: str
    samples: list[tuple[str, dict[str, str], float]]


def dump(registry: CollectorRegistry) -> bytes:
    """The figures of this worker, for another one."""
    return msgspec.msgpack.encode(_families(registry))


async def of_all(registry: CollectorRegistry, others: Others) -> CollectorRegistry:
    """The figures of all workers now."""
    found: dict[str, list[_Family] | None] = {others.name: _families(registry)}
    for number, answer in (await others.ask()).items():
        found[others.name_of(number)] = None if answer is None else _read(answer)
    merged = CollectorRegistry(auto_describe=False)
    merged.register(_Merged(found))
    return merged


class _Merged(Collector):
    def __init__(self, found: dict[str, list[_Family] | None]) -> None:
        self._found = found

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("lobby_worker_up", "1: the worker says how it is", labels=[NODE])
        for node, families in self._found.items():
            up.add_metric([node], int(families is not None))
        yield up
        merged: dict[str, Metric] = {}
        for node, families in self._found.items():
            for family in families or ():
                metric = merged.setdefault(family.name, Metric(family.name, family.text, family.kind))
                for name, labels, value in family.samples:
                    metric.add_sample(name, {NODE: node, **labels}, value)
        yield from merged.values()


def _families(registry: CollectorRegistry) -> list[_Family]:
    metrics: Iterable[Metric] = registry.collect()
    return [
        _Family(each.name, each.documentation, each.type, [(s.name, s.labels, float(s.value)) for s in each.samples])
        for each in metrics
    ]


def _read(answer: bytes) -> list[_Family] | None:
    try:
        return msgspec.msgpack.decode(answer, type=list[_Family])
    except msgspec.MsgspecError:
        return None  # cut off: it ended as it answered
