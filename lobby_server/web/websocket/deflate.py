"""permessage-deflate (RFC 7692): what is agreed on, and messages inflated within bounds.

Both directions always run without context takeover, which a server may ask for in any answer (sections 7.1.1.1 and
7.1.1.2): nothing is kept between messages, and one compressed frame serves all
(`lobby_server.protocol.framing.deflate`).

Not every client does as it is told: Tornado 6.6 does not see parameters without a value, and refers to its earlier
messages all the same. It does see a window size, as all clients do that offer one, so those are given a small window,
and so much of what they said is kept that such references are understood.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from lobby_server.protocol.framing.deflate import WINDOW_BITS

NAME = "permessage-deflate"
_TAIL = b"\x00\x00\xff\xff"
_MAX_WINDOW_BYTES = 1 << 15
CLIENT_WINDOW_BITS = 10
"""1 KiB: the messages of clients are short."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What the answer says, and whether the server compresses what it sends."""

    answer: str
    deflates: bool
    """False: the client's window is smaller than the one that all share, so it is sent plain frames."""
    window_bytes: int
    """What the client may refer to of its earlier messages, against the agreement."""


Parameters = Sequence[tuple[str, str | None]]
Offer = tuple[str, Parameters]
"""An extension's name and its parameters, as they came."""


def agree(offers: Sequence[Offer]) -> Agreement | None:
    """The first offer that can be accepted, in the client's order of preference (section 5.1); None: there is none."""
    for name, parameters in offers:
        if name == NAME and _is_valid(parameters):
            answer = f"{NAME}; server_no_context_takeover; client_no_context_takeover"
            asked = dict(parameters)
            ours, window_bytes = asked.get("server_max_window_bits"), 0
            if ours is not None:
                answer += f"; server_max_window_bits={ours}"
            if "client_max_window_bits" in asked:
                theirs = min(CLIENT_WINDOW_BITS, int(asked["client_max_window_bits"] or CLIENT_WINDOW_BITS))
                answer += f"; client_max_window_bits={theirs}"
                window_bytes = 1 << theirs
            return _agreement(answer, ours is None or int(ours) >= WINDOW_BITS, window_bytes)
    return None


@cache
def _agreement(answer: str, deflates: bool, window_bytes: int) -> Agreement:
    """One object for all connections that agreed on the same: there are 36 things to agree on."""
    return Agreement(answer, deflates, window_bytes)


def _is_valid(parameters: Parameters) -> bool:
    """Section 7.1: an offer with a parameter that is unknown, doubled, or of a wrong value, is declined."""
    if len(dict(parameters)) < len(parameters):
        return False
    for name, value in parameters:
        if name in ("server_no_context_takeover", "client_no_context_takeover"):
            if value is not None:
                return False
        elif name == "server_max_window_bits":
            if value not in _WINDOWS:
                return False
        elif name == "client_max_window_bits":
            if value is not None and value not in _WINDOWS:
                return False
        else:
            return False
    return True


_WINDOWS = frozenset(str(bits) for bits in range(8, 16))


class Inflater:
    """One message, inflated as it comes."""

    __slots__ = ("_stream", "window")

    def __init__(self, window: bytes) -> None:
        """`window`: what came before, as far as it may be referred to."""
        self._stream = zlib.decompressobj(-zlib.MAX_WBITS, zdict=window)
        self.window = window
        """The last of what was inflated. Behind a block that was marked as the last (section 7.2.3.4) the next one may
        refer to it, too."""

    def take(self, packed: bytes, *, most: int, is_end: bool) -> bytes:
        """What these bytes become, at most `most` of it: as much means that there may be more, and the message is to be
        given up. Raises `zlib.error`."""
        packed += _TAIL if is_end else b""
        inflated = b""
        while packed and len(inflated) < most:
            part = self._stream.decompress(packed, most - len(inflated))
            inflated += part
            self.window = (self.window + part)[-_MAX_WINDOW_BYTES:]
            if not self._stream.eof:
                break
            packed = self._stream.unused_data
            self._stream = zlib.decompressobj(-zlib.MAX_WBITS, zdict=self.window)
        return inflated
