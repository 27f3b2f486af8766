"""The fan-out: how bytes reach many sockets, and the only place where they do. What is said to whom is decided
elsewhere: by `lobby_server.service.announcer.Announcer`.

A frame is published once per profile, joined with the others of its tick, and leaves in one write per session. After a
quiet spell the tick ends in the same turn of the loop, so that a lone event waits for nothing; while ticks follow one
another they are `tick_s` apart, or further when writing takes long, so that the fan-out never has more than about a
third of a loop that others need, and a sixth while many come, up to ticks of 1 s and of 0.4 s. While a herd comes a
tick waits for it to be in. Deliveries are cut into slices, between which pings are answered and newcomers accepted.

    publish ──▶ feed of the profile: open tick ──▶ log ──▶ delivery, slice by slice ──▶ sockets
                                                    └─────▶ sessions behind, from their cursor
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Protocol

from lobby_server.protocol.framing.deflate import deflated
from lobby_server.service.fanout.acks import Acks
from lobby_server.service.fanout.arrivals import Arrivals
from lobby_server.service.fanout.feed import Delivery, FanOutStats, Feed
from lobby_server.service.fanout.profile import BASE_PROFILE, DEFLATED_BASE_PROFILE, Profile
from lobby_server.service.fanout.quiet_loop import QuietLoop
from lobby_server.service.fanout.subscriber import Overflow, Subscriber
from lobby_server.service.pacing import TurnBudget
from lobby_server.service.ports import Clock, Timer
from lobby_server.service.watch.metrics import Metrics

SLICE_WRITES = 512
"""Writes per turn of the loop: about 4 ms on the machine of ``reports/``."""
TURN_BYTES = 64 << 20
"""Bytes per turn of the loop, in a delivery and to sessions behind: about 50 ms of copying there. Without the bound a
storm of 10,000 logins let pings wait for 3 s."""
REST = 2.0
"""Pause after a tick, in multiples of what the tick took: the fan-out has a third of an overloaded loop. At 1 a herd of
10,000 that reconnected was told in more ticks and was fresh later, 4.1 s against 3.7 s.
"""
STORM_REST = 5.0
"""The same while many come: each of them waits to be let in, and is told of the others in fewer writes."""
STORM_SHARE = 0.02
"""Of all subscribers, who have come since the tick before: then many come."""
LONGEST_REST_S = 2.0
"""However long a tick took."""
HERD_WAIT_S = 1.5
"""How long one tick waits at most for a herd to be in. 10,000 who come at once to one core are, in 1.2 s."""
HERD_LOOK_S = 0.02
"""Between two looks whether it is in."""
SLOW_CHECK_S = 1.0


class TickSource(Protocol):
    """Something that has one message at most for each tick of a feed, made when the tick closes."""

    def __len__(self) -> int:
        """How much waits for the next tick."""

    def take_frames(self) -> list[bytes]:
        """The frames of this tick, one for each part of the message; none: nothing waits."""


class Fanout:
    """The subscribers by profile, and the ticks in which they are written to."""

    def __init__(
        self,
        *,
        clock: Clock,
        metrics: Metrics,
        tick_s: float,
        log_bytes: int,
        log_age_s: float,
        base_tick_frames: int | None = None,
        acks: Acks | None = None,
        slice_writes: int = SLICE_WRITES,
        turn_bytes: int = TURN_BYTES,
    ) -> None:
        """`log_bytes`, `log_age_s`: bounds of each feed's log. `base_tick_frames`: most frames in one tick to a session
        without features; None: no bound. `acks`: asks some clients to acknowledge events. `slice_writes`, `turn_bytes`:
        most writes and bytes per turn of the loop."""
        self.stats = FanOutStats()
        self.acks = acks
        self._clock = clock
        self._metrics = metrics
        self._tick_s = tick_s
        self._log_bytes = log_bytes
        self._log_age_s = log_age_s
        self._base_tick_frames = base_tick_frames
        self._slice_writes = slice_writes
        self._turn_bytes = turn_bytes
        self._budget = TurnBudget(clock, amount=turn_bytes)
        self._feeds: dict[Profile, Feed] = {}
        self._sources: dict[Profile, TickSource] = {}
        self._subscribers = 0
        self._arrivals = Arrivals(clock)
        self._newcomers = 0
        """Those who have come since the last tick began."""
        self._rest = REST
        self._deliveries: list[Delivery] = []
        self._timer: Timer | None = None
        self._slow_timer: Timer | None = None
        self._due_s: float | None = None
        """Since when a tick waits for a herd."""
        self._has_waited = False
        """As long as it might for the herd that comes: the ticks after that wait no more."""
        self._tick_began_s = 0.0
        self._next_tick_s = 0.0
        self._newcomers_before = 0
        """Those of them who had come before the loop was last waited for."""
        self._quiet = QuietLoop(clock, span_s=tick_s, act=self._loop_is_quiet)
        self._plain = self._deflated = b""
        """The last frames that were compressed, before and after."""
        self.is_silent = False

    def __len__(self) -> int:
        """Subscribers."""
        return self._subscribers

    @property
    def behind(self) -> int:
        """Subscribers that are behind now."""
        return sum(feed.behind for feed in self._feeds.values())

    @property
    def logged_bytes(self) -> int:
        """What the logs hold now, for subscribers behind."""
        return sum(feed.log.bytes for feed in self._feeds.values())

    @property
    def is_idle(self) -> bool:
        """Whether nothing that was published waits to be written to those in step."""
        return self._timer is None and not self._deliveries

    # -- subscribers ----------------------------------------------------------------------------------------------

    def add(self, subscriber: Subscriber) -> None:
        """From now on a subscriber hears what is published for its profile."""
        self._feed(subscriber.profile).add(subscriber)
        self._subscribers += 1
        self._newcomers += 1
        self._arrivals.note()

    def remove(self, subscriber: Subscriber) -> None:
        """A subscriber hears nothing more. A second call does nothing."""
        if subscriber.feed is None:
            return
        subscriber.feed.remove(subscriber)
        self._subscribers -= 1

    # -- to many --------------------------------------------------------------------------------------------------

    def profiles(self) -> Iterator[tuple[Profile, int]]:
        """Every profile that was ever subscribed with, and its subscribers now. O(profiles)."""
        return ((profile, len(feed)) for profile, feed in self._feeds.items())

    def publish(
        self,
        profile: Profile,
        frame: bytes,
        *,
        key: Hashable | None = None,
        conflate: bool = False,
        but: Sequence[Subscriber] = (),
    ) -> None:
        """Put a frame into the open tick of a profile. `key`: in the log a later frame of that key replaces it;
        `conflate`: within the tick too. `but`: subscribers of the profile who do not hear it. O(1), and one write for
        each of those."""
        if self.is_silent:
            return
        feed = self._feed(profile)
        for subscriber in but:
            self.tell(subscriber, b"", count=0)  # all that was published before goes out to it now
        hearers = len(feed) - len(but)
        frame = self.marked(frame, profile, clients=hearers)
        feed.publish(self._encoded(frame, profile) if hearers else frame, key, conflate=conflate)
        for subscriber in but:
            feed.pass_over_open(subscriber)
        self.schedule()

    def marked(self, frame: bytes, profile: Profile, *, clients: int) -> bytes:
        """The frame, with an id in it when `clients` of the profile are asked to acknowledge it."""
        if self.acks is None or profile.ack_group is None:
            return frame
        return self.acks.marked(frame, profile, clients=clients)

    def draw_from(self, source: TickSource, profile: Profile) -> None:
        """Let a source add its frame to each tick of a profile. Whenever it has something new, `schedule`."""
        self._sources[profile] = source

    def schedule(self) -> None:
        """A tick will come: in this turn of the loop after a quiet spell, else when the last one is long enough ago."""
        if self._timer is not None or self._deliveries or self.is_silent:
            return
        wait_s = max(0.0, self._next_tick_s - self._clock.monotonic_s())
        self._timer = self._clock.call_later(wait_s, self._tick_when_a_herd_is_in)

    # -- to one ---------------------------------------------------------------------------------------------------

    def tell(self, subscriber: Subscriber, frames: bytes, *, in_order: bool = True, count: int = 1) -> None:
        """Write frames to one subscriber alone, `count` of them, at once if its socket takes them.

        `in_order`: after everything that was published until now, which goes along in the same write; otherwise
        they may overtake the tick, and whatever waits for a socket that is full.
        """
        frames = self._encoded(frames, subscriber.profile)
        self._metrics.frames_out += count
        self._metrics.bytes_out += len(frames)
        feed, before, pending = subscriber.feed, 0, b""
        if in_order and feed is not None:
            pending = feed.take_pending(subscriber)
            frames = pending + frames
            before = feed.next_number
        if subscriber.is_behind:
            try:
                if in_order:
                    subscriber.queue_private(frames, before, published=len(pending))
                else:
                    subscriber.write_ahead(frames, self._clock.monotonic_s())
            except Overflow:
                subscriber.is_slow()
            return
        rest = subscriber.write_now(frames)
        if rest is not None:
            subscriber.has_in_hand(rest, self._clock.monotonic_s())
            if feed is not None:
                feed.fell_behind(subscriber)
            self._watch_slow()

    def answer(self, subscriber: Subscriber, frames: bytes) -> None:
        """Answer a heartbeat: in order for a session that keeps up, ahead of what waits for one that does not.

        In a storm every session is behind for seconds, with all of its events ahead of a pong; the client would take
        the server for dead.
        """
        self.tell(subscriber, frames, in_order=not subscriber.is_behind)

    # -- end ------------------------------------------------------------------------------------------------------

    def fall_silent(self) -> None:
        """Publish nothing any more: the server and all its sessions are about to end."""
        self.is_silent = True
        for timer in (self._timer, self._slow_timer, self._quiet):
            if timer is not None:
                timer.cancel()
        self._deliveries.clear()

    # -- private --------------------------------------------------------------------------------------------------

    def _encoded(self, frames: bytes, profile: Profile) -> bytes:
        """The frames as the sockets of a profile get them. What goes to several, one after another, is compressed
        once."""
        if not profile.deflates:
            return frames
        if frames is not self._plain:
            self._plain, self._deflated = frames, deflated(frames)
        return self._deflated

    def _feed(self, profile: Profile) -> Feed:
        feed = self._feeds.get(profile)
        if feed is None:
            feed = self._feeds[profile] = Feed(
                clock=self._clock,
                stats=self.stats,
                budget=self._budget,
                log_bytes=self._log_bytes,
                log_age_s=self._log_age_s,
                tick_frames=self._base_tick_frames if profile in (BASE_PROFILE, DEFLATED_BASE_PROFILE) else None,
                tick_s=self._tick_s,
            )
        return feed

    def _tick_when_a_herd_is_in(self) -> None:
        now_s = self._clock.monotonic_s()
        if self._due_s is None:
            self._due_s = now_s
        comes = self._arrivals.are_a_herd(among=self._subscribers)
        if comes and not self._has_waited and now_s < self._due_s + HERD_WAIT_S:
            self._timer = self._clock.call_later(HERD_LOOK_S, self._tick_when_a_herd_is_in)
        else:
            self._has_waited = comes
            self._tick()

    def _tick(self) -> None:
        self._timer = self._due_s = None
        self._quiet.cancel()
        self._tick_began_s = self._clock.monotonic_s()
        self._rest = STORM_REST if self._newcomers > STORM_SHARE * self._subscribers else REST
        self._newcomers = 0
        for profile, source in self._sources.items():
            for frame in source.take_frames():
                feed = self._feed(profile)
                frame = self.marked(frame, profile, clients=len(feed))
                feed.publish(self._encoded(frame, profile) if len(feed) else frame, None, conflate=False)
        self._deliveries = [delivery for feed in self._feeds.values() if (delivery := feed.close_tick()) is not None]
        self.stats.ticks += bool(self._deliveries)
        self._slice()

    def _slice(self) -> None:
        """Write for one turn of the loop."""
        self._timer = None
        writes = self._slice_writes
        while self._deliveries and writes > 0:
            delivery = self._deliveries[0]
            done = delivery.feed.deliver(delivery, most=writes, most_bytes=self._turn_bytes)
            if done:
                writes = 0 if done * len(delivery.chunk.data) >= self._turn_bytes else writes - done
            else:
                delivery.feed.finish(delivery)
                self._deliveries.pop(0)
        if self._deliveries:
            self._timer = self._clock.call_later(0.0, self._slice)
            return
        now_s = self._clock.monotonic_s()
        rest_s = min(self._rest * (now_s - self._tick_began_s), LONGEST_REST_S)
        self._next_tick_s = max(self._tick_began_s + self._tick_s, now_s + rest_s)
        self._watch_slow()
        if any(feed.has_open_tick for feed in self._feeds.values()) or any(self._sources.values()):
            self.schedule()
            if self._base_tick_frames is not None and self._next_tick_s > now_s + self._tick_s:
                self._wait_for_quiet()

    def _wait_for_quiet(self) -> None:
        self._newcomers_before = self._newcomers
        self._quiet.wait()

    def _loop_is_quiet(self) -> None:
        """Nobody needs the rest, which is to leave the loop to others and to let more come into the tick: of a tick
        that is full nothing is gained by it."""
        if self._timer is None or self._deliveries:
            return
        many_come = self._newcomers > max(self._newcomers_before, STORM_SHARE * self._subscribers)
        if many_come or self.behind or not any(feed.has_full_tick for feed in self._feeds.values()):
            self._wait_for_quiet()
            return
        self._timer.cancel()
        self._tick()

    def _watch_slow(self) -> None:
        if self._slow_timer is None and not self.is_silent:
            self._slow_timer = self._clock.call_later(SLOW_CHECK_S, self._check_slow)

    def _check_slow(self) -> None:
        self._slow_timer = None
        now_s = self._clock.monotonic_s()
        for feed in list(self._feeds.values()):
            for subscriber in feed.slow(now_s):
                subscriber.is_slow()
        if self.behind:
            self._watch_slow()
