"""What Prometheus scrapes and a collector is sent is what the recorder has, whichever way it goes."""

from __future__ import annotations

import math
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import gevent
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from prometheus_client.parser import text_string_to_metric_families

import loadtest.players  # noqa: F401  # enters the roles
from loadtest.output.live import collector, otlp
from loadtest.output.live.families import BOUNDS_S, families_of
from loadtest.output.live.otlp import OtlpPush
from loadtest.output.live.prometheus import MetricsServer, exposition
from loadtest.output.recording_options import read_run_options
from loadtest.results.exit_codes import UsageError
from tests.loadtest.output.live.runs import HEARTBEATS_S, concluded
from tests.patience import PATIENCE_S

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scraped(text: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def of(samples: Samples, sample: str, /, **labels: str) -> float:
    return samples[sample, frozenset(labels.items())]


def test_a_scrape_has_series_ledger_players_and_validity():
    samples = scraped(exposition(families_of(concluded("reach == 1", "lost <= 1"))).decode())
    assert of(samples, "lobby_swarm_running") == 1
    assert of(samples, "lobby_swarm_steady") == 1
    assert of(samples, "lobby_swarm_players", role="browser", state="connecting") == 1
    assert of(samples, "lobby_swarm_players", role="host", state="paused") == 2
    assert of(samples, "lobby_swarm_connections") == 10
    assert of(samples, "lobby_swarm_events_total", event="received user_online") == 9
    assert of(samples, "lobby_swarm_requests_total", method="WS", name="heartbeat") == len(HEARTBEATS_S) + 2
    assert of(samples, "lobby_swarm_request_failures_total", method="WS", name="heartbeat", error="not_answered") == 1
    assert of(samples, "lobby_swarm_ledger_total", ledger="presence", outcome="lost") == 1
    assert of(samples, "lobby_swarm_reach_ratio", ledger="presence") == pytest.approx(0.9)
    assert of(samples, "lobby_swarm_threshold_met", threshold="reach == 1") == 0
    assert of(samples, "lobby_swarm_threshold_met", threshold="lost <= 1") == 1
    assert sum(value for (name, _), value in samples.items() if name == "lobby_swarm_validity") == 1
    assert of(samples, "lobby_swarm_generator_cpu_ratio", process="the swarm") == 0.35
    assert of(samples, "lobby_swarm_server_cpu_ratio") == 0.5
    assert of(samples, "lobby_swarm_faults_total", kind="restart") == 1


def test_a_histogram_has_every_duration_within_its_bounds_and_the_phases_apart():
    samples = scraped(exposition(families_of(concluded())).decode())
    for bound_s in BOUNDS_S:
        within = of(samples, "lobby_swarm_series_seconds_bucket", series="heartbeat", phase="ramp", le=f"{bound_s:g}")
        assert within == sum(time_s <= bound_s for time_s in HEARTBEATS_S), bound_s
    ramp = {"series": "heartbeat", "phase": "ramp"}
    assert of(samples, "lobby_swarm_series_seconds_bucket", **ramp, le="+Inf") == len(HEARTBEATS_S)
    assert of(samples, "lobby_swarm_series_seconds_count", **ramp) == len(HEARTBEATS_S)
    assert of(samples, "lobby_swarm_series_seconds_sum", **ramp) == pytest.approx(math.fsum(HEARTBEATS_S), rel=1e-3)
    assert of(samples, "lobby_swarm_series_seconds_count", series="heartbeat", phase="steady") == 1
    assert of(samples, "lobby_swarm_series_seconds_count", series="fanout_presence", phase="steady") == 1


def test_before_the_first_run_nothing_runs_and_after_it_nobody_plays():
    assert scraped(exposition(families_of(None)).decode()) == {("lobby_swarm_running", frozenset()): 0.0}
    over = scraped(exposition(families_of(concluded(is_over=True))).decode())
    assert of(over, "lobby_swarm_running") == 0
    assert not [name for name, _ in over if name == "lobby_swarm_players"]
    assert of(over, "lobby_swarm_series_seconds_count", series="heartbeat", phase="steady") == 1


@pytest.mark.parametrize("host", ["*", "0.0.0.0", ""])
def test_metrics_that_are_to_be_had_at_every_address_are_and_are_told_at_one_that_leads_there(host: str):
    server = MetricsServer(host, 0, lambda: families_of(concluded()))
    url = server.start()

    def read() -> str:
        with urllib.request.urlopen(url.replace("//localhost:", "//127.0.0.1:"), timeout=PATIENCE_S) as answer:
            return str(answer.read().decode())

    try:
        assert url.startswith("http://localhost:")
        assert of(scraped(gevent.get_hub().threadpool.spawn(read).get()), "lobby_swarm_connections") == 10
    finally:
        server.stop()


def test_the_server_answers_its_one_path_and_refuses_a_port_that_is_taken():
    server = MetricsServer("127.0.0.1", 0, lambda: families_of(concluded()))
    url = server.start()
    hub = gevent.get_hub()
    try:

        def read() -> str:
            with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
                return str(answer.read().decode())

        assert of(scraped(hub.threadpool.spawn(read).get()), "lobby_swarm_connections") == 10

        def elsewhere() -> int:
            try:
                urllib.request.urlopen(url.removesuffix("metrics"), timeout=PATIENCE_S).close()
            except urllib.error.HTTPError as error:
                error.close()
                return error.code
            return 200

        assert hub.threadpool.spawn(elsewhere).get() == 404
        taken = int(url.split(":")[2].split("/")[0])
        with pytest.raises(UsageError, match=r"--metrics-port: 127\.0\.0\.1:"):
            MetricsServer("127.0.0.1", taken, list).start()
    finally:
        server.stop()


# -- OTLP ---------------------------------------------------------------------------------------------------------


class Receiver(HTTPServer):
    """As much of a collector as takes metrics: it decodes what it is sent, or is busy."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Take)
        self.taken: list[ExportMetricsServiceRequest] = []
        self.paths: list[str] = []
        self.status = 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def metrics(self) -> dict[str, Any]:
        [resource] = self.taken[-1].resource_metrics
        [scope] = resource.scope_metrics
        assert {each.key: each.value.string_value for each in resource.resource.attributes} == {
            "service.name": "lobby-swarm"
        }
        return {metric.name: metric for metric in scope.metrics}


class _Take(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.headers["Content-Type"] == "application/x-protobuf"
        self.server.paths.append(self.path)
        self.server.taken.append(ExportMetricsServiceRequest.FromString(body))
        answer = ExportMetricsServiceResponse().SerializeToString()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """It is a thread of this process: what it takes for an answer is no fault of the one who asks."""
    monkeypatch.setattr(otlp, "TIMEOUT_S", PATIENCE_S)
    receiver = Receiver()
    thread = threading.Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield receiver
    receiver.shutdown()
    receiver.server_close()
    thread.join(PATIENCE_S)


def attributes(point: Any) -> dict[str, str]:
    return {each.key: each.value.string_value for each in point.attributes}


def test_a_collector_is_sent_the_same_histograms_counters_and_gauges(receiver: Receiver):
    push = OtlpPush(receiver.url, lambda: families_of(concluded()), began=lambda: "2026-01-01T00:00:00Z")
    assert push.send()
    assert receiver.paths == ["/v1/metrics"]
    metrics = receiver.metrics()
    series = metrics["lobby_swarm_series_seconds"]
    assert series.unit == "s"
    assert series.histogram.aggregation_temporality == 2, "cumulative"
    [ramp] = [
        point for point in series.histogram.data_points if attributes(point) == {"series": "heartbeat", "phase": "ramp"}
    ]
    assert list(ramp.explicit_bounds) == list(BOUNDS_S)
    inside = [
        sum(low < time_s <= high for time_s in HEARTBEATS_S)
        for low, high in zip((0, *BOUNDS_S), (*BOUNDS_S, 1e9), strict=True)
    ]
    assert list(ramp.bucket_counts) == inside
    assert (ramp.count, ramp.sum) == (len(HEARTBEATS_S), pytest.approx(math.fsum(HEARTBEATS_S), rel=1e-3))
    assert (ramp.min, ramp.max) == (pytest.approx(min(HEARTBEATS_S), rel=1e-3), pytest.approx(70.0, rel=1e-3))
    assert ramp.start_time_unix_nano == 1_767_225_600 * 10**9 < ramp.time_unix_nano
    ledger = metrics["lobby_swarm_ledger"].sum
    assert ledger.is_monotonic
    lost = [p.as_double for p in ledger.data_points if attributes(p) == {"ledger": "presence", "outcome": "lost"}]
    assert lost == [1.0]
    players = {tuple(attributes(p).values()): p.as_double for p in metrics["lobby_swarm_players"].gauge.data_points}
    assert players["browser", "active"] == 7
    assert set(metrics) == {family.name for family in families_of(concluded())}


def test_a_collector_that_is_away_is_said_once_and_taken_up_again(receiver: Receiver, caplog: pytest.LogCaptureFixture):
    push = OtlpPush(receiver.url, lambda: families_of(concluded()), began=lambda: "2026-01-01T00:00:00Z")
    receiver.status = 400
    with caplog.at_level("WARNING"):
        assert [push.send(), push.send()] == [False, False]
    assert [record.message.split(" does")[0] for record in caplog.records if record.name == "loadtest"] == [
        f"{receiver.url}/v1/metrics"
    ]
    receiver.status = 200
    assert push.send()


def test_nothing_is_sent_before_the_first_run(receiver: Receiver):
    assert not OtlpPush(receiver.url, list, began=lambda: None).send()
    assert receiver.taken == []


@pytest.mark.parametrize("endpoint", ["collector:4318", "http://", "ftp://x"])
def test_an_address_that_is_none_is_refused(endpoint: str):
    with pytest.raises(UsageError, match=r"--otlp-endpoint: .* is no address"):
        read_run_options({"otlp_endpoint": endpoint})


def test_without_the_exporter_the_extra_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(collector, "_NEEDED", ("opentelemetry.there_is_no_such_package.sdk",))
    with pytest.raises(UsageError, match=r"pip install 'lobby-server\[loadtest-otlp\]'"):
        read_run_options({"otlp_endpoint": "http://x:4318"})


def test_a_path_that_is_given_is_kept():
    assert collector.url_of("http://x:4318/") == "http://x:4318/v1/metrics"
    assert collector.url_of("http://x/otlp/v1/metrics") == "http://x/otlp/v1/metrics"


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"metrics_port": 70000}, "--metrics-port must be from 0 to 65535."),
        ({"signal_roles": "browser, dragon"}, "--signal-roles: dragon is no role"),
    ],
)
def test_options_that_cannot_be_are_one_sentence(values: dict[str, Any], sentence: str):
    with pytest.raises(UsageError, match=sentence):
        read_run_options(values)
