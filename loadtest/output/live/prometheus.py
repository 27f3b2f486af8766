"""The families of a run as Prometheus scrapes them, and a server of their own for runs without the web interface."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from gevent import socket
from gevent.pywsgi import WSGIServer
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from loadtest.output.listening import EVERYWHERE, listen
from loadtest.output.live.families import BOUNDS_S, Distribution, FamiliesNow, Family, Kind
from loadtest.results.exit_codes import UsageError

CONTENT_TYPE = CONTENT_TYPE_LATEST
PATH = "/metrics"
log = logging.getLogger("loadtest")
_BOUNDS = (*(f"{bound_s:g}" for bound_s in BOUNDS_S), "+Inf")


class _Once(Collector):
    def __init__(self, families: Iterable[Family]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        return map(_metric, self._families)


def exposition(families: Iterable[Family]) -> bytes:
    """The text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Once(families))
    return generate_latest(registry)


def _metric(family: Family) -> Metric:
    names = list(family.samples[0][0])
    if family.kind is Kind.HISTOGRAM:
        histogram = HistogramMetricFamily(family.name, family.text, labels=names)
        for labels, found in family.samples:
            if isinstance(found, Distribution):
                buckets = list(zip(_BOUNDS, (*found.within, found.count), strict=True))
                histogram.add_metric(list(labels.values()), buckets, found.sum_s)
        return histogram
    metric: CounterMetricFamily | GaugeMetricFamily
    if family.kind is Kind.COUNTER:
        metric = CounterMetricFamily(family.name, family.text, labels=names)
    else:
        metric = GaugeMetricFamily(family.name, family.text, labels=names)
    for labels, found in family.samples:
        if isinstance(found, float):
            metric.add_metric(list(labels.values()), found)
    return metric


class MetricsServer:
    """Answers `PATH` at an address of its own, from `start` on."""

    def __init__(self, host: str, port: int, families: FamiliesNow) -> None:
        """`port` 0: a free one."""
        self._families = families
        self._host, self._port = host, port
        self._server: WSGIServer | None = None

    def start(self) -> str:
        """Returns its address. Raises `UsageError`."""
        try:
            listener = listen(self._host, self._port, new_socket=socket.socket)
        except OSError as error:
            raise UsageError(
                f"--metrics-port: {self._host}:{self._port} cannot be listened at: {error.strerror or error}."
            ) from None
        self._server = WSGIServer(listener, self._answer, log=None, error_log=log)
        self._server.start()
        host = "localhost" if self._host in EVERYWHERE else self._host
        host = f"[{host}]" if ":" in host else host
        return f"http://{host}:{listener.getsockname()[1]}{PATH}"

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop(timeout=1)

    def _answer(self, environ: dict[str, Any], start: Callable[[str, list[tuple[str, str]]], object]) -> list[bytes]:
        if environ["PATH_INFO"] != PATH:
            start("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
            return [f"The metrics are at {PATH}.\n".encode()]
        start("200 OK", [("Content-Type", CONTENT_TYPE)])
        return [exposition(self._families())]
