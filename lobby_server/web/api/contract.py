"""The socket's contract, made of what the server runs on: the messages with their JSON Schemas, error reasons, close
codes with advice, features, and the limits and timers that are in force here.
"""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any

import msgspec

from lobby_server.core import blocks, friends, invitations
from lobby_server.protocol import meanings
from lobby_server.protocol.codes import CloseCode, ErrorReason, may_reconnect
from lobby_server.protocol.features import Feature
from lobby_server.protocol.message import Message, ServerMessage
from lobby_server.protocol.messages import (
    CLIENT_MESSAGES,
    EVENTS,
    MAX_CHAT_CHARACTERS,
    SERVER_MESSAGES,
    RoomsChangedRev,
)
from lobby_server.protocol.parts import MAX_MESSAGE_BYTES
from lobby_server.protocol.resources import MAX_ROOM_PLAYERS, MIN_ROOM_PLAYERS
from lobby_server.protocol.social_resources import PAGE_ITEMS
from lobby_server.service import announcer, session
from lobby_server.service.fanout import acks
from lobby_server.service.session import Rules
from lobby_server.settings import Settings

SOCKET_PATHS = ("/", "/ws")
_REF = "#/schemas/{name}"
_ENDS = frozenset({CloseCode.NORMAL})
_AT_ONCE_IS_FINE = frozenset({CloseCode.GOING_AWAY, CloseCode.SERVICE_RESTART})
_SERVER_MESSAGES: tuple[type[ServerMessage], ...] = (*EVENTS.values(), RoomsChangedRev)


def contract(settings: Settings, rules: Rules) -> dict[str, Any]:
    """The body of ``GET /api/protocol``."""
    schema_of, components = _schemas()
    return {
        "transport": {
            "paths": [settings.path_prefix + path for path in SOCKET_PATHS],
            "frame": 'one JSON text frame per message: {"type": <string>, "data": <object>}',
            "compression": settings.compression,
        },
        "client_messages": [
            {**_described(message, schema_of), "error": message.INVALID.value} for message in CLIENT_MESSAGES.values()
        ],
        "server_messages": [
            {**_described(message, schema_of), "base": message.TYPE in SERVER_MESSAGES and not message.FEATURES}
            for message in _SERVER_MESSAGES
        ],
        "schemas": components,
        "errors": [{"reason": reason.value, "meaning": meanings.ERRORS[reason]} for reason in ErrorReason],
        "close_codes": [
            {
                "code": int(code),
                "name": code.name.lower(),
                "meaning": meanings.CLOSE_CODES[code],
                "reconnect": may_reconnect(code) and code not in _ENDS,
                "advice": _advice(code),
            }
            for code in CloseCode
        ],
        "features": [{"name": feature.value, "effect": meanings.FEATURES[feature]} for feature in Feature],
        "limits": {
            "message_bytes": settings.max_message_bytes,
            "connections": settings.max_connections,
            "messages_per_s": settings.command_rate_per_s,
            "handshake_tries": session.MAX_HANDSHAKE_TRIES,
            "outbound_message_bytes": MAX_MESSAGE_BYTES,
            "base_frames_per_20_ms": settings.base_frames_per_20_ms,
            "room_chat_characters": MAX_CHAT_CHARACTERS,
            "chat_characters": settings.chat_max_characters,
            "chat_lines_per_min": settings.chat_rate_per_min,
            "social_calls_per_min": settings.social_rate_per_min,
            "registrations_and_logins_per_min": settings.auth_rate_per_min,
            "room_players": [MIN_ROOM_PLAYERS, MAX_ROOM_PLAYERS],
            "party_members": settings.party_max_members,
            "friends": friends.MAX_FRIENDS,
            "open_friend_requests": friends.MAX_OPEN_REQUESTS,
            "room_invitations": invitations.MAX_STANDING,
            "blocks": blocks.MAX_BLOCKS,
            "page_items": PAGE_ITEMS,
        },
        "timers": {
            "handshake_timeout_s": settings.handshake_timeout_s,
            "heartbeat_s": rules.heartbeat_s,
            "heartbeat_timeout_s": settings.heartbeat_timeout_s,
            "presence_grace_s": settings.presence_grace_s,
            "token_ttl_s": settings.token_ttl_s,
            "token_warning_s": session.TOKEN_WARNING_S,
            "token_grace_s": session.TOKEN_GRACE_S,
            "empty_room_ttl_s": settings.empty_room_ttl_s,
            "party_invite_ttl_s": settings.party_invite_ttl_s,
            "party_offline_ttl_s": settings.party_offline_ttl_s,
            "chat_retention_s": settings.chat_retention_s,
            "notification_retention_s": settings.notification_retention_s,
            "rooms_notify_interval_ms": settings.rooms_notify_interval_ms,
            "player_count_interval_s": announcer.PLAYER_COUNT_INTERVAL_S,
            "tick_ms": settings.tick_ms,
            "ack_patience_s": acks.PATIENCE_S,
            "drain_s": settings.drain_s,
        },
    }


@cache
def _schemas() -> tuple[dict[type[Message], dict[str, Any]], dict[str, Any]]:
    """Of each message, and of what they refer to. The same for all servers of a process, and not to be changed."""
    messages: list[type[Message]] = [*CLIENT_MESSAGES.values(), *_SERVER_MESSAGES]
    schemas, components = msgspec.json.schema_components(messages, ref_template=_REF)
    return dict(zip(messages, schemas, strict=True)), components


def _described(message: type[Message], schema_of: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    return {
        "type": message.TYPE,
        "description": _first_paragraph(message),
        "features": sorted(feature.value for feature in message.FEATURES),
        "data": schema_of[message],
    }


def _first_paragraph(message: type[Message]) -> str:
    """What a message says of itself."""
    return " ".join(inspect.cleandoc(message.__dict__["__doc__"]).split("\n\n")[0].split()).replace("``", "`")


def _advice(code: CloseCode) -> str:
    if code in _ENDS:
        return "Nothing to do."
    if not may_reconnect(code):
        return "Do not come back unchanged: with another token, or a mended client."
    if code in _AT_ONCE_IS_FINE:
        return "Come back after reconnect_after_ms where server_draining said it, else after a drawn delay."
    return "Come back after a drawn delay that grows with each try."
