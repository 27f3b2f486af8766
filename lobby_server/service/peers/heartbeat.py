"""Liveness of sessions: protocol-level pings spread over time, and a close for silent ones.

A session is looked at when it may have been quiet for long enough. One timer turns a wheel of slots; a turn costs what
is due in it.
"""

from __future__ import annotations

from lobby_server.protocol.codes import CloseCode
from lobby_server.protocol.framing.frames import OP_PING, server_frame
from lobby_server.service.peers.peer import Peer, Phase
from lobby_server.service.ports import Clock, RandomSource, Timer

QUIET_SHARE = (0.45, 0.65)
"""Of the timeout, drawn anew each time: how long a peer is quiet before it is asked. More than the 30 s of 75 after
which a client asks by itself, so that one that does costs no ping of ours; and spread, so that sockets opened together
are not asked together."""
AGAIN_SHARE = 0.2
"""Of the timeout: how long after that a peer that did not answer is asked again. One answer may get lost. Also how
long a process has to have stood still itself to count as such, and how long it then gives everybody to be heard of."""
SLOTS = 128
PING_FRAME = server_frame(b"", OP_PING)


class Heartbeat:
    """Watches sessions from `watch` until they are closed, and holds them until `unwatch`; a silent one is closed with
    4004.

    A session from which nothing came for `timeout_s` is ended within `timeout_s` plus one slot, 1/128 of it. What lies
    in its socket counts as having come: after a stall, a process that was stopped for instance, that is read before
    anything is judged.

    Where a whole machine stood still, nothing may lie there yet: what was sent to it meanwhile is sent again, some time
    after it goes on. So after a turn that comes late by `AGAIN_SHARE` of the timeout or more, nobody is closed for that
    long; whoever would have been is asked.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        timeout_s: float,
        random_source: RandomSource,
    ) -> None:
        self._clock = clock
        self._timeout_s = timeout_s
        self._slot_s = timeout_s / SLOTS
        self._random = random_source
        self._wheel: list[dict[Peer, None]] = [{} for _ in range(SLOTS + 1)]
        self._position = 0
        self._turned_s = clock.monotonic_s()
        self._spares_until_s = self._turned_s
        self._timer: Timer | None = None

    def start(self) -> None:
        self._turned_s = self._clock.monotonic_s()
        self._timer = self._clock.call_later(self._slot_s, self._turn)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def watch(self, session: Peer) -> None:
        self._put(session, self._quiet_s())

    def unwatch(self, session: Peer) -> None:
        """Let go of a session. One that is not watched: nothing happens."""
        self._wheel[session.wheel_slot].pop(session, None)

    def _put(self, session: Peer, in_s: float) -> None:
        ahead = min(max(int(in_s / self._slot_s) + 1, 1), SLOTS)
        session.wheel_slot = (self._position + ahead) % len(self._wheel)
        self._wheel[session.wheel_slot][session] = None

    def _turn(self) -> None:
        now_s, again_s = self._clock.monotonic_s(), self._timeout_s * AGAIN_SHARE
        if now_s - (self._turned_s + self._slot_s) >= again_s:
            self._spares_until_s = now_s + again_s
        due: list[Peer] = []
        while self._turned_s + self._slot_s <= now_s:
            self._turned_s += self._slot_s
            self._position = (self._position + 1) % len(self._wheel)
            slot = self._wheel[self._position]
            if slot:
                self._wheel[self._position] = {}
                due.extend(slot)
        for session in due:  # once the wheel stands where it is to: what is put ahead of it is ahead of now
            self._look(session, now_s)
        self._timer = self._clock.call_later(max(0.0, self._turned_s + self._slot_s - now_s), self._turn)

    def _look(self, session: Peer, now_s: float) -> None:
        if session.phase is Phase.CLOSED:
            return  # by what was found in the socket of another one, perhaps
        if now_s - session.last_heard_s >= self._timeout_s:
            session.transport.read_on()
        self._judge(session, now_s)

    def _judge(self, session: Peer, now_s: float) -> None:
        if session.phase is Phase.CLOSED:
            return  # by what was found in its own
        silent_s = now_s - session.last_heard_s
        if silent_s >= self._timeout_s and now_s < self._spares_until_s:
            session.write(PING_FRAME)
            self._put(session, self._spares_until_s - now_s)
            return
        if silent_s >= self._timeout_s:
            session.close(CloseCode.HEARTBEAT_TIMEOUT, f"nothing heard for {self._timeout_s:g} s", abrupt=True)
            return
        if silent_s >= self._timeout_s * QUIET_SHARE[0]:
            session.write(PING_FRAME)
            self._put(session, min(self._timeout_s * AGAIN_SHARE, self._timeout_s - silent_s))
        else:
            self._put(session, self._quiet_s() - silent_s)

    def _quiet_s(self) -> float:
        return self._timeout_s * self._random.uniform(*QUIET_SHARE)
