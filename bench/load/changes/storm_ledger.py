"""Who must have heard what in a login storm, to the event and to the byte.

A client hears `user_online` of itself and of everybody accepted after it, and nothing of those before (protocol
contract, section 2, rules 2 and 3). So among N clients that came at once the k-th accepted hears N − k + 1, all of them
together N(N+1)/2, and each stream is the end of the same sequence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bench.load.sockets.sinks import Heard

USER_ID = re.compile(rb'"user_online","data":\{"user_id":(\d+)')


def storm_events(clients: int) -> int:
    """Of a storm of that many, all clients together."""
    return clients * (clients + 1) // 2


def audit_storm(heard: Heard, *, clients: int, event_bytes: int, accepted_bytes: int) -> list[str]:
    """Sentences about what is wrong; none when the storm was told exactly. All users' frames must be of one size."""
    faults = []
    total, expected = sum(heard.events), storm_events(clients)
    if total != expected:
        faults.append(f"{clients} clients heard {total:,} events instead of {expected:,}")
    counts = sorted(heard.events)
    if counts != list(range(1, clients + 1)):
        wrong = sum(had != want for had, want in zip(counts, range(1, clients + 1), strict=False))
        faults.append(f"{clients} clients: {wrong} numbers of events are none that an order of acceptance explains")
    torn = sum(
        size != accepted_bytes + events * event_bytes
        for size, events in zip(heard.received_bytes, heard.events, strict=True)
    )
    if torn:
        faults.append(f"{clients} clients: {torn} streams are not whole frames, or have others among them")
    return faults + audit_order(heard.streams)


def audit_order(streams: Sequence[bytes]) -> list[str]:
    """Every stream must be an end of the longest, and nobody may come in it twice."""
    told = sorted((USER_ID.findall(stream) for stream in streams), key=len, reverse=True)
    faults = []
    if told and len(set(told[0])) < len(told[0]):
        faults.append("a client heard of a user twice")
    if any(users != told[0][len(told[0]) - len(users) :] for users in told[1:]):
        faults.append("two clients heard of users in different orders")
    return faults
