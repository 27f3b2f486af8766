"""What ``/metrics`` shows: the service's plain counters, read when they are asked for."""

from __future__ import annotations

import itertools
import platform
from collections.abc import Iterator

import tornado
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from lobby_server import __version__
from lobby_server.service.fanout.acks import BOUNDS_S as ACK_BOUNDS_S
from lobby_server.service.nodes import Nodes
from lobby_server.web.context import WebContext
from lobby_server.web.traffic import BOUNDS_S, Traffic

BUILD = {"version": __version__, "python": platform.python_version(), "tornado": tornado.version}
"""Labels of ``lobby_build_info``."""


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
        build = GaugeMetricFamily("lobby_build_info", "Versions; always 1", labels=list(BUILD))
        build.add_metric(list(BUILD.values()), 1)
        yield build
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
            (
                "lobby_security_lines_left_out",
                "Lines of the security log that were too many",
                metrics.security_lines_left_out,
            ),
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
                    zip((*map(str, ACK_BOUNDS_S), "+Inf"), itertools.accumulate(acks.latencies.counts), strict=True)
                ),
                sum_value=acks.latencies.sum_s,
            )
        for name, text, label, counts in (
            ("lobby_handshakes_refused", "Handshakes refused", "reason", metrics.handshakes_refused),
            ("lobby_errors_out", "Errors told to clients", "reason", metrics.errors_out),
            ("lobby_events_published", "Events, each counted once", "type", metrics.events_published),
            ("lobby_events_conflated", "Events that a later one stood for", "type", metrics.events_conflated),
            ("lobby_closes", "Closes that the server began", "code", metrics.closes),
            ("lobby_security_events", "Lines for the security log, written or not", "event", metrics.security_events),
            ("lobby_room_list_served", "Answers to GET /api/rooms", "answer", metrics.room_list_served),
        ):
            family = CounterMetricFamily(name, text, labels=[label])
            for key, value in counts.items():
                family.add_metric([str(int(key)) if isinstance(key, int) else str(key)], value)
            yield family
        if context.app.nodes is not None:
            yield from _nodes(context.app.nodes)
        yield from _traffic(context.traffic)


def _nodes(nodes: Nodes) -> Iterator[Metric]:
    figures = nodes.figures()
    for name, text, value in (
        ("lobby_nodes", "Nodes of the lobby", nodes.count),
        ("lobby_backplane_away", "1 while the backplane does not answer", int(figures.is_away)),
        ("lobby_backplane_lag_entries", "Entries of the log that are not applied here yet", figures.lag_entries),
        ("lobby_backplane_lag_seconds", "Age of the last entry when it was applied", figures.lag_s),
        ("lobby_backplane_commands_waiting", "Commands of this node that are not applied yet", figures.waiting),
        ("lobby_backplane_snapshot_age_seconds", "Since this node had to do with a snapshot", figures.snapshot_age_s),
    ):
        yield GaugeMetricFamily(name, text, value)
    for name, text, value in (
        ("lobby_backplane_entries", "Entries of the log that were applied, by all nodes ever", figures.entries),
        ("lobby_backplane_outages", "Times that the backplane did not answer", figures.outages),
        ("lobby_backplane_apply_seconds", "Time spent applying entries", figures.apply_s),
    ):
        yield CounterMetricFamily(name, text, value)


def _traffic(traffic: Traffic) -> Iterator[Metric]:
    calls = CounterMetricFamily("lobby_http_requests", "Calls answered", labels=["method", "route", "status"])
    for (method, route, status), value in traffic.answered.items():
        calls.add_metric([method, route, str(status)], value)
    yield calls
    times = HistogramMetricFamily(
        "lobby_http_request_duration_seconds", "Time to the answer, the ready room list left out", labels=["route"]
    )
    for route, counts in traffic.times.items():
        bounds = zip((*map(str, BOUNDS_S), "+Inf"), itertools.accumulate(counts), strict=True)
        times.add_metric([route], buckets=list(bounds), sum_value=traffic.seconds[route])
    yield times
