"""The fan-out: how an event reaches everybody whom it concerns, and the only place where it does.

An event is encoded once a profile, joined with the others of its tick, and leaves in one write a session. After a quiet
spell the tick is over in the same turn of the loop, so that a lone event waits for nothing; while ticks follow one
another they are `tick_s` apart, or further when one takes long to write, so that the fan-out never has more than about
a third of the loop. Deliveries are cut into slices, between which pings are answered and newcomers taken in.

    publish ──▶ feed of each profile: open tick ──▶ log ──▶ delivery, slice by slice ──▶ sockets
                                                     └─────▶ those behind, from their cursor
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator

from lobby_server.core.presence import User
from lobby_server.protocol import messages
from lobby_server.protocol.messages import ServerMessage, encode_frame
from lobby_server.service.fanout.acks import Acks
from lobby_server.service.fanout.feed import Delivery, FanOutStats, Feed
from lobby_server.service.fanout.presence_batch import PresenceBatch
from lobby_server.service.fanout.profile import PresenceMode, Profile, RoomsMode
from lobby_server.service.fanout.subscriber import Overflow, Subscriber
from lobby_server.service.pacing import Paced, TurnBudget
from lobby_server.service.ports import Clock, Timer
from lobby_server.service.rooms.announcements import RoomsAnnouncer
from lobby_server.service.watch.metrics import Metrics

SLICE_WRITES = 512
"""Writes in one turn of the loop: about 4 ms on the machine of ``reports/``."""
TURN_BYTES = 64 << 20
"""Bytes in one turn of the loop, in a delivery and to those behind: about 50 ms of copying there. Without the bound a
storm of 10,000 let pings wait for 3 s."""
REST = 2.0
"""Pause after a tick, in times of what it took: the fan-out has a third of a loop that has more to do than it can. At 1
a herd of 10,000 that came back was told of in more ticks and was fresh later, 4.1 s against 3.7 s.
"""
SLOW_CHECK_S = 1.0
MAX_STRETCH = 4.0
"""How far the interval between announcements may grow for a herd of fetches: by default to one second."""
PLAYER_COUNT_INTERVAL_S = 2.0
ROOMS_KEY, PLAYERS_KEY = "rooms", "players"
"""Keys of the log; a user's presence has the user's id."""


class Member(Subscriber):
    """A subscriber that belongs to a user and has a profile: what a session is to the hub."""

    __slots__ = ("profile", "user")

    user: User
    profile: Profile


class Hub:
    """The accepted sessions, by profile and by user."""

    def __init__(
        self,
        *,
        clock: Clock,
        metrics: Metrics,
        rooms: RoomsAnnouncer,
        count_players: Callable[[], int],
        tick_s: float,
        rooms_interval_s: float,
        log_bytes: int,
        log_age_s: float,
        acks: Acks | None = None,
    ) -> None:
        """`count_players`: how many users are online, for those who ask for it. `acks`: asks some clients whether they
        have what they were told."""
        self.stats = FanOutStats()
        self.acks = acks
        self._clock = clock
        self._metrics = metrics
        self._rooms = rooms
        self._tick_s = tick_s
        self._log_bytes = log_bytes
        self._log_age_s = log_age_s
        self._count_players = count_players
        self._rooms_changed = Paced(
            clock,
            # With many clients an announcement brings a herd of fetches; the next one waits until they are answered.
            interval_s=lambda: max(rooms_interval_s, min(self._herd_s(), rooms_interval_s * MAX_STRETCH)),
            act=self._announce_rooms,
        )
        self._player_count = Paced(clock, interval_s=lambda: PLAYER_COUNT_INTERVAL_S, act=self._tell_player_count)
        self._budget = TurnBudget(clock, amount=TURN_BYTES)
        self._feeds: dict[Profile, Feed] = {}
        self._batches: dict[Feed, PresenceBatch] = {}
        self._by_user: dict[int, list[Member]] = {}
        self._lobby_ears: dict[Member, None] = {}
        self._sessions = 0
        self._deliveries: list[Delivery] = []
        self._timer: Timer | None = None
        self._slow_timer: Timer | None = None
        self._tick_began_s = 0.0
        self._next_tick_s = 0.0
        self._is_silent = False

    def __len__(self) -> int:
        return self._sessions

    @property
    def behind(self) -> int:
        """Sessions that are behind now."""
        return sum(feed.behind for feed in self._feeds.values())

    @property
    def logged_bytes(self) -> int:
        """What the logs hold now, for those behind."""
        return sum(feed.log.bytes for feed in self._feeds.values())

    # -- who ------------------------------------------------------------------------------------------------------

    def add(self, member: Member) -> None:
        """From now on a session hears what is published."""
        feed = self._feed(member.profile)
        feed.add(member)
        if feed in self._batches:
            self._batches[feed].newcomer()
        self._by_user.setdefault(member.user.id, []).append(member)
        self._sessions += 1

    def remove(self, member: Member) -> None:
        """A session hears nothing more. A second time does nothing."""
        if member.feed is None:
            return
        member.feed.remove(member)
        self._lobby_ears.pop(member, None)
        members = self._by_user[member.user.id]
        members.remove(member)
        if not members:
            del self._by_user[member.user.id]
        self._sessions -= 1

    def of_user(self, user_id: int) -> Iterator[Member]:
        """The sessions of one user: tabs, devices."""
        return iter(self._by_user.get(user_id, ()))

    # -- what everybody hears -------------------------------------------------------------------------------------

    def user_online(self, user: User) -> None:
        self._presence(user, is_online=True)

    def user_offline(self, user: User) -> None:
        self._presence(user, is_online=False)

    def rooms_changed(self) -> None:
        """The room list is another now: announced at once after a quiet spell, conflated in a burst."""
        if not self._is_silent:
            self._rooms_changed.wish()
            self._metrics.events_conflated[messages.RoomsChanged.TYPE] = self._rooms_changed.joined

    def _announce_rooms(self) -> None:
        """Tell each profile in its way."""
        frames: dict[RoomsMode, bytes] = {}
        for profile, feed in self._feeds.items():
            if not len(feed) or (profile.rooms is RoomsMode.DELTA and not self._rooms.has_news):
                continue
            frame = frames.get(profile.rooms)
            if frame is None:
                frame = frames[profile.rooms] = self._rooms.frame(profile.rooms, self._sessions)
            is_state = profile.rooms is not RoomsMode.DELTA  # a delta builds on the one before it
            self._publish(profile, feed, frame, ROOMS_KEY if is_state else None, conflate=is_state)
        self._rooms.announced()
        self._metrics.events_published[messages.RoomsChanged.TYPE] += 1
        self._schedule()

    # -- what some hear -------------------------------------------------------------------------------------------

    def hear_lobby(self, member: Member) -> None:
        """From now on a session on the base protocol hears what the lobby says; who asked for features does anyway."""
        if not member.profile.hears_lobby and member.feed is not None:
            self._lobby_ears[member] = None

    def tell_lobby(self, message: ServerMessage) -> None:
        """Say something to all who take part in the lobby's chat."""
        self._tell_feeds(message, lambda profile: profile.hears_lobby)
        if self._lobby_ears and not self._is_silent:
            frame = encode_frame(message)
            for member in tuple(self._lobby_ears):
                self.tell(member, frame)

    def tell_everybody(self, message: ServerMessage) -> None:
        """Say something to all sessions."""
        self._tell_feeds(message, lambda profile: True)

    def tell_users(self, user_ids: Iterable[int], message: ServerMessage) -> None:
        """Say something to all sessions of some users, and to nobody else."""
        if self._is_silent:
            return
        frame = encode_frame(message)
        self._metrics.events_published[message.TYPE] += 1
        for user_id in user_ids:
            for member in tuple(self._by_user.get(user_id, ())):
                self.tell(member, self._marked(frame, member.profile, clients=1))

    def tell(self, subscriber: Subscriber, frames: bytes, *, in_order: bool = True) -> None:
        """Write frames to one session alone, at once if its socket takes them.

        `in_order`: after everything that was published until now, which goes along in the same write; otherwise
        they may overtake the tick, and whatever waits for a socket that is full.
        """
        self._metrics.frames_out += 1
        self._metrics.bytes_out += len(frames)
        feed, before = subscriber.feed, 0
        if in_order and feed is not None:
            frames = feed.take_pending(subscriber) + frames
            before = feed.log.next_number
        if subscriber.is_behind:
            try:
                if in_order:
                    subscriber.queue_private(frames, before)
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

        In a storm everybody is behind for seconds, with all of its events in front of a pong; the client would take
        the server for dead.
        """
        self.tell(subscriber, frames, in_order=not subscriber.is_behind)

    def snapshot(self, member: Member) -> None:
        """Send the room list as the deltas have told it so far: what `rooms_delta` clients start from."""
        self.tell(member, self._rooms.snapshot_frame())

    # -- end ------------------------------------------------------------------------------------------------------

    def fall_silent(self) -> None:
        """Publish nothing any more: the server is going away, and so is everybody."""
        self._is_silent = True
        for timer in (self._timer, self._slow_timer):
            if timer is not None:
                timer.cancel()
        self._deliveries.clear()
        self._rooms_changed.cancel()
        self._player_count.cancel()

    # -- private --------------------------------------------------------------------------------------------------

    def _feed(self, profile: Profile) -> Feed:
        feed = self._feeds.get(profile)
        if feed is None:
            feed = self._feeds[profile] = Feed(
                clock=self._clock,
                stats=self.stats,
                budget=self._budget,
                log_bytes=self._log_bytes,
                log_age_s=self._log_age_s,
            )
            if profile.presence is PresenceMode.BATCH:
                self._batches[feed] = PresenceBatch()
        return feed

    def _presence(self, user: User, *, is_online: bool) -> None:
        kind = messages.UserOnline if is_online else messages.UserOffline
        frame = encode_frame(kind(user_id=user.id, username=user.username))
        for profile, feed in self._feeds.items():
            if profile.presence is PresenceMode.SINGLE:
                self._publish(profile, feed, frame, user.id)
            elif profile.presence is PresenceMode.BATCH:
                self._batches[feed].note(user, is_online=is_online)
            if profile.hears_count:
                self._player_count.wish()
        self._metrics.events_published[kind.TYPE] += 1
        self._schedule()

    def _publish(
        self, profile: Profile, feed: Feed, frame: bytes, key: Hashable | None, *, conflate: bool = False
    ) -> None:
        feed.publish(self._marked(frame, profile, clients=len(feed)), key, conflate=conflate)

    def _marked(self, frame: bytes, profile: Profile, *, clients: int) -> bytes:
        if self.acks is None or profile.ack_group is None:
            return frame
        return self.acks.marked(frame, profile, clients=clients)

    def _tell_feeds(self, message: ServerMessage, wanted: Callable[[Profile], bool]) -> None:
        if self._is_silent:
            return
        frame = encode_frame(message)
        for profile, feed in self._feeds.items():
            if wanted(profile):
                self._publish(profile, feed, frame, None)
        self._metrics.events_published[message.TYPE] += 1
        self._schedule()

    def _herd_s(self) -> float:
        """How long the server takes to answer a fetch of everybody who is told to fetch."""
        fetching = sum(len(feed) for profile, feed in self._feeds.items() if profile.rooms is not RoomsMode.DELTA)
        return self._rooms.herd_s(fetching)

    def _tell_player_count(self) -> None:
        frame = encode_frame(messages.PlayerCount(online=self._count_players()))
        for profile, feed in self._feeds.items():
            if profile.hears_count:
                self._publish(profile, feed, frame, PLAYERS_KEY, conflate=True)
        self._schedule()

    def _schedule(self) -> None:
        """A tick will come: in this turn of the loop after a quiet spell, else when the last one is long enough ago."""
        if self._timer is not None or self._deliveries or self._is_silent:
            return
        wait_s = max(0.0, self._next_tick_s - self._clock.monotonic_s())
        self._timer = self._clock.call_later(wait_s, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._tick_began_s = self._clock.monotonic_s()
        for profile, feed in self._feeds.items():
            batch = self._batches.get(feed)
            if batch is not None and (frame := batch.take_frame()) is not None:
                self._publish(profile, feed, frame, None)
        self._deliveries = [delivery for feed in self._feeds.values() if (delivery := feed.close_tick()) is not None]
        self.stats.ticks += bool(self._deliveries)
        self._slice()

    def _slice(self) -> None:
        """Write for one turn of the loop."""
        self._timer = None
        writes = SLICE_WRITES
        while self._deliveries and writes > 0:
            delivery = self._deliveries[0]
            done = delivery.feed.deliver(delivery, most=writes, most_bytes=TURN_BYTES)
            if done:
                writes = 0 if done * len(delivery.chunk.data) >= TURN_BYTES else writes - done
            else:
                delivery.feed.finish(delivery)
                self._deliveries.pop(0)
        if self._deliveries:
            self._timer = self._clock.call_later(0.0, self._slice)
            return
        now_s = self._clock.monotonic_s()
        self._next_tick_s = max(self._tick_began_s + self._tick_s, now_s + REST * (now_s - self._tick_began_s))
        self._watch_slow()
        if any(feed.has_open_tick for feed in self._feeds.values()) or any(self._batches.values()):
            self._schedule()

    def _watch_slow(self) -> None:
        if self._slow_timer is None and not self._is_silent:
            self._slow_timer = self._clock.call_later(SLOW_CHECK_S, self._check_slow)

    def _check_slow(self) -> None:
        self._slow_timer = None
        now_s = self._clock.monotonic_s()
        for feed in list(self._feeds.values()):
            for subscriber in feed.slow(now_s):
                subscriber.is_slow()
        if self.behind:
            self._watch_slow()
