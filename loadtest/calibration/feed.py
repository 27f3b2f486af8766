"""Makes the events of a calibration, in a process of its own: users log in and out, which is announced to everybody.

``python -m loadtest.calibration.feed WS_URL TOKEN_FILE``; each line on standard input is one errand, answered with a
line when it is done: ``single RATE SECONDS`` announces one after the other, ``burst RATE SECONDS COUNT`` many at once.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

from loadtest.client.counters import Counters
from loadtest.client.sockets.link import Link
from loadtest.client.timing import Timing
from lobby_server.protocol import messages

TIMEOUT_S = 10.0


def main() -> None:
    url, tokens = sys.argv[1], Path(sys.argv[2]).read_text(encoding="utf-8").split()
    ring = cycle(tokens)
    print("ready", flush=True)
    for line in sys.stdin:
        kind, rate_per_s, for_s, *count = line.split()
        if kind == "single":
            _singles(url, ring, float(rate_per_s), float(for_s))
        else:
            _bursts(url, ring, float(rate_per_s), float(for_s), min(int(count[0]), len(tokens)))
        print("done", flush=True)


def _singles(url: str, ring: Iterator[str], rate_per_s: float, for_s: float) -> None:
    """Every second event is a login, the ones between are the same users leaving again."""
    for beat in _beats(rate_per_s / 2, for_s):
        link = _open(url)
        _log_in(link, next(ring))
        time.sleep(max(0.0, beat + 1 / rate_per_s - time.monotonic()))
        _leave(link)


def _bursts(url: str, ring: Iterator[str], rate_per_s: float, for_s: float, count: int) -> None:
    """All log in at once, and half the time later all leave at once."""
    for beat in _beats(rate_per_s / 2, for_s):
        links = [_open(url) for _ in range(count)]
        for link in links:
            _ask(link, next(ring))
        for link in links:
            _await_acceptance(link)
        time.sleep(max(0.0, beat + 1 / rate_per_s - time.monotonic()))
        for link in links:
            _leave(link)


def _beats(rate_per_s: float, for_s: float) -> Iterator[float]:
    """The times of a grid, each when it has come; those that were missed are left out."""
    begin_s = beat_s = time.monotonic()
    while beat_s < begin_s + for_s:
        time.sleep(max(0.0, beat_s - time.monotonic()))
        yield beat_s
        beat_s = max(beat_s + 1 / rate_per_s, time.monotonic())


def _open(url: str) -> Link:
    link = Link(Counters())
    link.open(url, Timing())
    return link


def _log_in(link: Link, token: str) -> None:
    _ask(link, token)
    _await_acceptance(link)


def _ask(link: Link, token: str) -> None:
    link.send(messages.Handshake(version="13020", name="feed", token=token))


def _await_acceptance(link: Link) -> None:
    while not isinstance(link.receive(TIMEOUT_S), messages.HandshakeAccepted):
        pass


def _leave(link: Link) -> None:
    link.say_goodbye()
    link.close()


if __name__ == "__main__":
    main()
