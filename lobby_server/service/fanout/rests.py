"""Rests of sessions behind whose feed is paced: after each write a session waits before it is given more.

A session that rests is not asked for writability, or the loop would turn for nothing. One timer wakes all of them.
"""

from __future__ import annotations

from lobby_server.service.fanout.subscriber import Subscriber
from lobby_server.service.ports import Clock, Timer


class Rests:
    """O(1) per write; O(sessions that rest) per rest."""

    def __init__(self, clock: Clock, *, rest_s: float) -> None:
        self._clock = clock
        self._rest_s = rest_s
        self._until_s: dict[Subscriber, float] = {}
        self._asleep: dict[Subscriber, None] = {}
        self._timer: Timer | None = None

    def begin(self, subscriber: Subscriber) -> None:
        """Something is written to a session: it rests from now on."""
        self._until_s[subscriber] = self._clock.monotonic_s() + self._rest_s

    def holds(self, subscriber: Subscriber) -> bool:
        """Whether a session is not to be given more yet; then it is woken when it may."""
        until_s = self._until_s.get(subscriber)
        if until_s is None or until_s <= self._clock.monotonic_s():
            self._until_s.pop(subscriber, None)
            return False
        self._asleep[subscriber] = None
        subscriber.outlet.watch_writable(None)
        self._arm()
        return True

    def forget(self, subscriber: Subscriber) -> None:
        self._until_s.pop(subscriber, None)
        self._asleep.pop(subscriber, None)

    def _arm(self) -> None:
        if self._timer is None:
            self._timer = self._clock.call_later(self._rest_s, self._wake)

    def _wake(self) -> None:
        self._timer = None
        now_s = self._clock.monotonic_s()
        for subscriber in [each for each in self._asleep if self._until_s.get(each, now_s) <= now_s]:
            del self._asleep[subscriber]
            if subscriber.is_behind:  # else its connection is over
                subscriber.outlet.watch_writable(subscriber.on_writable)
        if self._asleep:
            self._arm()
