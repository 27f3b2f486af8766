"""The claims of the specification's section "Benefits of This Architecture"."""

from __future__ import annotations

from bench.analysis.derived.overview import Overview, traffic_of
from bench.analysis.derived.returns import expected_returns, restarts, returns_after_up_s
from bench.analysis.derived.traffic import select
from bench.analysis.promises.features import rule_on_features, swarm_counts
from bench.analysis.promises.promise import NOTICED_MS, Promise, lasts, valid, values
from bench.analysis.sources import (
    NO_CLAIM,
    both,
    claim,
    connections,
    idle,
    message,
    minute,
    polled,
    returns,
    shortest_list,
    swarm_event,
    up_to,
)
from bench.analysis.verdicts import NOT_MEASURED, rule, rule_about, rule_up_to
from bench.citations import Quantity, cite, combined, number, setting
from bench.record.run import Run
from bench.record.traffic import Traffic, TrafficGroup
from bench.record.vocabulary import ANNOUNCEMENT, FRESH_LIST, HEARTBEAT_TIMEOUT, LOST_BY_CODE, STATUS
from bench.stats import percentile
from bench.words import a_few, count, in_bytes, in_ms, in_percent

SECTION = "Benefits"

CLAIMED_REQUESTS_PER_MIN = 20
CLAIMED_SAVINGS = 0.99

FEW_MILLISECONDS_MS = 10.0
"""The lab's own stricter reading of \"within milliseconds\": in fewer than ten."""

USUAL_TIMEOUT_S = 75.0
"""The server's default, for runs that did not note the timeout of theirs. A shorter idle window cannot tell whether
heartbeats kept the connection."""


def rule_on_benefits(figures: Overview) -> list[Promise]:
    run = figures.run
    polling, push = (valid(select(figures.idle, kind)) for kind in ("polling", "push"))
    requests = polling[0].requests.mean if polling else None
    heartbeats = push[0].requests.mean if push else None
    of_requests = minute("polling", polling[0].rooms if polling else 0, "requests")
    of_heartbeats = minute("push", push[0].rooms if push else 0, "requests")
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
            f"{cite(a_few(requests), of_requests)} requests per minute" if requests is not None else "",
            rule_about(requests, CLAIMED_REQUESTS_PER_MIN),
            "counted by each polling client; within a quarter",
            claim("about", [of_requests] if polling else [], CLAIMED_REQUESTS_PER_MIN),
        ),
        Promise(
            SECTION,
            "“WebSocket notifications only = events only when changes occur”",
            f"{cite(count(sum(events)), idle('events'))} event{'' if sum(events) == 1 else 's'} at "
            f"{cite(count(len(events)), idle('clients'))} idle client{'' if len(events) == 1 else 's'}"
            if events
            else "",
            rule(sum(events) == 0 if push else None),
            "no event reaches an idle client while nothing changes",
            claim("zero", [idle("events")] if push else []),
        ),
        _requests_saved(requests, heartbeats, of_requests, of_heartbeats, with_heartbeats=False),
        _requests_saved(requests, heartbeats, of_requests, of_heartbeats, with_heartbeats=True),
        *_instant(figures),
        *rule_on_features(run),
        *_persistent(run),
        _separation(traffic),
    ]


def _requests_saved(
    polling: float | None,
    heartbeats: float | None,
    of_requests: Quantity,
    of_heartbeats: Quantity,
    *,
    with_heartbeats: bool,
) -> Promise:
    """As written it is of requests; with heartbeats counted it is the lab's own variant."""
    measured, ruling, of = "", NOT_MEASURED, NO_CLAIM
    if polling and heartbeats is not None:
        push, of_push = (heartbeats, of_heartbeats) if with_heartbeats else (0.0, number(0))
        saved, of_saved = 1 - push / polling, combined("saved", of_push, of_requests)
        measured = (
            f"{cite(in_percent(saved), of_saved)} ({cite(a_few(push), of_push)} instead of "
            f"{cite(a_few(polling), of_requests)} per minute)"
        )
        ruling, of = rule(saved >= CLAIMED_SAVINGS), claim("at least", [of_saved], CLAIMED_SAVINGS)
    what = " (heartbeats counted: the server answers them too)" if with_heartbeats else ""
    return Promise(
        SECTION,
        f"“99% reduction in server requests during idle time”{what}",
        measured,
        ruling,
        "at least 99 % fewer than by polling" + ("" if with_heartbeats else ", HTTP requests"),
        of,
        is_variant=with_heartbeats,
    )


def _separation(traffic: Traffic | None) -> Promise:
    told = (
        max((size.message_bytes for size in traffic.sizes if size.name == "rooms_changed"), default=0) if traffic else 0
    )
    shortest = min((group.list_bytes for group in traffic.groups), default=0) if traffic else 0
    of_told = message("rooms_changed", "message", up=False)
    return Promise(
        SECTION,
        "“WebSocket: Real-time event notifications”, “HTTP: Data fetching and mutations”",
        f"rooms_changed {cite(in_bytes(told), of_told)} over the socket, the list "
        f"{cite(in_bytes(shortest), shortest_list())} and more by GET"
        if told
        else "",
        rule(told < shortest if told else None),
        "without optional features, what comes over the socket is smaller than any list: it carries none",
        claim("below", [of_told, shortest_list()] if told else []),
    )


def _instant(figures: Overview) -> list[Promise]:
    told, status, fresh = figures.announcements, figures.status, figures.fresh
    polled_ms = percentile(figures.polled_ms, 50)
    by_polling = cite(in_ms(polled_ms), polled("p50"))
    return [
        Promise(
            SECTION,
            "“Room created → all clients notified within milliseconds”",
            lasts(ANNOUNCEMENT, told),
            rule_up_to(values(told, lambda latency: latency.last_ms), NOTICED_MS),
            f"the last client in the median broadcast, in less than {in_ms(NOTICED_MS)}, nobody left out",
            up_to(ANNOUNCEMENT, "last", number(NOTICED_MS)) if told else NO_CLAIM,
        ),
        Promise(
            SECTION,
            "“Room created → all clients notified within milliseconds” (fewer than ten)",
            lasts(ANNOUNCEMENT, told),
            rule_up_to(values(told, lambda latency: latency.last_ms), FEW_MILLISECONDS_MS),
            f"the last client in the median broadcast, in less than {in_ms(FEW_MILLISECONDS_MS)}, nobody left out",
            up_to(ANNOUNCEMENT, "last", number(FEW_MILLISECONDS_MS)) if told else NO_CLAIM,
            is_variant=True,
        ),
        Promise(
            SECTION,
            "“User comes online → friends see status change immediately”",
            lasts(STATUS, status),
            rule_up_to(values(status, lambda latency: latency.last_ms), NOTICED_MS),
            f"the last client in the median login, in less than {in_ms(NOTICED_MS)}, nobody left out",
            up_to(STATUS, "last", number(NOTICED_MS)) if status else NO_CLAIM,
        ),
        Promise(
            SECTION,
            "“No 3-second delay waiting for next poll”",
            f"fresh list at the last client {lasts(FRESH_LIST, fresh)}; by polling {by_polling} (p50)" if fresh else "",
            rule_up_to(values(fresh, lambda latency: latency.last_ms), polled_ms) if fresh else NOT_MEASURED,
            "even the last push client has the fresh list before the median polling client",
            up_to(FRESH_LIST, "last", polled("p50")) if fresh else NO_CLAIM,
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
            f"{cite(count(losses), connections('lost'))} of {cite(count(held), connections('held'))} "
            f"connection{'' if held == 1 else 's'} lost unasked"
            if held
            else "",
            rule(losses == 0 if held else None),
            "no socket closes while the server runs",
            claim("zero", [connections("lost")] if held else []),
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
            f"{cite(count(_idle_losses(run)), connections('idle lost'))} connections lost in "
            f"{cite(f'{window_s:.0f} s', setting('bandwidth.window_s', 's'))}",
            rule(_idle_losses(run) == 0),
            f"no idle client is lost in a window longer than {timeout_s:.0f} s",
            claim("zero", [connections("idle lost")]),
        ),
    ]


def _reconnects(run: Run) -> Promise:
    """After a restart of the server, by the scenario; after lost connections, by the swarm."""
    waits_s, expected = returns_after_up_s(run), expected_returns(run)
    parts, kept, claims = [], [], []
    if waits_s is not None:
        parts.append(
            f"{cite(count(len(waits_s)), returns('back'))} of {cite(count(expected), returns('expected'))} "
            f"{_who_came_back(expected, restarts(run))}"
        )
        kept.append(len(waits_s) == expected)
        claims.append(claim("equal", [returns("back"), returns("expected")]))
    counts = swarm_counts(run)
    if losses := round(counts.get("losses", 0)):
        gave_up = round(counts.get("gave_up", 0))
        of_losses, of_given_up = swarm_event("losses", among="counts"), swarm_event("gave_up", among="counts")
        parts.append(
            f"of {cite(count(losses), of_losses)} connection{'' if losses == 1 else 's'} lost in the swarm, "
            f"{cite(count(gave_up), of_given_up)} were given up"
        )
        kept.append(not gave_up)
        claims.append(claim("zero", [of_given_up]))
    return Promise(
        SECTION,
        "“Auto-reconnects on network hiccups”",
        "; ".join(parts),
        rule(all(kept) if kept else None),
        "every client comes back by itself, after a restart of the server and after each lost connection of the swarm",
        both(claims),
    )


def _who_came_back(expected: int, times: int) -> str:
    if times == 1:
        return f"client{'' if expected == 1 else 's'} came back by themselves after a restart"
    return f"times a client came back by itself, in {cite(count(times), returns('restarts'))} restarts"


def _held_connections(run: Run) -> int:
    """Sockets that were held while the server ran: losses are counted over all repeats of all sizes, so these are."""
    found = run.found("broadcast")
    told = found.series_of(ANNOUNCEMENT) if found is not None else []
    held = sum(each.clients * (len(each.repeats) or len(each.groups)) for each in told)
    return held + sum(len(group.clients) for group in _pushing(run))


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
