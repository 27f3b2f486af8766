"""A claim that is told as not measured, although the run has valid readings that judge it, is a wrong conclusion.

What would judge each claim of the specification is stated here once more, by the words of the claim.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from bench.audit import validity
from bench.audit.plain_json import Json
from bench.audit.quantities.delays import lasts_ms
from bench.audit.quantities.swarm import happened, swarm_document
from bench.audit.raw import NotInRun, Raw

Evidence = Callable[[Raw], str]
"""In words; empty where the run has none. May raise `NotInRun`."""

NOT_MEASURED = "not measured"
MANY = 1_000
"""What the claim of many users is read as."""


def evidence_against(raw: Raw, text: Json) -> str:
    """What judges a claim whose verdict is that nothing does; empty where the verdict is right, or is another one.

    Raises `LookupError` for a claim that is not known here: a new claim needs its line.
    """
    verdicts = [each["text"] for each in text["cited"] if each["quantity"]["of"] in VERDICTS]
    if verdicts != [NOT_MEASURED]:
        return ""
    for words, evidence in CLAIMS:
        if re.search(words, text["text"]):
            try:
                return evidence(raw)
            except NotInRun:
                return ""
    raise LookupError(f"the auditor does not know what judges {text['text']!r}")


def is_told_of_claims(text: Json) -> bool:
    return bool(re.match(r"promises: .*, row \d+$", text["where"]))


VERDICTS = ("claim", "up to", "both", "cost of old", "scale", "heard")


def _idle(*ways: str) -> Evidence:
    """Idle groups of each of the ways, with one list; a group counts the requests and bytes of a minute."""

    def found(raw: Raw) -> str:
        lists = [
            {each["rooms"] for each in raw.groups() if each["kind"] == way and not each["changes_per_s"]
             and each["clients"] and validity.of_group(each) != validity.INVALID}
            for way in ways
        ]  # fmt: skip
        both = set.intersection(*lists)
        return f"idle groups of {' and '.join(ways)} with {sorted(both)} rooms" if both else ""

    return found


def _broadcasts(series: str) -> Evidence:
    def found(raw: Raw) -> str:
        sizes = [
            each["clients"] for each in raw.series("broadcast", series)
            if not each["changes_per_s"] and lasts_ms(each) and validity.of_broadcasts(each) != validity.INVALID
        ]  # fmt: skip
        return f"valid broadcasts of {series} at {sizes} clients" if sizes else ""

    return found


def _message(*names: str) -> Evidence:
    def found(raw: Raw) -> str:
        traffic = raw.scenario("bandwidth").get("traffic") or {"sizes": []}
        there = [each["name"] for each in traffic["sizes"] if each["name"] in names]
        return f"sizes of {', '.join(there)}" if there else ""

    return found


def _connects(raw: Raw) -> str:
    traffic = raw.scenario("bandwidth").get("traffic") or {"connects": []}
    return f"{len(traffic['connects'])} handshakes" if traffic["connects"] else ""


def _returns(raw: Raw) -> str:
    return "times of coming back" if raw.series("reconnect", "back and fresh") else ""


def _connections(raw: Raw) -> str:
    held = raw.has("broadcast") and raw.series("broadcast", "announcement")
    return "connections of broadcasts" if held else _idle("push")(raw)


def _scale(raw: Raw) -> str:
    """Of a search that missed the level nowhere and went less far than the claim, nothing follows."""
    name = "clients that meet the service level"
    [met] = [each for each in raw.measured("capacity") if each["name"] == name] or [{"readings": []}]
    if not met["readings"] or validity.of_readings(met["readings"], "") == validity.INVALID:
        return ""
    least = min(each["value"] for each in met["readings"])
    missed = any(each["name"].startswith("smallest number of clients") for each in raw.measured("capacity"))
    return f"{least:g} clients held" if least >= MANY or missed else ""


def _heartbeat(raw: Raw) -> str:
    """Only a window that is longer than the server's timeout shows that heartbeats hold a connection."""
    window_s = raw.setting("bandwidth.window_s")
    timeout_s = raw.scenario("bandwidth")["facts"].get("heartbeat timeout of the server, s", 75.0)
    return f"an idle window of {window_s:g} s" if window_s > timeout_s and _idle("push")(raw) else ""


def _swarm(sent: str) -> Evidence:
    def found(raw: Raw) -> str:
        number = happened(raw, sent) if swarm_document(raw) else 0
        return f"{number} {sent} in the swarm" if number else ""

    return found


def _never(_: Raw) -> str:
    return ""


CLAIMS: tuple[tuple[str, Evidence], ...] = (
    ("20 requests/minute per client", _idle("polling")),
    ("events only when changes occur", _idle("push")),
    ("reduction in server requests", _idle("polling", "push")),
    ("clients notified within milliseconds", _broadcasts("announcement")),
    ("friends see status change", _broadcasts("status")),
    ("No 3-second delay", _broadcasts("fresh list")),
    ("many concurrent users", _scale),
    ("Friend online/offline status", _swarm("connections established")),
    ("Party invitations", _swarm("invitations sent")),
    ("Chat notifications", _swarm("lines said")),
    ("Match invitations", _swarm("match invitations sent")),
    ("Player count updates", _swarm("sent join_room")),
    ("Server announcements", _swarm("announcements sent")),
    ("Connection maintained", _connections),
    ("Survives menu navigation", _never),  # of the game's own program
    ("Auto-reconnects", _returns),
    ("Heartbeat prevents idle timeouts", _heartbeat),
    ("Real-time event notifications", _message("rooms_changed")),
    ("Initial handshake", _connects),
    (r"Heartbeat \(every", _message("ping", "pong")),
    ("Room update notification", _message("rooms_changed")),
    ("User status notification", _message("user_online")),
    ("bytes/request|10 KB/minute", _idle("polling")),
    ("2 pings/minute|100 bytes/minute", _idle("push")),
    ("bandwidth reduction during idle” \\(against polling with ETag", _idle("polling_etag", "push")),
    ("bandwidth reduction", _idle("polling", "push")),
    ("sees new room within 1 second", _broadcasts("fresh list")),
)
