"""What clients see of the fan-out, in production: the time from an event to a client's acknowledgement.

Clients that asked for the feature ``ack`` answer a share of what they hear. An event is encoded once as ever; to ask, a
whole feed gets it with an id. Such clients are spread over a few feeds, so that one event asks a part of them, and
their answers do not come as one herd.

The time is counted from the publication, so that the wait for the tick and the place in the delivery are in it, and to
the answer's arrival: one way back is in it too. A client that does not answer is counted, not timed.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field

from lobby_server.core.ratelimit import REFUSED, Pace
from lobby_server.protocol.framing.frames import server_frame, split_server_frames
from lobby_server.service.fanout.profile import Profile
from lobby_server.service.pacing import Patience
from lobby_server.service.ports import Clock, RandomSource

ACK_GROUPS = 8
"""Feeds over which clients of one profile are spread, by the number of their session."""
ASKED_PER_S = 2.0
ASKED_BURST = 4.0
"""How often one client is asked at most, whatever the share: its answers count against its limit of messages."""
PATIENCE_S = 30.0
"""After this an answer is none."""
BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass
class Latencies:
    """A histogram: how many took at most each of the bounds, and longer than all."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    sum_s: float = 0.0

    def note(self, seconds: float) -> None:
        self.counts[bisect.bisect_left(BOUNDS_S, seconds)] += 1
        self.sum_s += seconds


@dataclass(eq=False)
class _Asked:
    id: int
    profile: Profile
    at_s: float
    unanswered: int


class Acks:
    """Asks, and measures the answers."""

    def __init__(self, *, clock: Clock, share: float, random_source: RandomSource) -> None:
        """`share`: of the events that a client hears, from 0 to 1."""
        self.latencies = Latencies()
        self.asked = 0
        """Clients that were asked, each time."""
        self.unanswered = 0
        """Those of them that did not answer in time: gone, far behind, or not willing to."""
        self._clock = clock
        self._share = share
        self._random = random_source
        self._pace = Pace(rate_per_s=ASKED_PER_S, burst=ASKED_BURST)
        self._paces_s: dict[Profile, float] = {}
        self._open: dict[int, _Asked] = {}
        self._patience: Patience[_Asked] = Patience(clock, delay_s=PATIENCE_S, act=self._give_up)
        self._last_id = 0

    def marked(self, frame: bytes, profile: Profile, *, clients: int) -> bytes:
        """An event's frame for the clients of a profile; with an id when they are asked. O(1) when not."""
        if not clients or self._random.random() >= self._share:
            return frame
        now_s = self._clock.monotonic_s()
        pace_s = self._pace.take(self._paces_s.get(profile, 0.0), now_s)
        if pace_s == REFUSED:
            return frame
        self._paces_s[profile] = pace_s
        self._last_id += 1
        asked = self._open[self._last_id] = _Asked(self._last_id, profile, now_s, clients)
        self.asked += clients
        self._patience.add(asked)
        return with_ack(frame, asked.id)

    def answered(self, ack_id: int, profile: Profile, *, last_id: int) -> int:
        """A client of a profile has an event; `last_id`: what it answered before. What it has answered now: an id
        counts once per client, and an id that it was not asked counts for nothing."""
        asked = self._open.get(ack_id)
        if asked is None or asked.profile != profile or ack_id <= last_id or not asked.unanswered:
            return last_id
        self.latencies.note(self._clock.monotonic_s() - asked.at_s)
        asked.unanswered -= 1
        return ack_id

    def _give_up(self, asked: _Asked) -> None:
        self.unanswered += asked.unanswered
        del self._open[asked.id]


def with_ack(frame: bytes, ack_id: int) -> bytes:
    """The frame of an event with one more field of its data: ``"ack"``."""
    ((_, payload),) = split_server_frames(frame)
    data_is_empty = payload.endswith(b"{}}")
    return server_frame(b'%b%b"ack":%d}}' % (payload[:-2], b"" if data_is_empty else b",", ack_id))
