"""What all are told of presence, as one stream: a read of it is a place and a length, whatever bytes it ends at.

Where thousands come at once, each player is told of all the others: megabytes, which the kernel hands over in pieces
that end somewhere within a message, for each player somewhere else. So no two reads are equal
(`loadtest.wire.messages.chunks`), but what they say is the same from frame to frame. The tape holds these frames as
some player had them first. The next player's read is found on it by its first frame and compared with what follows
there, in one go up to the first difference, which mostly is that nobody is told of themselves.

On it are single presence events only, and nothing that asks for an answer.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from dataclasses import dataclass

from loadtest.wire.messages.memo import Memo

MOST_BYTES = 2 * 1024 * 1024
"""Of frames; what is kept with them is about three times as much. Past it the tape starts anew."""
LEAST_BYTES = 4096
"""Of a read that is looked for here. A smaller one is likely to be all that there was, and the same for all."""
LEAST_FRAMES = 8
"""Known ones in a row that the tape does not repeat at its end. Whoever came before the first reader has some in front
that the tape does not know, and all the rest in one stretch."""

_FIN_TEXT, _LARGE = 0x81, 126


class Reel:
    """What the tape says until it starts anew, by the numbers of its frames."""

    __slots__ = ("events",)

    def __init__(self) -> None:
        self.events = array("q")
        """User id × 2, plus 1 for online. It grows at its end, and nothing of it changes."""


@dataclass(frozen=True, slots=True)
class Stretches:
    """Events of one read, in their order."""

    reel: Reel
    numbers: list[tuple[int, int]]
    """Of their frames, from the first to before the last, stretch by stretch."""

    def to_bytes(self) -> bytes:
        """As `loadtest.wire.messages.chunks.Chunk.presence`. O(events)."""
        return b"".join([self.reel.events[first:last].tobytes() for first, last in self.numbers])


@dataclass(frozen=True, slots=True)
class Run:
    """Events that a read begins with."""

    end: int
    """Where in the read the first byte is that is not of them."""
    presence: Stretches
    online: int
    online_payload: int
    """Number of those that came, and bytes of the payloads."""
    offline: int
    offline_payload: int


class Tape:
    """Of one process. `read` costs a look into a dictionary and a comparison of bytes for each stretch that is known,
    and as much as a message by itself for each frame that is not."""

    __slots__ = ("_begins", "_bytes", "_events", "_memo", "_online", "_online_payload", "_payload", "_places", "_reel")

    def __init__(self, memo: Memo) -> None:
        self._memo = memo
        self._start()

    def __len__(self) -> int:
        """Frames on it."""
        return len(self._events)

    def _start(self) -> None:
        self._bytes = bytearray()
        self._begins = array("q", [0])
        """Of each frame, and the end of the last one."""
        self._reel = Reel()
        self._events = self._reel.events
        self._payload = array("q", [0])
        """Bytes of the payloads of all frames before."""
        self._online, self._online_payload = array("q", [0]), array("q", [0])
        """The same of those that came: number, and bytes."""
        self._places: dict[bytes, int] = {}
        """The number of each frame; of one that was told again, of the last time."""

    def read(self, data: bytes) -> Run | None:
        """The events that `data` begins with, which itself begins with a frame; None where it begins with none."""
        if len(self._bytes) > MOST_BYTES:
            self._start()
        stretches, position = self._stretches(data)
        if not stretches:
            return None
        online = online_payload = frames = size = 0
        for first, last in stretches:
            frames += last - first
            size += self._payload[last] - self._payload[first]
            online += self._online[last] - self._online[first]
            online_payload += self._online_payload[last] - self._online_payload[first]
        presence = Stretches(self._reel, stretches)
        return Run(position, presence, online, online_payload, frames - online, size - online_payload)

    def _stretches(self, data: bytes) -> tuple[list[tuple[int, int]], int]:
        """Numbers of frames, from the first to before the last, and where in `data` they end."""
        found: list[tuple[int, int]] = []
        position, end, at_end = 0, len(data), False
        while size := _size_of_frame(data, position, end):
            frame = data[position : position + size]
            first, last = self._places.get(frame), 0
            if first is not None:
                last = self._matches_until(data, position, end, first)
                if at_end and last - first < LEAST_FRAMES:
                    first = None  # at its end the tape goes on with it: told again, it would be a stretch of its own
            if first is None:
                first = self._learn(frame)
                if first is None:
                    break
                last = first + 1
            position += self._begins[last] - self._begins[first]
            at_end = last == len(self._events)
            if found and found[-1][1] == first:
                found[-1] = found[-1][0], last
            else:
                found.append((first, last))
        return found, position

    def _matches_until(self, data: bytes, position: int, end: int, first: int) -> int:
        """The number of the first frame, after `first`, that `data` does not have there whole."""
        begins, tape = self._begins, self._bytes
        begin = begins[first]
        room = min(len(tape) - begin, end - position)
        last = bisect_right(begins, begin + room, first) - 1
        if _is_there(tape, begin, data, position, begins[last] - begin):
            return last
        same, other = first + 1, last  # the first frame is the same; the last one is not, or one before it
        while other - same > 1:
            middle = (same + other) // 2
            if _is_there(tape, begins[same], data, position + begins[same] - begin, begins[middle] - begins[same]):
                same = middle
            else:
                other = middle
        return same

    def _learn(self, frame: bytes) -> int | None:
        """Its number; None for what does not belong here."""
        payload = frame[_head_of(frame) :]
        heard = self._memo.get(payload)
        if heard.user_id is None or heard.ack_id is not None:
            return None
        try:
            self._events.append(heard.user_id * 2 + heard.is_online)
        except OverflowError:  # an id beyond 8 bytes
            return None
        number = self._places[frame] = len(self._events) - 1
        self._bytes += frame
        self._begins.append(len(self._bytes))
        self._payload.append(self._payload[-1] + len(payload))
        self._online.append(self._online[-1] + heard.is_online)
        self._online_payload.append(self._online_payload[-1] + (len(payload) if heard.is_online else 0))
        return number


def _is_there(tape: bytearray, begin: int, data: bytes, position: int, size: int) -> bool:
    return tape.startswith(memoryview(data)[position : position + size], begin)


def _size_of_frame(data: bytes, position: int, end: int) -> int:
    """Of a whole text frame that is not masked and short enough for an event; 0: it is another one, or cut."""
    if end - position < 2 or data[position] != _FIN_TEXT:
        return 0
    length, head = data[position + 1], 2
    if length == _LARGE:
        if end - position < 4:
            return 0
        length, head = int.from_bytes(data[position + 2 : position + 4], "big"), 4
    elif length > _LARGE:  # 8 bytes of length, or masked
        return 0
    size = head + length
    return size if size <= end - position else 0


def _head_of(frame: bytes) -> int:
    return 4 if frame[1] == _LARGE else 2
