"""What a node does again and again: it is heard of, sees who is not, and writes snapshots when it leads."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from lobby_server.backplane.node.health import Health
from lobby_server.backplane.place.snapshots import Snapshots
from lobby_server.backplane.place.standing import Standing
from lobby_server.core.machine.commands import Command, NodeLost
from lobby_server.core.machine.state import LobbyState
from lobby_server.service.watch.events import LogEvent

if TYPE_CHECKING:
    from lobby_server.backplane.valkey.stream import Stream

log = logging.getLogger("lobby.backplane")

SURE = 0.75
"""Of the time after which a node that is silent is given up: for so long it can be sure that it is not."""
LONGEST_GAP = 0.5
"""Of the same time: two answers to a node that hears of the others without a break are not so far apart. After such a
gap their silence may be its own, or that of the whole machine, and it gives them so long again to be heard of.

Why these are one figure: who renews at least once in any two turns of an observer is missed only where those two took
the time-out or longer. So one of them took half of it or longer: this one, or the one before, and then this one falls
into the wait after it."""
LONGEST_SILENCE = 2.0
"""Of the same time: a node that was missed for so long is given up whatever gaps there were. They were all shorter than
the time-out, else it counts from anew, so whoever renews in any three turns would have been seen."""


class House:
    """Of one node."""

    def __init__(
        self,
        stream: Stream,
        *,
        standing: Standing,
        health: Health,
        snapshots: Snapshots,
        state: LobbyState,
        node: Callable[[], str],
        append: Callable[[Command], None],
        report: Callable[[], bytes],
        heard: Callable[[], None],
        timeout_s: float,
        monotonic_s: Callable[[], float],
    ) -> None:
        """`node`: what it is called now. `append`: to the log. `report`: how it is, for the others. `heard`:
        called with each new `reports`. `timeout_s`: of silence, after which a node is given up."""
        self._stream = stream
        self._standing = standing
        self._health = health
        self._snapshots = snapshots
        self._state = state
        self._node = node
        self._append = append
        self._report = report
        self._heard = heard
        self._timeout_s = timeout_s
        self._monotonic_s = monotonic_s
        self._sure_until_s = 0.0
        self._key_until_s = math.inf
        """So long, at least, it lasts that the node is heard of by the last renewal; before the first: nobody looks for
        it yet."""
        self._sure_at: tuple[str, int] | None = None
        """An epoch, and the number of an entry there: a replica that stands there has read whatever the others wrote
        about this node when it was not heard of. None: that is not known yet."""
        self._answered_s = -math.inf
        self._hears_since_s = math.inf
        """Since when it hears of the others without a break."""
        self._known_since_s: dict[str, float] = {}
        """When it first asked for each of the others by the name that it has now."""
        self._missed_since_s: dict[str, float] = {}
        """Those of them that are not heard of now: since which answer on they cannot have renewed."""
        self._waited_for: set[str] = set()
        """Those of them of whom the log says that they are missed, and not given up yet."""
        self.reports: dict[str, bytes] = {}
        """What the other nodes say of themselves; those not heard of in time are left out."""

    @property
    def every_s(self) -> float:
        """How often it is to be kept."""
        return min(0.5, self._timeout_s / 5)

    @property
    def is_heard_of(self) -> bool:
        """Whether the others cannot have given this node up yet, nor soon; or have, and it would have read so."""
        if self._sure_at is None or self._monotonic_s() >= self._sure_until_s:
            return False
        epoch, number = self._sure_at
        return self._standing.epoch == epoch and self._standing.number >= number

    async def keep(self) -> None:
        """Once. Raises `BackplaneError`."""
        if self._health.is_leaving:
            return  # the others are told so, and hear of it no more
        self._look_for_the_lost(await self.renew())
        if self._state.leader == self._node():
            await self._snapshots.write_if_due()

    async def renew(self) -> list[str]:
        """Be heard of, and hear. The names of the others at that moment. Raises `BackplaneError`."""
        standing, node, epoch = self._standing, self._node(), self._standing.epoch
        others = [name for name in self._state.nodes if name != node]
        asked_s = self._monotonic_s()
        renewal = await self._stream.renew(epoch, node, ttl_s=self._timeout_s, report=self._report(), others=others)
        self.reports = renewal.reports
        self._note(epoch, renewal.newest, asked_s=asked_s)
        self._note_others(others, was_heard_of=renewal.was_heard_of)
        standing.newest = max(standing.number, renewal.newest)
        self._heard()
        return others

    def _note(self, epoch: str, newest: int, *, asked_s: float) -> None:
        """A renewal was answered. If it came late, others may have found this node not heard of, and be about to
        write so: by the next one that stands in the log, and counts once it is read here."""
        if self._monotonic_s() >= self._key_until_s:
            self._sure_at = None
        elif self._sure_at is None or self._sure_at[0] != epoch:
            self._sure_at = (epoch, newest)
        self._key_until_s = asked_s + self._timeout_s
        self._sure_until_s = asked_s + SURE * self._timeout_s

    def _note_others(self, others: list[str], *, was_heard_of: bool) -> None:
        """They were asked for. A machine that stood still lets the keys of all its nodes run out; no clock tells of it
        where a virtual machine was paused, but the key of this node does. While that lasts from one
        answer to the next, so would that of another node that had renewed in between."""
        now_s, missed = self._monotonic_s(), self._missed_since_s
        if not was_heard_of or now_s - self._answered_s >= LONGEST_GAP * self._timeout_s:
            self._hears_since_s = now_s
        self._answered_s = now_s
        self._known_since_s = {name: self._known_since_s.get(name, now_s) for name in others}
        silent = [name for name in others if name not in self.reports]
        self._missed_since_s = {name: missed.get(name, now_s) if was_heard_of else now_s for name in silent}
        self._waited_for.intersection_update(silent)

    def _look_for_the_lost(self, others: list[str]) -> None:
        """Whoever is not heard of is given up. After a gap of its own this node gives the others time to be heard of
        again first, and after an outage the whole time-out, since some find Valkey later than others; but not for ever,
        should there be gap upon gap. A name is not given up before it had time to be heard of at all: a node that took
        it a moment ago may have said so only in the log."""
        now_s, health, timeout_s = self._monotonic_s(), self._health, self._timeout_s
        if health.is_away:
            return
        hears = now_s - self._hears_since_s > LONGEST_GAP * timeout_s and now_s - health.well_since_s >= timeout_s
        for name in others:
            missed_since_s = self._missed_since_s.get(name)
            if missed_since_s is None or name not in self._state.nodes or now_s - self._known_since_s[name] < timeout_s:
                continue
            if hears or now_s - missed_since_s >= LONGEST_SILENCE * timeout_s:
                self._give_up(name, silent_s=max(timeout_s, now_s - missed_since_s))
            elif name not in self._waited_for:
                self._waited_for.add(name)
                log.info(
                    "node %s is not heard of, nor did this one hear without a break: it is given time",
                    name,
                    extra={"event": LogEvent.NODE_WAITED_FOR.value},
                )

    def _give_up(self, name: str, *, silent_s: float) -> None:
        """`silent_s`: at least."""
        log.warning(
            "node %s has not been heard of for %.1f s: it is given up",
            name,
            silent_s,
            extra={"event": LogEvent.NODE_GIVEN_UP.value},
        )
        self._append(NodeLost(name))
