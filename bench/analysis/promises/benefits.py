"""The claims of the specification's section "Benefits of This Architecture"."""

from __future__ import annotations

from bench.analysis.derived.overview import Overview, traffic_of
from bench.analysis.derived.returns import expected_returns, returns_after_up_s
from bench.analysis.derived.traffic import select
from bench.analysis.promises.promise import Promise, lasts, valid, values
from bench.analysis.verdicts import NOT_MEASURED, judge, judge_about, judge_up_to
from bench.record.run import Run
from bench.record.traffic import TrafficGroup
from bench.record.vocabulary import ANNOUNCEMENT, HEARTBEAT_TIMEOUT, LOST_BY_CODE
from bench.stats import percentile
from bench.words import a_few, count, in_ms, in_percent, plural

SECTION = "Benefits"

CLAIMED_REQUESTS_PER_MIN = 20
CLAIMED_SAVINGS = 0.99

WITHIN_MILLISECONDS_MS = 10.0
"""\"Within milliseconds\" is read as: in fewer than ten."""

IMMEDIATELY_MS = 100.0
"""What people take for instantaneous (Nielsen, Usability Engineering, 1993, chapter 5)."""

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
        Promise(
            SECTION,
            "“Scalable for Future Features”: friends, parties, chat, invitations, announcements",
            "",
            NOT_MEASURED,
            "not part of this report",
        ),
        *_persistent(run),
        Promise(
            SECTION,
            "“Clean Separation of Concerns”: events over the socket, data over HTTP",
            "",
            NOT_MEASURED,
            "a matter of design, not a quantity",
        ),
    ]


def _requests_saved(polling: float | None, heartbeats: float | None, *, with_heartbeats: bool) -> Promise:
    """The claim is true or false depending on what a request is, so it is judged both ways."""
    measured, ruling = "", NOT_MEASURED
    if polling and heartbeats is not None:
        push = heartbeats if with_heartbeats else 0.0
        saved = 1 - push / polling
        measured = f"{in_percent(saved)} ({a_few(push)} instead of {a_few(polling)} per minute)"
        ruling = judge(saved >= CLAIMED_SAVINGS)
    what = "heartbeats counted: the server answers them too" if with_heartbeats else "HTTP requests only"
    return Promise(
        SECTION,
        f"“99% reduction in server requests during idle time” ({what})",
        measured,
        ruling,
        "at least 99 % fewer than by polling",
    )


def _instant(figures: Overview) -> list[Promise]:
    told, status, fresh = figures.announcements, figures.status, figures.fresh
    polled_ms = percentile(figures.polled_ms, 50)
    return [
        Promise(
            SECTION,
            "“Room created → all clients notified within milliseconds”",
            lasts(told),
            judge_up_to(values(told, lambda latency: latency.last_ms), WITHIN_MILLISECONDS_MS),
            f"the last client in the median broadcast, in less than {WITHIN_MILLISECONDS_MS:.0f} ms, nobody left out",
        ),
        Promise(
            SECTION,
            "“User comes online → friends see status change immediately”",
            lasts(status),
            judge_up_to(values(status, lambda latency: latency.last_ms), IMMEDIATELY_MS),
            f"the last client in the median login, in less than {IMMEDIATELY_MS:.0f} ms, nobody left out",
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
    waits_s = returns_after_up_s(run)
    expected = expected_returns(run)
    back = len(waits_s or ())
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
        Promise(SECTION, "“Survives menu navigation”", "", NOT_MEASURED, "a matter of the game's own program"),
        Promise(
            SECTION,
            "“Auto-reconnects on network hiccups”",
            f"{count(back)} of {plural(expected, 'client')} came back by themselves" if waits_s is not None else "",
            judge(back == expected if waits_s is not None else None),
            "everybody comes back after a restart of the server, which is the hiccup tried here",
        ),
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
