"""The claims about scale and about social features, judged from the capacity search and from what the swarm did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.analysis.estimates import estimate
from bench.analysis.promises.promise import Promise
from bench.analysis.sources import heard, readings, scale, swarm_event, swarm_metric
from bench.analysis.verdicts import NOT_MEASURED, rule
from bench.citations import cite, setting
from bench.measures import CAPACITY, FAILS_AT
from bench.record.run import Run
from bench.record.vocabulary import ANNOUNCEMENTS_SENT, MATCH_INVITATIONS_SENT
from bench.words import count, in_ms
from loadtest.results.validity import Validity

SECTION = "Benefits"
SUMMARY = "Summary"

MANY_USERS = 1_000.0
"""What "many concurrent users" is read as, for one process."""


@dataclass(frozen=True)
class Feature:
    """One of the specification's list, and how the swarm shows it."""

    claim: str
    sent: str
    """Counter of what players did, or fact of what the lab did while they played."""
    received: str
    """Counter of what other players heard of it."""
    what: str
    metric: str = ""
    """Time of the swarm that belongs to it."""
    ledger: str = ""
    """Account of who should have heard."""
    is_personal: bool = False
    """Each that was sent is for one player, so as many must have been received."""
    due: str = ""
    """What the ledger counts, which need not be the messages that told it."""


FEATURES = (
    Feature("Friend online/offline status", "connections established", "received user_online", "status message",
            "fanout_presence", "presence", due="of somebody coming or going"),
    Feature("Party invitations", "invitations sent", "received party_invite", "invitation", "invitation",
            is_personal=True),
    Feature("Chat notifications", "lines said", "received chat_message", "chat line", "chat"),
    Feature("Match invitations", MATCH_INVITATIONS_SENT, "received match_invite", "match invitation",
            is_personal=True),
    Feature("Player count updates", "sent join_room", "received rooms_changed", "announcement", "fanout_rooms",
            "rooms", due="of a change, several of which one announcement may tell"),
    Feature("Server announcements", ANNOUNCEMENTS_SENT, "received announcement", "announcement"),
)  # fmt: skip


def rule_on_features(run: Run) -> list[Promise]:
    """Scale first, then each feature of the list "Scalable for Future Features"."""
    return [_scale(run), *(_feature(run, each) for each in FEATURES)]


def swarm_counts(run: Run) -> Mapping[str, float]:
    """The swarm's own totals; empty without a swarm, or one that is invalid."""
    counts: Mapping[str, float] = _document(run).get("counts", {})
    return counts


def _document(run: Run) -> Mapping[str, Any]:
    found = run.found("swarm")
    if found is None or found.swarm is None:
        return {}
    document: Mapping[str, Any] = found.swarm.document
    return document if document.get("validity", {}).get("level") != Validity.INVALID.value else {}


def _scale(run: Run) -> Promise:
    found = run.found("capacity")
    measured = next((each for each in (found.measures if found is not None else ()) if each.measure == CAPACITY), None)
    made = estimate(measured) if measured is not None else None
    told = ""
    missed = next((each for each in (found.measures if found is not None else ()) if each.measure == FAILS_AT), None)
    is_valid = made is not None and made.judgement.validity is not Validity.INVALID
    is_known = made is not None and is_valid and (made.value > 0 or missed is not None)
    slo = in_ms(run.profile.capacity.slo_ms)
    if found is not None and measured is not None and made is not None and is_known:
        knee = cite(count(made.value), readings("capacity", CAPACITY, measured.party, measured.where))
        limit = cite(slo, setting("capacity.slo_ms", "ms"))
        told = f"one process held {knee} clients with p99 of the fan-out below {limit}{made.judgement.mark}"
        if made.value < MANY_USERS and missed is None:
            told += "; it failed with no number of clients that was tried"
            is_known = False
    return Promise(
        SUMMARY,
        "“Scales to handle many concurrent users”",
        told,
        rule(made.value >= MANY_USERS if made is not None and is_known else None),
        f"many is read as {count(MANY_USERS)} on one process; p99 of the fan-out below {slo}, nobody left out",
        scale(MANY_USERS),
    )


def _feature(run: Run, feature: Feature) -> Promise:
    """Holds when what was done was heard, and nobody who should have heard was left out."""
    claim = f"“Scalable for Future Features”: “{feature.claim}”"
    document = _document(run)
    events = document.get("events", {})
    found = run.found("swarm")
    done = {**(found.facts if found is not None else {}), **events}
    sent, received = (round(done.get(name, 0)) for name in (feature.sent, feature.received))
    account = document.get("ledger", {}).get(feature.ledger, {}) if feature.ledger else {}
    is_personal = feature.is_personal
    of = heard(feature.sent, feature.received, feature.ledger, is_personal=is_personal)
    if not sent:
        why = "no player of this run's swarm did it" if document else "the swarm did not run"
        return Promise(SECTION, claim, "", NOT_MEASURED, why, of)
    metric = next((each for each in document.get("metrics", []) if each["name"] == feature.metric), None)
    lost = round(account.get("lost", 0)) + (max(0, sent - received) if is_personal else 0)
    of_sent = f" of {cite(count(sent), swarm_event(feature.sent))} sent" if is_personal else ""
    noun = feature.what if received == 1 else f"{feature.what}s"
    parts = [f"{cite(count(received), swarm_event(feature.received))} {noun} received{of_sent}"]
    if account.get("expected"):
        of_lost, of_due = (
            heard(feature.sent, feature.received, feature.ledger, is_personal=is_personal, take=take)
            for take in ("lost", "due")
        )
        due = cite(count(account["expected"]), of_due)
        parts.append(
            f"of {due} times that a player had to hear {feature.due}, {cite(count(lost), of_lost)} "
            f"{'was' if lost == 1 else 'were'} lost"
        )
    if metric is not None and metric["count"]:
        p50, p99 = (cite(in_ms(metric[take]), swarm_metric(feature.metric, take)) for take in ("p50_ms", "p99_ms"))
        parts.append(f"{p50} (p50), {p99} (p99)")
    is_suspect = document.get("validity", {}).get("level") == Validity.SUSPECT.value
    return Promise(
        SECTION,
        claim,
        "; ".join(parts) + (" (suspect)" if is_suspect else ""),
        rule(received > 0 and not lost),
        "it was done while the swarm played, its players heard of it, and nobody who should have was left out",
        of,
    )
