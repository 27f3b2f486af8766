"""For operators: liveness, readiness, Prometheus text."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from lobby_server.protocol.codes import ApiCode
from lobby_server.service.fanout.acks import BOUNDS_S
from lobby_server.service.ports import StoreFull, StoreUnavailable
from lobby_server.web.api.operation import Caller, operation
from lobby_server.web.base import ApiFault, BaseHandler
from lobby_server.web.context import WebContext


class HealthHandler(BaseHandler):
    """The process lives and its loop turns."""

    @operation("The process lives", answers={200: None}, caller=Caller.ANYBODY)
    def get(self) -> None:
        self.finish(b'{"status":"ok"}')


class ReadyHandler(BaseHandler):
    """New clients are welcome here."""

    @operation("New clients are welcome", answers={200: None}, caller=Caller.ANYBODY, refusals=(ApiCode.NOT_READY,))
    async def get(self) -> None:
        if self.app.drain.is_begun:
            raise ApiFault(503, ApiCode.NOT_READY, "The server is draining.")
        if self.app.writer.is_full:
            raise ApiFault(503, ApiCode.NOT_READY, "Too many writes wait for the database.")
        try:
            await self.app.store.ping()
        except StoreFull:
            raise ApiFault(503, ApiCode.NOT_READY, "The disk of the database is full.") from None
        except StoreUnavailable:
            raise ApiFault(503, ApiCode.NOT_READY, "The database does not answer, or takes no writes.") from None
        self.finish(b'{"status":"ready"}')


class MetricsHandler(BaseHandler):
    registry: CollectorRegistry

    def initialize(self, context: WebContext, registry: CollectorRegistry | None = None) -> None:
        super().initialize(context)
        assert registry is not None
        self.registry = registry

    def get(self) -> None:
        self.set_header("Content-Type", CONTENT_TYPE_LATEST)
        self.finish(generate_latest(self.registry))


def make_registry(context: WebContext) -> CollectorRegistry:
    """What ``/metrics`` shows: the lobby's own figures and those of the process."""
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    registry.register(LobbyCollector(context))
    return registry


class LobbyCollector(Collector):
    """Reads the service's plain counters when it is asked."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    def collect(self) -> Iterator[Metric]:
        context, metrics = self._context, self._context.app.metrics
        fanout, totals = context.app.fanout, context.app.fanout.stats
        frames_out, bytes_out = metrics.frames_out + totals.frames_out, metrics.bytes_out + totals.bytes_out
        yield GaugeMetricFamily("lobby_sockets", "Open sockets, accepted or not", len(context.app.sessions))
        yield GaugeMetricFamily("lobby_sessions", "Sockets with an accepted handshake", len(context.app.fanout))
        yield GaugeMetricFamily("lobby_users_online", "Users online", len(context.app.presence))
        yield GaugeMetricFamily("lobby_sessions_behind", "Sessions whose socket does not take all now", fanout.behind)
        yield GaugeMetricFamily("lobby_fan_out_log_bytes", "Bytes kept for sessions behind", fanout.logged_bytes)
        yield GaugeMetricFamily("lobby_rooms", "Rooms", len(context.app.rooms.book))
        writer = context.app.writer
        yield GaugeMetricFamily("lobby_store_away", "1 while the database takes no writes", int(writer.is_away))
        yield GaugeMetricFamily("lobby_store_writes_waiting", "Writes that wait for the database", writer.waiting)
        worst_s = context.app.ops_history.worst_lag_s
        yield GaugeMetricFamily("lobby_loop_lag_seconds", "Worst lateness of the event loop in the last 16 s", worst_s)
        for name, text, value in (
            ("lobby_sockets_opened", "Sockets since the start", metrics.sessions_opened),
            ("lobby_connections_refused", "Upgrades answered with 503", metrics.connections_refused),
            ("lobby_handshakes_accepted", "Handshakes accepted", metrics.handshakes_accepted),
            ("lobby_messages_in", "Messages from clients", metrics.messages_in),
            ("lobby_frames_out", "Frames to clients: replies, and events to those in step", frames_out),
            ("lobby_sent_bytes", "Bytes of those frames", bytes_out),
            ("lobby_fan_out_ticks", "Ticks in which something was published", totals.ticks),
            ("lobby_fan_out_writes", "Writes of ticks to sockets", totals.writes),
            ("lobby_sessions_fell_behind", "Times that a socket did not take all", totals.fell_behind),
            ("lobby_sessions_caught_up", "Times that a session behind was in step again", totals.caught_up),
            ("lobby_store_outages", "Times that the database took no writes", writer.outages),
            ("lobby_store_writes", "Writes that no answer waits for, made", writer.written),
            ("lobby_store_writes_lost", "The same, refused by the database or not made before the end", writer.lost),
            ("lobby_room_list_built", "Times that the room list was built", metrics.room_list_built),
            (
                "lobby_presence_flaps_suppressed",
                "Users who came back within the grace period",
                context.app.presence.flaps_suppressed,
            ),
        ):
            yield CounterMetricFamily(name, text, value)
        acks = fanout.acks
        if acks is not None:
            yield CounterMetricFamily("lobby_acks_asked", "Clients asked whether they have an event", acks.asked)
            yield CounterMetricFamily("lobby_acks_missed", "Clients that did not answer in time", acks.unanswered)
            yield HistogramMetricFamily(
                "lobby_client_seen_latency_seconds",
                "From an event to a client's acknowledgement",
                buckets=list(
                    zip((*map(str, BOUNDS_S), "+Inf"), itertools.accumulate(acks.latencies.counts), strict=True)
                ),
                sum_value=acks.latencies.sum_s,
            )
        for name, text, label, counts in (
            ("lobby_handshakes_refused", "Handshakes refused", "reason", metrics.handshakes_refused),
            ("lobby_errors_out", "Errors told to clients", "reason", metrics.errors_out),
            ("lobby_events_published", "Events, each counted once", "type", metrics.events_published),
            ("lobby_events_conflated", "Events that a later one stood for", "type", metrics.events_conflated),
            ("lobby_closes", "Closes that the server began", "code", metrics.closes),
            ("lobby_room_list_served", "Answers to GET /api/rooms", "answer", metrics.room_list_served),
        ):
            family = CounterMetricFamily(name, text, labels=[label])
            for key, value in counts.items():
                family.add_metric([str(int(key)) if isinstance(key, int) else str(key)], value)
            yield family
