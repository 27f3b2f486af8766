"""The families of a run sent to an OpenTelemetry collector, by OTLP over HTTP.

The official exporter encodes and sends; what it is given are the run's own histograms, cumulative from the start of the
run, not copies that an SDK would have recorded once more. Its environment variables (headers, certificates,
compression) hold here, too.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import gevent

from loadtest.output.live.collector import url_of
from loadtest.output.live.families import BOUNDS_S, Distribution, FamiliesNow, Family, Kind

EVERY_S = 10.0
TIMEOUT_S = 5.0
SERVICE = "lobby-swarm"
_UNITS = {"_seconds": "s", "_bytes": "By", "_ratio": "1"}

log = logging.getLogger("loadtest")


class OtlpPush:
    """Sends every `EVERY_S`, and whenever it is told to, as at the end of a run. A collector that does not answer is
    said once, and the run goes on."""

    def __init__(self, endpoint: str, families: FamiliesNow, *, began: Callable[[], str | None]) -> None:
        """`began`: when the present run did, ISO 8601; None before the first."""
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

        logging.getLogger("opentelemetry.exporter.otlp").setLevel(logging.CRITICAL)  # it is said here, once
        self._url = url_of(endpoint)
        self._exporter = OTLPMetricExporter(endpoint=self._url, timeout=TIMEOUT_S)
        self._families = families
        self._began = began
        self._greenlet: gevent.Greenlet | None = None
        self._is_away = False

    def start(self) -> None:
        self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        if self._greenlet is not None:
            self._greenlet.kill()
            self._greenlet = None

    def send(self) -> bool:
        """Now; waits `TIMEOUT_S` at most. Returns whether the collector took it."""
        from opentelemetry.sdk.metrics.export import MetricExportResult

        began = self._began()
        if began is None:
            return False
        data = metrics_data(self._families(), began_ns=_ns_of(began), now_ns=time.time_ns())
        is_taken = bool(self._exporter.export(data) is MetricExportResult.SUCCESS)
        if not is_taken and not self._is_away:
            log.warning("%s does not take the metrics; they are sent again every %g s.", self._url, EVERY_S)
        self._is_away = not is_taken
        return is_taken

    def _run(self) -> None:
        while True:
            gevent.sleep(EVERY_S)
            self.send()


def metrics_data(families: Iterable[Family], *, began_ns: int, now_ns: int) -> Any:
    """As the exporter takes them: cumulative since `began_ns`."""
    from opentelemetry.sdk.metrics import export
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    def number(labels: Mapping[str, str], value: float) -> Any:
        return export.NumberDataPoint(
            attributes=dict(labels), start_time_unix_nano=began_ns, time_unix_nano=now_ns, value=value
        )

    def histogram(labels: Mapping[str, str], found: Distribution) -> Any:
        """Its buckets are each on its own, not within a bound."""
        counts = [one - before for one, before in zip((*found.within, found.count), (0, *found.within), strict=True)]
        return export.HistogramDataPoint(
            attributes=dict(labels), start_time_unix_nano=began_ns, time_unix_nano=now_ns, count=found.count,
            sum=found.sum_s, bucket_counts=counts, explicit_bounds=list(BOUNDS_S), min=found.least_s, max=found.most_s,
        )  # fmt: skip

    def data_of(family: Family) -> Any:
        cumulative = export.AggregationTemporality.CUMULATIVE
        if family.kind is Kind.HISTOGRAM:
            points = [histogram(labels, found) for labels, found in family.samples if isinstance(found, Distribution)]
            return export.Histogram(data_points=points, aggregation_temporality=cumulative)
        points = [number(labels, found) for labels, found in family.samples if isinstance(found, float)]
        if family.kind is Kind.GAUGE:
            return export.Gauge(data_points=points)
        return export.Sum(data_points=points, aggregation_temporality=cumulative, is_monotonic=True)

    resource, scope = Resource({"service.name": SERVICE}), InstrumentationScope("loadtest")
    metrics = [
        export.Metric(name=family.name, description=family.text, unit=unit_of(family), data=data_of(family))
        for family in families
    ]
    inside = export.ScopeMetrics(scope=scope, metrics=metrics, schema_url="")
    return export.MetricsData([export.ResourceMetrics(resource=resource, scope_metrics=[inside], schema_url="")])


def unit_of(family: Family) -> str:
    return next((unit for ending, unit in _UNITS.items() if family.name.endswith(ending)), "1")


def _ns_of(began: str) -> int:
    return int(datetime.fromisoformat(began.replace("Z", "+00:00")).timestamp() * 1e9)
