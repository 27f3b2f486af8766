"""Ids that are strings, as other servers have them, become whole numbers: what the ledger and the messages count by.

A string of digits is that number. Any other becomes a number of its own, the same in all processes and runs.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import msgspec

ID_KEYS = frozenset({"user_id", "userId", "peer_id", "peerId", "from_user_id", "to_user_id", "from"})
_OTHER_IDS = 1 << 60
"""Numbers of other strings are from here on, below 2^61: above any id that a server counts."""


def id_number(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 18:
        return int(text)
    return _OTHER_IDS | int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") & (_OTHER_IDS - 1)


def with_numbers(payload: bytes) -> bytes | None:
    """The same message with numbers for ids; None where none of its ids is a string, or it is no JSON."""
    try:
        message = msgspec.json.decode(payload)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    changed, found = _changed(message)
    return msgspec.json.encode(changed) if found else None


def _changed(value: Any) -> tuple[Any, bool]:
    if isinstance(value, list):
        items = [_changed(item) for item in value]
        return [item for item, _ in items], any(found for _, found in items)
    if not isinstance(value, dict):
        return value, False
    found = False
    changed = {}
    for key, item in value.items():
        if key in ID_KEYS and isinstance(item, str):
            changed[key], found = id_number(item), True
        else:
            changed[key], found_below = _changed(item)
            found = found or found_below
    return changed, found
