"""Reads of a stream of presence, cut anywhere, are on the tape what they are frame by frame."""

from __future__ import annotations

import random
from array import array

import pytest

from loadtest.wire.messages import tape as tape_module
from loadtest.wire.messages.frames import FrameParser
from loadtest.wire.messages.memo import Memo
from loadtest.wire.messages.tape import Tape
from lobby_server.protocol.framing.frames import server_frame
from lobby_server.protocol.messages import RoomsChanged, UserOffline, UserOnline, encode_frame

LONG = "n" * 120
"""A name with which an event's frame has a longer head."""


def event(user_id: int, *, is_online: bool = True, name: str = "ada") -> bytes:
    told = UserOnline if is_online else UserOffline
    return encode_frame(told(user_id=user_id, username=name))


def frame_by_frame(data: bytes) -> tuple[list[int], dict[bool, tuple[int, int]], int]:
    """Events that `data` begins with, their number and bytes by kind, and where they end."""
    memo, events, sizes, end = Memo(), [], {True: (0, 0), False: (0, 0)}, 0
    for _, payload in FrameParser().feed(data):
        heard = memo.get(payload)
        if heard.user_id is None or heard.ack_id is not None:
            break
        events.append(heard.user_id * 2 + heard.is_online)
        number, size = sizes[heard.is_online]
        sizes[heard.is_online] = number + 1, size + len(payload)
        end += len(payload) + (2 if len(payload) < 126 else 4)
    return events, sizes, end


def check(tape: Tape, data: bytes) -> int:
    """Returns where the events of `data` end."""
    events, sizes, end = frame_by_frame(data)
    run = tape.read(data)
    if run is None:
        assert events == []
        return 0
    assert list(array("q", run.presence.to_bytes())) == events
    assert (run.online, run.online_payload) == sizes[True]
    assert (run.offline, run.offline_payload) == sizes[False]
    assert run.end == end
    return end


def test_reads_of_many_players_cut_anywhere_say_what_the_frames_say() -> None:
    """Nobody is told of themselves, some come later, and now and then there is something else in between."""
    chance = random.Random(7)
    frames = [
        event(chance.randrange(400), is_online=chance.random() < 0.7, name=chance.choice(["b", "ada", LONG]))
        if chance.random() > 0.01
        else encode_frame(RoomsChanged())
        for _ in range(1500)
    ]
    tape = Tape(Memo())
    for player in range(60):
        own = event(player)
        stream = b"".join(frame for frame in frames[chance.randrange(300) :] if frame != own)
        rest = b""
        while stream or rest:
            size = chance.choice([1, 7, 60, 900, 9000])
            rest, stream = rest + stream[:size], stream[size:]
            rest = rest[check(tape, rest) :]
            while skipped := FrameParser().feed(rest)[:1]:  # not of the tape
                if check(tape, rest):
                    break
                rest = rest[len(skipped[0][1]) + 2 :]
            if not stream and not FrameParser().feed(rest):
                break
    assert len(tape) < 4 * len(frames)


def test_what_others_had_is_not_decoded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    memo = Memo()
    tape = Tape(memo)
    stream = [event(user_id) for user_id in range(100)]
    tape.read(b"".join(stream))
    monkeypatch.setattr(Memo, "get", None)
    assert check_events(tape, stream[3:60] + stream[61:]) == [2 * n + 1 for n in (*range(3, 60), *range(61, 100))]


def check_events(tape: Tape, frames: list[bytes]) -> list[int]:
    run = tape.read(b"".join(frames))
    assert run is not None
    return list(array("q", run.presence.to_bytes()))


def test_whoever_came_before_the_first_reader_adds_what_is_in_front_and_no_more() -> None:
    tape, frames = Tape(Memo()), [event(user_id) for user_id in range(1000)]
    check_events(tape, frames[500:])
    run = tape.read(b"".join(frames))
    assert run is not None
    assert run.presence.numbers == [(500, 1000), (0, 500)]
    assert len(tape) == 1000


def test_those_who_are_read_for_from_the_last_to_the_first_repeat_little_of_what_is_known() -> None:
    tape, frames = Tape(Memo()), [event(user_id) for user_id in range(500)]
    stretches = 0
    for first in range(400, -1, -1):
        run = tape.read(b"".join(frames[first:]))
        assert run is not None
        stretches += len(run.presence.numbers)
    assert len(tape) < 10 * len(frames)
    assert stretches < 401 * 60


def test_what_several_are_told_is_the_same_stretch_of_the_same_reel() -> None:
    tape = Tape(Memo())
    data = b"".join(event(user_id) for user_id in range(50))
    tape.read(data)
    first, second = tape.read(data), tape.read(data + event(7)[:5])
    assert first is not None
    assert second is not None
    assert first.presence.reel is second.presence.reel
    assert first.presence.numbers == second.presence.numbers == [(0, 50)]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        event(1)[:-1],
        encode_frame(RoomsChanged()) + event(1),
        server_frame(b"{", 1),
        server_frame(b'{"type":"user_online","data":{"user_id":1,"username":"a","ack":3}}', 1),
        event(2**64),
        bytes([0x81, 0x80 | 5]) + bytes(9),
        bytes([0x01, 2]) + b"{}",
        bytes([0x81, 127]) + bytes(8),
        bytes([0x81, 126, 0]),
    ],
    ids=["nothing", "cut", "something else", "no json", "asks for an answer", "large id", "masked", "fragment",
         "longer", "cut in its head"],
)  # fmt: skip
def test_what_does_not_begin_with_an_event_is_not_taken(data: bytes) -> None:
    tape = Tape(Memo())
    assert tape.read(data) is None
    assert len(tape) == 0


def test_tape_is_bounded_and_starts_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tape_module, "MOST_BYTES", 10_000)
    tape, most = Tape(Memo()), 0
    for begin in range(0, 5000, 50):
        check(tape, b"".join(event(user_id) for user_id in range(begin, begin + 50)))
        most = max(most, len(tape))
    assert 50 < most < 500
