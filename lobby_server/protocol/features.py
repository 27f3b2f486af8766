"""Additions to the base protocol that a client asks for by name in its handshake. Source: the contract, section 5."""

from __future__ import annotations

from enum import Enum


class Feature(str, Enum):
    """The names that this version knows; others are ignored."""

    REV = "rev"
    ROOMS_DELTA = "rooms_delta"
    PRESENCE_BATCH = "presence_batch"
    PRESENCE_FRIENDS = "presence_friends"
    PLAYER_COUNT = "player_count"
    ROOM_STATE = "room_state"
    FRIEND_ROOMS = "friend_rooms"
    OWN_CHANGES = "own_changes"
    DRAIN = "drain"
    ACK = "ack"
    REFRESH = "refresh"


def known_features(asked: object) -> frozenset[Feature] | None:
    """Those that are known of what a handshake asks for; None: it asks for nothing, and gets the base protocol."""
    if not isinstance(asked, list) or not asked:
        return None
    names = {feature.value: feature for feature in Feature}
    return frozenset(names[name] for name in asked if isinstance(name, str) and name in names)
