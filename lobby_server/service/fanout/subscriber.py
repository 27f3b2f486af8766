"""One live session as the fan-out sees it: its socket, its cursor in the shared log, and what is for it alone.

Invariant: what goes to the socket is a sequence of whole frames, at most the last of them begun. `rest` is what of the
bytes in hand the socket has not taken yet; nothing else is written before it, because while there is a rest, or
anything else that waits, `send` is `blocked`.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple, Protocol

from lobby_server.service.fanout.profile import Profile
from lobby_server.service.ports import Outlet, Send

MAX_PRIVATE_BYTES = 256 * 1024
"""What may wait for one session alone: replies and room events of a client that does not read."""

NEXT = -1
"""In place of a chunk's number: as soon as the bytes in hand are written."""


class Overflow(Exception):
    """More waits for one session than it is worth: a slow consumer."""


class Private(NamedTuple):
    """Frames for one session alone."""

    before: int
    """The number of the chunk that they come before; `NEXT`."""
    frames: bytes
    published: int
    """So many of the bytes, the first ones, are of the feed: its events before the rest."""


class OwnFeed(Protocol):
    """A subscriber's feed, as far as it and the fan-out ask for it by the subscriber."""

    @property
    def next_number(self) -> int:
        """Of the chunk that will come next into the log."""

    def take_pending(self, subscriber: Subscriber) -> bytes:
        """What of the events until now goes before anything that comes after them."""

    def fell_behind(self, subscriber: Subscriber) -> None:
        """Its socket did not take all."""

    def catch_up(self, subscriber: Subscriber) -> None:
        """Its socket takes bytes again."""

    def remove(self, subscriber: Subscriber) -> None: ...


def blocked(data: bytes | memoryview) -> int:
    """The `send` of a subscriber with bytes in hand: takes nothing."""
    return 0


class Subscriber:
    """Base of a session. `profile` says which feed is its own."""

    __slots__ = (
        "feed",
        "holes",
        "next_number",
        "outlet",
        "private",
        "private_bytes",
        "profile",
        "progress_at_s",
        "rest",
        "send",
        "skip",
        "slot",
    )

    def __init__(self, outlet: Outlet, profile: Profile) -> None:
        self.outlet = outlet
        self.profile = profile
        self.send: Send = outlet.send
        self.feed: OwnFeed | None = None
        self.slot = -1
        """While in step: where it stands among those (`lobby_server.service.fanout.in_step`)."""
        self.next_number = 0
        """Cursor, while behind: the chunk of the feed's log that comes next."""
        self.skip = 0
        """Entries of the open tick, its first ones, that this session is not to get, or has."""
        self.rest: memoryview | None = None
        self.holes: deque[int] | None = None
        """Chunks of the log that this session, behind, does not get from there: its part of them is private."""
        self.private: deque[Private] | None = None
        """What waits for this session alone."""
        self.private_bytes = 0
        self.progress_at_s = 0.0
        """When the socket last took something, while behind."""

    @property
    def is_behind(self) -> bool:
        """Whether something waits for the socket."""
        return self.send is blocked

    # -- writing --------------------------------------------------------------------------------------------------

    def write_now(self, data: bytes | memoryview) -> memoryview | None:
        """Write to a socket that has nothing in hand; what it did not take, None when it took all or is over."""
        try:
            taken = self.send(data)
        except BlockingIOError:
            taken = 0
        except OSError:
            self.end_writing()
            return None
        return None if taken == len(data) else memoryview(data)[taken:]

    def write_on(self, data: bytes | memoryview, now_s: float) -> bool:
        """Write to a socket that is said to be writable; False when it did not take all, or is over."""
        try:
            taken = self.outlet.send(data)
        except BlockingIOError:
            taken = 0
        except OSError:
            self.end_writing()
            return False
        if taken:
            self.progress_at_s = now_s
        self.rest = None if taken == len(data) else memoryview(data)[taken:]
        return self.rest is None

    def write_ahead(self, frames: bytes, now_s: float) -> None:
        """Write frames to a session behind before all that waits but the bytes in hand, which may be half a frame. If
        the socket takes nothing they are the next to go. Raises `Overflow`."""
        data: bytes | memoryview | None = self.rest or self.next_private()
        while data is not None and self.write_on(data, now_s):
            data = self.next_private()
        if data is None and self.is_behind:
            self.write_on(frames, now_s)
        elif self.is_behind:
            self.queue_private(frames, NEXT)

    def has_in_hand(self, rest: memoryview, now_s: float) -> None:
        """The socket is full: `rest` comes before anything else, once it is writable."""
        self.rest = rest
        self.send = blocked
        self.progress_at_s = now_s
        self.outlet.watch_writable(self.on_writable)

    def on_writable(self) -> None:
        """The socket takes bytes again."""
        if self.feed is not None:
            self.feed.catch_up(self)
            return
        while (data := self.rest or self.next_private()) is not None:
            if not self.write_on(data, self.progress_at_s):
                return
        self.is_in_step_again()

    def is_in_step_again(self) -> None:
        """Nothing waits any more."""
        self.send = self.outlet.send
        self.outlet.watch_writable(None)

    def end_writing(self) -> None:
        """The connection is over, or about to be: take everything and do nothing with it. The reader of the
        socket learns of its end and tells the lobby."""
        if self.is_behind:
            self.outlet.watch_writable(None)
        self.send = len
        self.rest = self.private = None
        self.private_bytes = 0

    def unsent(self) -> bytes:
        """The bytes in hand, and what waits for this session alone: what precedes a close frame. What waits in the log
        stays there, so what was published after that is left out: nobody hears an event without those before it."""
        pieces = [bytes(self.rest or b"")]
        reached = self.next_number
        for hole in self.holes or ():
            reached += hole == reached
        for before, frames, published in self.private or ():
            pieces.append(frames if before <= reached else frames[published:])
        return b"".join(pieces)

    def is_slow(self) -> None:
        """The fan-out can no longer serve this session. It is to be closed."""
        raise NotImplementedError

    # -- what is for this session alone ---------------------------------------------------------------------------

    def queue_private(self, frames: bytes, before: int, *, published: int = 0) -> None:
        """Let frames wait, at the latest until chunk `before` would be written; `NEXT`: ahead of all that waits here,
        but behind others that are next. The first `published` bytes are of the feed. Raises `Overflow`."""
        if self.private_bytes + len(frames) > MAX_PRIVATE_BYTES:
            raise Overflow
        if self.private is None:
            self.private = deque()
        place = len(self.private)
        if before == NEXT:
            place = sum(1 for waiting in self.private if waiting.before == NEXT)
        self.private.insert(place, Private(before, frames, published))
        self.private_bytes += len(frames)

    def next_private(self) -> bytes | None:
        """The private frames that come before the next chunk, joined; None: there are none."""
        if not self.private:
            return None
        due = []
        while self.private and self.private[0].before <= self.next_number:
            due.append(self.private.popleft().frames)
        if not due:
            return None
        frames = b"".join(due)
        self.private_bytes -= len(frames)
        return frames

    def add_hole(self, number: int) -> None:
        if self.holes is None:
            self.holes = deque()
        self.holes.append(number)

    @property
    def next_stop(self) -> int | None:
        """The chunk before which something else comes; None: the log can be read to its end."""
        stops = []
        if self.holes:
            stops.append(self.holes[0])
        if self.private:
            stops.append(self.private[0].before)
        return min(stops, default=None)

    def passes_hole(self) -> bool:
        """Step over the next chunk if it is a hole."""
        if self.holes is None or self.holes[0] != self.next_number:
            return False
        self.next_number += 1
        self.holes.popleft()
        if not self.holes:
            self.holes = None
        return True
