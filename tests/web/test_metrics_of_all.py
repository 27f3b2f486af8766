"""The figures of several workers as those of one server, each with the name of its node."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from lobby_server.web.metrics_of_all import dump, of_all


def registry_with(sockets: int) -> CollectorRegistry:
    registry = CollectorRegistry()
    Gauge("lobby_sockets", "Sockets", registry=registry).set(sockets)
    Counter("lobby_calls", "Calls", ["route"], registry=registry).labels(route="/").inc(sockets)
    Histogram("lobby_times", "Times", buckets=(1.0,), registry=registry).observe(0.5)
    return registry


class TwoOthers:
    """One that answers, one that does not."""

    name = "host/1"

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def name_of(self, number: int) -> str:
        return f"host/{number}"

    async def ask(self) -> dict[int, bytes | None]:
        return {2: self._answer, 3: None}


async def test_every_sample_has_its_node_and_every_family_stands_once() -> None:
    merged = await of_all(registry_with(5), TwoOthers(dump(registry_with(7))))
    families = list(text_string_to_metric_families(generate_latest(merged).decode()))
    assert len({family.name for family in families}) == len(families)
    samples = {
        (sample.name, sample.labels["node"], sample.labels.get("le", "")): sample.value
        for family in families
        for sample in family.samples
        if not sample.name.endswith("_created")
    }
    assert samples["lobby_sockets", "host/1", ""] == 5
    assert samples["lobby_sockets", "host/2", ""] == 7
    assert samples["lobby_calls_total", "host/2", ""] == 7
    assert samples["lobby_times_bucket", "host/1", "+Inf"] == 1
    assert [samples["lobby_worker_up", f"host/{number}", ""] for number in (1, 2, 3)] == [1, 1, 0]


async def test_answer_that_was_cut_off_counts_as_none() -> None:
    merged = await of_all(registry_with(5), TwoOthers(dump(registry_with(7))[:-3]))
    text = generate_latest(merged).decode()
    assert 'lobby_worker_up{node="host/2"} 0.0' in text
    assert 'lobby_sockets{node="host/2"}' not in text
