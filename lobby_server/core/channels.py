"""Channels of chat: the lobby, a user's party, or a conversation with one other user.

A channel has two names. What readers call it (``lobby``, ``party``, ``user:<id>``) depends on who reads: ``user:7`` is
user 7 as the other user sees them. The store's key is the same for all who are in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lobby_server.core.refusal import Refusal, RefusalCode

LOBBY, PARTY = "lobby", "party"
_DIRECT = re.compile(r"user:(0|[1-9][0-9]{0,15})")


@dataclass(frozen=True)
class Channel:
    """A channel as a user named it. `other_id`: the other user of a direct one; None: it is not direct."""

    name: str
    other_id: int | None = None


def read_channel(name: str, *, reader_id: int) -> Channel:
    """Raises `Refusal`: ``invalid_channel``, and ``invalid_target`` for a conversation with oneself."""
    if name in (LOBBY, PARTY):
        return Channel(name)
    direct = _DIRECT.fullmatch(name)
    if direct is None:
        raise Refusal(RefusalCode.INVALID_CHANNEL)
    other_id = int(direct[1])
    if other_id == reader_id:
        raise Refusal(RefusalCode.INVALID_TARGET)
    return Channel(name, other_id)


def direct_name(other_id: int) -> str:
    """What a reader calls their conversation with that user."""
    return f"user:{other_id}"


def direct_key(one_id: int, other_id: int) -> str:
    """What the store calls the conversation of two users."""
    return f"user:{min(one_id, other_id)}:{max(one_id, other_id)}"


def party_key(party_id: str) -> str:
    return f"party:{party_id}"
