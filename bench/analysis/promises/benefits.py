"""The claims of the specification's section "Benefits of This Architecture"."""

from __future__ import annotations

from bench.analysis.derived.overview import Overview, traffic_of
from bench.analysis.derived.returns import expected_returns, returns_after_up_s
from bench.analysis.derived.traffic import select
from bench.analysis.promises.features import judge_features, swarm_counts
from bench.analysis.promises.promise import NOTICED_MS, Promise, lasts, valid, values
from bench.analysis.verdicts import NOT_MEASURED, judge, judge_about, judge_up_to
from bench.record.run import Run
from bench.record.traffic import Traffic, TrafficGroup
from bench.record.vocabulary import ANNOUNCEMENT, HEARTBEAT_TIMEOUT, LOST_BY_CODE
from bench.stats import percentile
from bench.words import a_few, count, in_bytes, in_ms, in_percent, plural

SECTION = "Benefits"

CLAIMED_REQUESTS_PER_MIN = 20
CLAIMED_SAVINGS = 0.99

FEW_MILLISECONDS_MS = 10.0
"""The lab's own stricter reading of \"within milliseconds\": in fewer than ten."""

USUAL_TIMEOUT_S = 75.0
"""The server's default, for runs that did not note the timeout of theirs. A shorter idle window cannot tell whether
heartbeats kept the connection."""


def judge_benefits(figures: Overview) -> list[Promise]:
    run = figures.run
    polling, push = (valid(select(figures.idle, kind)) for kind in ("polling", "push"))
    requests = polling[0].requests.mean if polling else None
    heartbeats = push[0].requests.mean if push else None
    traffic = traffic_of(run)
    groups = traffic.groups if traffic is not None else []
    events = [
        client.events
        for group in groups
        if group.kind == "push" and not group.changes_per_s
        for client in group.clients
    ]
    return [
        Promise(
            SECTION,
            "Polling: “HTTP GET every 3 seconds = 20 requests/minute per client”",
            f"{a_few(requests)} requests per minute" if requests is not None else "",
            judge_about(requests, CLAIMED_REQUESTS_PER_MIN),
            "counted by each polling client; within a quarter",
        ),
        Promise(
            SECTION,
            "“WebSocket notifications only = events only when changes occur”",
            f"{plural(sum(events), 'event')} at {plural(len(events), 'idle client')}" if events else "",
            judge(sum(events) == 0 if push else None),
            "no event reaches an idle client while nothing changes",
        ),
        _requests_saved(requests, heartbeats, with_heartbeats=False),
        _requests_saved(requests, heartbeats, with_heartbeats=True),
        *_instant(figures),
        *judge_features(run),
        *_persistent(run),
        _separation(traffic),
    ]


def _requests_saved(polling: float | None, heartbeats: float | None, *, with_heartbeats: bool) -> Promise:
    """As written it is of requests; with heartbeats counted it is the lab's own variant."""
    measured, ruling = "", NOT_MEASURED
    if polling and heartbeats is not None:
        push = heartbeats if with_heartbeats else 0.0
        saved = 1 - push / polling
        measured = f"{in_percent(saved)} ({a_few(push)} instead of {a_few(polling)} per minute)"
        ruling = judge(saved >= CLAIMED_SAVINGS)
    what = " (heartbeats counted: the server answers them too)" if with_heartbeats else ""
    return Promise(
        SECTION,
        f"“99% reduction in server requests during idle time”{what}",
        measured,
        ruling,
        "at least 99 % fewer than by polling" + ("" if with_heartbeats else ", HTTP requests"),
        is_variant=with_heartbeats,
    )


def _separation(traffic: Traffic | None) -> Promise:
    told = (
        max((size.message_bytes for size in traffic.sizes if size.name == "rooms_changed"), default=0) if traffic else 0
    )
    shortest = min((group.list_bytes for group in traffic.groups), default=0) if traffic else 0
    return Promise(
        SECTION,
        "“WebSocket: Real-time event notifications”, “HTTP: Data fetching and mutations”",
        f"rooms_changed {in_bytes(told)} over the socket, the list {in_bytes(shortest)} and more by GET"
        if told
        else "",
        judge(told < shortest if told else None),
        "without optional features, what comes over the socket is smaller than any list: it carries none",
    )


def _instant(figures: Overview) -> list[Promise]:
    told, status, fresh = figures.announcements, figures.status, figures.fresh
    polled_ms = percentile(figures.polled_ms, 50)
    return [
        Promise(
            SECTION,
            "“Room created → all clients notified within milliseconds”",
            lasts(told),
            judge_up_to(values(told, lambda latency: latency.last_ms), NOTICED_MS),
            f"the last client in the median broadcast, in less than {in_ms(NOTICED_MS)}, nobody left out",
        ),
        Promise(
            SECTION,
            "“Room created → all clients notified within milliseconds” (fewer than ten)",
            lasts(told),
            judge_up_to(values(told, lambda latency: latency.last_ms), FEW_MILLISECONDS_MS),
            f"the last client in the median broadcast, in less than {in_ms(FEW_MILLISECONDS_MS)}, nobody left out",
            is_variant=True,
        ),
        Promise(
            SECTION,
            "“User comes online → friends see status change immediately”",
            lasts(status),
            judge_up_to(values(status, lambda latency: latency.last_ms), NOTICED_MS),
            f"the last client in the median login, in less than {in_ms(NOTICED_MS)}, nobody left out",
        ),
        Promise(
            SECTION,
            "“No 3-second delay waiting for next poll”",
            f"fresh list at the last client {lasts(fresh)}; by polling {in_ms(polled_ms)} (p50)" if fresh else "",
            judge_up_to(values(fresh, lambda latency: latency.last_ms), polled_ms) if fresh else NOT_MEASURED,
            "even the last push client has the fresh list before the median polling client",
        ),
    ]


def _persistent(run: Run) -> list[Promise]:
    held = _held_connections(run)
    losses = _lost_connections(run)
    window_s = run.profile.bandwidth.window_s
    found = run.found("bandwidth")
    timeout_s = found.facts.get(HEARTBEAT_TIMEOUT, USUAL_TIMEOUT_S) if found is not None else USUAL_TIMEOUT_S
    return [
        Promise(
            SECTION,
            "“Connection maintained throughout session”",
            f"{count(losses)} of {plural(held, 'connection')} lost unasked" if held else "",
            judge(losses == 0 if held else None),
            "no socket closes while the server runs",
        ),
        Promise(
            SECTION,
            "“Survives menu navigation”",
            "",
            NOT_MEASURED,
            "a matter of the game's own program, not of a server",
        ),
        _reconnects(run),
        Promise(
            SECTION,
            "“Heartbeat prevents idle timeouts”",
            "",
            NOT_MEASURED,
            f"an idle window of {window_s:.0f} s is shorter than the server's timeout of {timeout_s:.0f} s",
        )
        if window_s <= timeout_s or traffic_of(run) is None
        else Promise(
            SECTION,
            "“Heartbeat prevents idle timeouts”",
            f"{count(_idle_losses(run))} connections lost in {window_s:.0f} s",
            judge(_idle_losses(run) == 0),
            f"no idle client is lost in a window longer than {timeout_s:.0f} s",
        ),
    ]


def _reconnects(run: Run) -> Promise:
    """After a restart of the server, by the scenario; after lost connections, by the swarm."""
    waits_s, expected = returns_after_up_s(run), expected_returns(run)
    parts, kept = [], []
    if waits_s is not None:
        parts.append(f"{count(len(waits_s))} of {plural(expected, 'client')} came back by themselves after a restart")
        kept.append(len(waits_s) == expected)
    counts = swarm_counts(run)
    if losses := round(counts.get("losses", 0)):
        gave_up = round(counts.get("gave_up", 0))
        parts.append(f"of {plural(losses, 'connection')} lost in the swarm, {count(gave_up)} were given up")
        kept.append(not gave_up)
    return Promise(
        SECTION,
        "“Auto-reconnects on network hiccups”",
        "; ".join(parts),
        judge(all(kept) if kept else None),
        "every client comes back by itself, after a restart of the server and after each lost connection of the swarm",
    )


def _held_connections(run: Run) -> int:
    """Sockets that were held while the server ran."""
    found = run.found("broadcast")
    told = found.series_of(ANNOUNCEMENT) if found is not None else []
    most = max((each.clients for each in told if not each.changes_per_s), default=0)
    return most + sum(len(group.clients) for group in _pushing(run))


def _lost_connections(run: Run) -> int:
    found = run.found("broadcast")
    facts = found.facts if found is not None else {}
    lost = sum(number for name, number in facts.items() if name.startswith(LOST_BY_CODE))
    return round(lost) + _idle_losses(run)


def _idle_losses(run: Run) -> int:
    return sum(group.unexpected_losses for group in _pushing(run))


def _pushing(run: Run) -> list[TrafficGroup]:
    traffic = traffic_of(run)
    return [group for group in traffic.groups if group.kind == "push"] if traffic is not None else []
