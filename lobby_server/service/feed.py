"""One feed: the sessions that hear the same, the tick that is being filled, and the way to each of their sockets.

Cost of a tick: one joining of frames, and one write a session. A session whose socket does not take everything falls
behind: it goes on by itself from its cursor in the log when the socket is writable, and is in step again when it has
caught up. Nobody waits for it.

Only one delivery of a feed is under way at a time; the hub sees to that.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass

from lobby_server.service.pacing import TurnBudget
from lobby_server.service.ports import Clock
from lobby_server.service.subscriber import Overflow, Subscriber
from lobby_server.service.ticklog import Chunk, Entry, TickLog

FALLEN_OFF = -1
"""A cursor that no log can serve."""
MAX_WRITES_A_TURN = 8
"""Writes of one session in one turn of the loop, while it catches up."""


@dataclass
class FanOutStats:
    """Totals over all feeds of a hub."""

    ticks: int = 0
    writes: int = 0
    """Calls of ``send`` for broadcasts: what a broadcast costs."""
    frames_out: int = 0
    bytes_out: int = 0
    fell_behind: int = 0
    caught_up: int = 0
    conflated_in_tick: int = 0
    left_out_of_log: int = 0


class Delivery:
    """A tick on its way: what goes out, and who is still to get it."""

    __slots__ = ("chunk", "feed", "newcomers", "position", "subscribers")

    def __init__(self, feed: Feed, chunk: Chunk, subscribers: list[Subscriber], newcomers: list[Subscriber]) -> None:
        self.feed = feed
        self.chunk = chunk
        self.subscribers = subscribers
        self.position = 0
        self.newcomers = newcomers
        """Those who get a part of the chunk; they come first, and are passed over among the others."""


class Feed:
    """Everybody with one profile of features."""

    def __init__(
        self, *, clock: Clock, stats: FanOutStats, budget: TurnBudget, log_bytes: int, log_age_s: float
    ) -> None:
        """`budget`: bytes that those behind may be written in one turn of the loop, shared by all feeds."""
        self._clock = clock
        self._stats = stats
        self._budget = budget
        self._max_age_s = log_age_s
        self.log = TickLog(max_bytes=log_bytes, max_age_s=log_age_s)
        self._in_step: dict[Subscriber, None] = {}
        self._behind: dict[Subscriber, None] = {}
        self._newcomers: list[Subscriber] = []
        self._open: list[Entry] = []
        self._open_by_key: dict[Hashable, int] = {}
        self._delivering: Chunk | None = None

    def __len__(self) -> int:
        return len(self._in_step) + len(self._behind)

    def __iter__(self) -> Iterator[Subscriber]:
        yield from self._in_step
        yield from self._behind

    @property
    def behind(self) -> int:
        """How many sessions are behind."""
        return len(self._behind)

    @property
    def has_open_tick(self) -> bool:
        return bool(self._open)

    # -- who ------------------------------------------------------------------------------------------------------

    def add(self, subscriber: Subscriber) -> None:
        """From the next event on a session hears what is published."""
        subscriber.feed = self
        subscriber.next_number = self.log.next_number
        self._skip_open(subscriber)
        (self._behind if subscriber.is_behind else self._in_step)[subscriber] = None

    def remove(self, subscriber: Subscriber) -> None:
        self._in_step.pop(subscriber, None)
        self._behind.pop(subscriber, None)
        subscriber.feed = None
        self._forget_if_nobody_is_behind()

    # -- what -----------------------------------------------------------------------------------------------------

    def publish(self, frame: bytes, key: Hashable | None, *, conflate: bool) -> None:
        """Put a frame into the open tick. `conflate`: it stands for an earlier one of its key in the same tick."""
        if conflate:
            earlier = self._open_by_key.get(key)
            if earlier is not None:
                self._open[earlier] = (None, b"")  # its place stays, because newcomers count places
                self._stats.conflated_in_tick += 1
            self._open_by_key[key] = len(self._open)
        self._open.append((key, frame))

    def close_tick(self) -> Delivery | None:
        """What was published since the last tick, for `deliver`; None: nothing was, or nobody is there to hear it."""
        entries, self._open = self._open, []
        newcomers, self._newcomers = self._newcomers, []
        self._open_by_key.clear()
        if not entries or not len(self):
            return None
        chunk = self.log.append(entries, self._clock.monotonic_s())
        self._delivering = chunk
        in_step = list(self._in_step)
        newcomers = [newcomer for newcomer in newcomers if not self._has_part(newcomer, chunk)]
        return Delivery(self, chunk, in_step, newcomers)

    def deliver(self, delivery: Delivery, *, most: int, most_bytes: int) -> int:
        """Write to the next `most` sessions, or about `most_bytes`; to how many it was. 0: the delivery is over.

        The hot loop of the server.
        """
        if delivery.newcomers:
            return self._deliver_to_newcomers(delivery, most, most_bytes)
        chunk = delivery.chunk
        most = min(most, most_bytes // len(chunk.data) + 1)
        data, number = chunk.data, chunk.number
        size, after, writes = len(data), number + 1, 0
        start = delivery.position
        end = delivery.position = start + most
        for subscriber in delivery.subscribers[start:end]:
            if subscriber.next_number != number:
                continue  # has it already
            try:
                taken = subscriber.send(data)
            except BlockingIOError:
                taken = 0
            except OSError:
                subscriber.end_writing()
                subscriber.next_number = after
                continue
            writes += 1
            if taken == size:
                subscriber.next_number = after
            elif not subscriber.is_behind:
                subscriber.next_number = after
                self._fall_behind(subscriber, memoryview(data)[taken:])
        stats = self._stats
        stats.writes += writes
        stats.bytes_out += writes * size
        stats.frames_out += writes * chunk.frames
        return max(0, min(end, len(delivery.subscribers)) - start)

    def finish(self, delivery: Delivery) -> None:
        """A delivery is over; its chunk is kept when somebody is behind."""
        self._delivering = None
        if self._behind:
            self.log.index(delivery.chunk)
            self.log.trim(self._clock.monotonic_s(), keep_newest=False)
        self._forget_if_nobody_is_behind()

    # -- one session ----------------------------------------------------------------------------------------------

    def take_pending(self, subscriber: Subscriber) -> bytes:
        """What of the events until now is to be written to a session before anything that comes after them. O(open
        tick). For one in step that is all it has not got; one behind has the log before it."""
        pending = b""
        if not subscriber.is_behind and subscriber.next_number < self.log.next_number:
            pending, subscriber.next_number = self.log.run(subscriber.next_number)  # its delivery is on the way
            if subscriber.skip and self._delivering is not None:
                pending = bytes(self._delivering.from_entry(subscriber.skip))
                subscriber.skip = 0
        if not self._open:
            return pending
        pending += b"".join([frame for _, frame in self._open[subscriber.skip :]])
        self._skip_open(subscriber)
        return pending

    def fell_behind(self, subscriber: Subscriber) -> None:
        """A session in step has bytes in hand that its socket did not take."""
        self._in_step.pop(subscriber, None)
        self._behind[subscriber] = None
        self._stats.fell_behind += 1

    def catch_up(self, subscriber: Subscriber) -> None:
        """The socket of somebody behind takes bytes again: write on from where it stopped."""
        for _ in range(MAX_WRITES_A_TURN):
            if self._budget.is_spent:
                return  # the loop calls again, and pings are answered before that
            if subscriber.next_number < self.log.first_number:
                subscriber.outlet.watch_writable(None)  # fell off the log: `slow` reports it
                return
            data: bytes | memoryview | None = subscriber.rest or subscriber.next_private()
            if data is None and subscriber.next_number < self.log.next_number:
                if subscriber.passes_hole():
                    continue
                data, subscriber.next_number = self.log.run(subscriber.next_number, subscriber.next_stop)
            if data is None:
                del self._behind[subscriber]
                self._in_step[subscriber] = None
                self._stats.caught_up += 1
                subscriber.is_in_step_again()
                self._forget_if_nobody_is_behind()
                return
            self._budget.spend(len(data))
            if not subscriber.write_on(data, self._clock.monotonic_s()):
                return

    def slow(self, now_s: float) -> list[Subscriber]:
        """Those whom the log can no longer serve, or whose socket has taken nothing for as long as it goes back."""
        self.log.trim(now_s, keep_newest=self._delivering is not None)
        first = self.log.first_number
        return [
            subscriber
            for subscriber in self._behind
            if subscriber.next_number < first or subscriber.progress_at_s + self._max_age_s <= now_s
        ]

    # -- private --------------------------------------------------------------------------------------------------

    def _fall_behind(self, subscriber: Subscriber, rest: memoryview) -> None:
        subscriber.has_in_hand(rest, self._clock.monotonic_s())
        self.fell_behind(subscriber)

    def _skip_open(self, subscriber: Subscriber) -> None:
        if self._open:
            if not subscriber.skip:
                self._newcomers.append(subscriber)
            subscriber.skip = len(self._open)

    def _has_part(self, subscriber: Subscriber, chunk: Chunk) -> bool:
        """Whether nothing is to be written to a newcomer now: it is over, or behind, and has its part in hand."""
        if subscriber.feed is not self:
            return True
        if not subscriber.is_behind:
            return False
        skipped, subscriber.skip = subscriber.skip, 0
        try:
            subscriber.queue_private(bytes(chunk.from_entry(skipped)), before=chunk.number)
            subscriber.add_hole(chunk.number)
        except Overflow:
            subscriber.next_number = FALLEN_OFF
        return True

    def _deliver_to_newcomers(self, delivery: Delivery, most: int, most_bytes: int) -> int:
        """A session came while the tick was open, or has a part of it: it gets what was published after that."""
        chunk, newcomers = delivery.chunk, delivery.newcomers
        writes = written = 0
        while newcomers and writes < most and written < most_bytes:
            subscriber = newcomers.pop()
            writes += 1
            if subscriber.feed is not self or subscriber.next_number != chunk.number:
                continue
            frames = chunk.from_entry(subscriber.skip)
            self._stats.frames_out += chunk.frames - subscriber.skip
            subscriber.skip = 0
            subscriber.next_number = chunk.number + 1
            if frames:
                written += len(frames)
                rest = subscriber.write_now(frames)
                if rest is not None:
                    self._fall_behind(subscriber, rest)
        self._stats.writes += writes
        self._stats.bytes_out += written
        return writes

    def _forget_if_nobody_is_behind(self) -> None:
        if not self._behind and self._delivering is None:
            self._stats.left_out_of_log += self.log.entries_left_out
            self.log.clear()
