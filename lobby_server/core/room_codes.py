"""Short codes of rooms: what players say aloud or send to each other. A code is made of the room's id, so it needs no
place to be kept; nobody can guess it who does not know the id.
"""

from __future__ import annotations

import hashlib

ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""32 characters, without those that are taken for others: 2^30 codes."""
_PAIRS = [first + second for second in ALPHABET for first in ALPHABET]
"""Every room that is made or gone asks for its code, on every node: two characters at a time."""
_TEN_BITS = 0x3FF


def code_of(room_id: str) -> str:
    """The code of a room. Two rooms have the same one once in a thousand million pairs."""
    number = int.from_bytes(hashlib.sha256(room_id.encode()).digest()[:4], "big")
    return _PAIRS[number & _TEN_BITS] + _PAIRS[number >> 10 & _TEN_BITS] + _PAIRS[number >> 20 & _TEN_BITS]


def normalized_code(typed: str) -> str:
    """A code as it was meant: in any case, with spaces and hyphens."""
    return typed.replace(" ", "").replace("-", "").upper()
