"""One feed: the sessions that hear the same, the tick that is being filled, and the way to each of their sockets.

Cost of a tick: one joining of frames, and one write per session. A session whose socket does not take everything falls
behind: it goes on by itself from its cursor in the log when the socket is writable, and is in step again when it has
caught up. No other session waits for it.

A feed may be paced, for clients that keep so many messages between two looks at their socket and drop the rest: then a
tick has `tick_frames` frames at most, what was published beyond that is in the next ticks, and a session behind gets no
more at a time. A reply to one session goes ahead of what waits for later ticks.

Only one delivery of a feed is under way at a time; `Fanout` sees to that.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from operator import length_hint

from lobby_server.service.fanout.in_step import GAP, InStep
from lobby_server.service.fanout.rests import Rests
from lobby_server.service.fanout.subscriber import Overflow, Subscriber
from lobby_server.service.fanout.ticklog import Chunk, Entry, TickLog, count_frames
from lobby_server.service.pacing import TurnBudget
from lobby_server.service.ports import Clock

FALLEN_OFF = -1
"""A cursor that no log can serve."""
MAX_PACED_BYTES = 48 * 1024
"""In one tick of a paced feed: three quarters of what Godot 3 and 4 keep between two looks at their socket."""
MAX_WRITES_PER_TURN = 8
"""Writes to one session per turn of the loop, while it catches up."""


@dataclass
class FanOutStats:
    """Totals over all feeds."""

    ticks: int = 0
    writes: int = 0
    """Calls of ``send`` for broadcasts to those in step: what a broadcast costs."""
    frames_out: int = 0
    """To sessions behind when they are taken from the log: each frame counts once per session that gets it."""
    bytes_out: int = 0
    fell_behind: int = 0
    caught_up: int = 0
    conflated_in_tick: int = 0
    left_out_of_log: int = 0


class Delivery:
    """A tick on its way: what goes out, and the sessions that get a part of it before all others get the whole."""

    __slots__ = ("chunk", "feed", "newcomers")

    def __init__(self, feed: Feed, chunk: Chunk, newcomers: dict[Subscriber, None]) -> None:
        self.feed = feed
        self.chunk = chunk
        self.newcomers = newcomers


class Feed:
    """All sessions with one profile of features."""

    def __init__(
        self,
        *,
        clock: Clock,
        stats: FanOutStats,
        budget: TurnBudget,
        log_bytes: int,
        log_age_s: float,
        tick_frames: int | None = None,
        tick_s: float = 0.0,
    ) -> None:
        """`budget`: bytes that may be written to sessions behind per turn of the loop, shared by all feeds.
        `tick_frames`: at most so many to one session every `tick_s`; None: not paced."""
        self._clock = clock
        self._stats = stats
        self._budget = budget
        self._max_age_s = log_age_s
        self._tick_frames = tick_frames
        self._rests = None if tick_frames is None else Rests(clock, rest_s=tick_s)
        self.log = TickLog(max_bytes=log_bytes, max_age_s=log_age_s)
        self._in_step = InStep()
        self._behind: dict[Subscriber, None] = {}
        self._newcomers: list[Subscriber] = []
        self._open: list[Entry] = []
        self._open_by_key: dict[Hashable, int] = {}
        self._delivery: Delivery | None = None
        self._has_left_over = False

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
    def next_number(self) -> int:
        """Of the chunk that will come next into the log."""
        return self.log.next_number

    @property
    def has_open_tick(self) -> bool:
        return bool(self._open)

    @property
    def has_full_tick(self) -> bool:
        """Whether waiting brings no more into the next tick: the pace forbids it, or has kept back some of it."""
        return self._tick_frames is not None and (self._has_left_over or len(self._open) >= self._tick_frames)

    # -- who ------------------------------------------------------------------------------------------------------

    def add(self, subscriber: Subscriber) -> None:
        """From the next event on a session hears what is published."""
        subscriber.feed = self
        self._skip_open(subscriber)
        if subscriber.is_behind:
            subscriber.next_number = self.log.next_number
            self._behind[subscriber] = None
        else:
            self._in_step.join(subscriber)

    def remove(self, subscriber: Subscriber) -> None:
        if self._rests is not None:
            self._rests.forget(subscriber)
        self._in_step.leave(subscriber)
        self._behind.pop(subscriber, None)
        if self._delivery is not None:
            self._delivery.newcomers.pop(subscriber, None)
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

    def pass_over_open(self, subscriber: Subscriber) -> None:
        """Let a session hear nothing of what is in the open tick now. It must have got what was in it before."""
        if subscriber.feed is self:
            self._skip_open(subscriber)

    def close_tick(self) -> Delivery | None:
        """What was published since the last tick, or the first of it where the feed is paced, for `deliver`; None:
        nothing was, or no session hears it."""
        if not self._open:
            return None
        entries, newcomers, passed_by = self._take_open()
        if not entries or not len(self):
            return None
        chunk = self.log.append(entries, self._clock.monotonic_s())
        awaited = {newcomer: None for newcomer in newcomers if not self._has_part(newcomer, chunk)}
        self._in_step.begin_walk()
        for newcomer in (*awaited, *passed_by):
            self._in_step.pass_over(newcomer)
        for newcomer in passed_by:
            if newcomer.is_behind and newcomer.feed is self:
                newcomer.add_hole(chunk.number)
        self._delivery = Delivery(self, chunk, awaited)
        return self._delivery

    def deliver(self, delivery: Delivery, *, most: int, most_bytes: int) -> int:
        """Write to the next `most` sessions, or about `most_bytes`; to how many it was. 0: the delivery is over.

        The hot loop of the server.
        """
        if delivery.newcomers:
            return self._deliver_to_newcomers(delivery, most, most_bytes)
        data = delivery.chunk.data
        size = len(data)
        sends, first = self._in_step.walk(min(most, most_bytes // size + 1))
        to_come = iter(sends)
        for send in to_come:
            try:
                taken = send(data)
            except BlockingIOError:
                taken = 0
            except OSError:
                self._mute(self._in_step.at(first + len(sends) - length_hint(to_come) - 1))
                continue
            if taken != size:
                slow = self._in_step.at(first + len(sends) - length_hint(to_come) - 1)
                self._fall_behind(slow, memoryview(data)[taken:])
        writes = len(sends) - sends.count(GAP)
        self._stats.writes += writes
        self._count(writes * delivery.chunk.frames, writes * size)
        return len(sends)

    def finish(self, delivery: Delivery) -> None:
        """A delivery is over; its chunk is kept when a session is behind."""
        self._delivery = None
        self._in_step.end_walk()
        if self._behind:
            self.log.index(delivery.chunk)
            self.log.trim(self._clock.monotonic_s(), keep_newest=False)
        self._forget_if_nobody_is_behind()

    # -- one session ----------------------------------------------------------------------------------------------

    def take_pending(self, subscriber: Subscriber) -> bytes:
        """What of the events until now is to be written to a session before anything that comes after them. O(open
        tick). For one in step that is all it has not got; one behind has the log before it. Where that would be more
        than the pace of the feed allows, what is in the open tick is left to the ticks."""
        if self._delivery is None and not self._open:
            return b""  # nothing was published lately: the answer to nearly every heartbeat
        pending, frames = self._take_awaited(subscriber)
        frames += len(self._open) - subscriber.skip
        if not self._open or (self._tick_frames is not None and frames > self._tick_frames):
            return pending
        news = self._open[subscriber.skip :]
        part = b"".join([frame for _, frame in news])
        self._count(count_frames(news), len(part))
        self._skip_open(subscriber)
        return pending + part

    def fell_behind(self, subscriber: Subscriber) -> None:
        """A session in step has bytes in hand that its socket did not take. What is being delivered comes after them,
        if it has not got it yet."""
        delivery = self._delivery
        subscriber.next_number = self.log.next_number
        if delivery is not None and subscriber in delivery.newcomers:
            del delivery.newcomers[subscriber]
            self._keep_part(subscriber, delivery.chunk)
        elif delivery is not None and self._in_step.is_awaited(subscriber):
            subscriber.next_number = delivery.chunk.number
        self._in_step.leave(subscriber)
        self._behind[subscriber] = None
        self._stats.fell_behind += 1

    def catch_up(self, subscriber: Subscriber) -> None:
        """The socket of a session behind takes bytes again: write on from where it stopped."""
        for _ in range(MAX_WRITES_PER_TURN):
            if self._budget.is_spent:
                return  # the loop calls again, and pings are answered before that
            if self._rests is not None and subscriber.rest is None and self._rests.holds(subscriber):
                return
            if subscriber.next_number < self.log.first_number:
                subscriber.outlet.watch_writable(None)  # fell off the log: `slow` reports it
                return
            data: bytes | memoryview | None = subscriber.rest or subscriber.next_private()
            if data is None and subscriber.next_number < self.log.next_number:
                if subscriber.passes_hole():
                    continue
                run = self.log.run(subscriber.next_number, subscriber.next_stop, most_frames=self._tick_frames)
                data, subscriber.next_number = run.data, run.end
                self._count(run.frames, len(run.data))
            if data is None:
                del self._behind[subscriber]
                subscriber.is_in_step_again()
                self._in_step.join(subscriber)
                self._stats.caught_up += 1
                self._forget_if_nobody_is_behind()
                return
            self._budget.spend(len(data))
            if self._rests is not None:
                self._rests.begin(subscriber)
            if not subscriber.write_on(data, self._clock.monotonic_s()):
                return

    def slow(self, now_s: float) -> list[Subscriber]:
        """Sessions that the log can no longer serve, or whose socket has taken nothing for the log's age."""
        self.log.trim(now_s, keep_newest=self._delivery is not None)
        first = self.log.first_number
        return [
            subscriber
            for subscriber in self._behind
            if subscriber.next_number < first or subscriber.progress_at_s + self._max_age_s <= now_s
        ]

    # -- private --------------------------------------------------------------------------------------------------

    def _take_open(self) -> tuple[list[Entry], list[Subscriber], list[Subscriber]]:
        """The entries of this tick, the sessions that are to get a part of them, and those that are to get nothing of
        them. What is too much for one tick stays open."""
        entries, newcomers = self._open, self._newcomers
        cut = len(entries) if self._tick_frames is None else _first_of(entries, self._tick_frames)
        while cut < len(entries) and not any(frame for _, frame in entries[:cut]):
            cut += 1  # all of them were replaced by later ones, which are still to come
        self._open, self._newcomers = entries[cut:], []
        self._has_left_over = bool(self._open)
        self._open_by_key = {key: place - cut for key, place in self._open_by_key.items() if place >= cut}
        if not self._open:
            return entries, newcomers, []
        with_part, passed_by = [], []
        for newcomer in newcomers:
            if newcomer.skip < cut:
                with_part.append(newcomer)
                continue
            newcomer.skip -= cut
            passed_by.append(newcomer)
            if newcomer.skip:
                self._newcomers.append(newcomer)
        return entries[:cut], with_part, passed_by

    def _take_awaited(self, subscriber: Subscriber) -> tuple[bytes, int]:
        """What the delivery that is under way has still to bring to a session, which gets it in another way now; and
        how many frames that is."""
        delivery = self._delivery
        if delivery is None:
            return b"", 0
        if subscriber in delivery.newcomers:
            del delivery.newcomers[subscriber]
            skipped, subscriber.skip = subscriber.skip, 0
            part, frames = bytes(delivery.chunk.from_entry(skipped)), delivery.chunk.frames_from(skipped)
            self._count(frames, len(part))
            return part, frames
        if self._in_step.is_awaited(subscriber):
            self._in_step.pass_over(subscriber)
            self._count(delivery.chunk.frames, len(delivery.chunk.data))
            return delivery.chunk.data, delivery.chunk.frames
        return b"", 0

    def _fall_behind(self, subscriber: Subscriber, rest: memoryview) -> None:
        subscriber.has_in_hand(rest, self._clock.monotonic_s())
        self.fell_behind(subscriber)

    def _mute(self, subscriber: Subscriber) -> None:
        """Its connection is over; its reader will say so."""
        subscriber.end_writing()
        self._in_step.pass_over(subscriber)

    def _skip_open(self, subscriber: Subscriber) -> None:
        if self._open:
            if not subscriber.skip:
                self._newcomers.append(subscriber)
            subscriber.skip = len(self._open)

    def _has_part(self, subscriber: Subscriber, chunk: Chunk) -> bool:
        """Whether nothing is to be written to a newcomer now: it is over, or behind, and has its part in hand."""
        if subscriber.feed is not self:
            return True
        if subscriber.is_behind:
            self._keep_part(subscriber, chunk)
            return True
        return False

    def _keep_part(self, subscriber: Subscriber, chunk: Chunk) -> None:
        """Let a newcomer's part of a chunk wait for it alone, and let its cursor step over the chunk."""
        skipped, subscriber.skip = subscriber.skip, 0
        part = bytes(chunk.from_entry(skipped))
        try:
            subscriber.queue_private(part, before=chunk.number, published=len(part))
        except Overflow:
            subscriber.next_number = FALLEN_OFF
            return
        subscriber.add_hole(chunk.number)
        subscriber.next_number = min(subscriber.next_number, chunk.number)
        self._count(chunk.frames_from(skipped), len(part))

    def _deliver_to_newcomers(self, delivery: Delivery, most: int, most_bytes: int) -> int:
        """A session came while the tick was open, or has a part of it: it gets what was published after that."""
        chunk, newcomers = delivery.chunk, delivery.newcomers
        writes = written = 0
        while newcomers and writes < most and written < most_bytes:
            subscriber, _ = newcomers.popitem()
            skipped, subscriber.skip = subscriber.skip, 0
            frames = chunk.from_entry(skipped)
            writes += 1
            self._count(chunk.frames_from(skipped), len(frames))
            if frames:
                written += len(frames)
                rest = subscriber.write_now(frames)
                if rest is not None:
                    self._fall_behind(subscriber, rest)
        self._stats.writes += writes
        return writes

    def _count(self, frames: int, size: int) -> None:
        self._stats.frames_out += frames
        self._stats.bytes_out += size

    def _forget_if_nobody_is_behind(self) -> None:
        if not self._behind and self._delivery is None:
            self._stats.left_out_of_log += self.log.entries_left_out
            self.log.clear()


def _first_of(entries: list[Entry], most_frames: int) -> int:
    """How many of the entries are in one tick of a paced feed: one at least."""
    size = 0
    for place, (_, frame) in enumerate(entries[:most_frames]):
        size += len(frame)
        if size > MAX_PACED_BYTES and place:
            return place
    return min(most_frames, len(entries))
