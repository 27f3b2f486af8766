"""Refusals as the socket says them: the ``reason`` of the ``error`` that a message is answered with."""

from __future__ import annotations

from lobby_server.core.refusal import RefusalCode
from lobby_server.protocol.codes import ErrorReason

ERROR_REASONS: dict[RefusalCode, ErrorReason] = {
    RefusalCode.INVALID_TOKEN: ErrorReason.INVALID_TOKEN,
    RefusalCode.USER_BANNED: ErrorReason.USER_BANNED,
    RefusalCode.NO_ROOM_FOUND: ErrorReason.NO_ROOM_FOUND,
    RefusalCode.ROOM_NOT_FOUND: ErrorReason.ROOM_NOT_FOUND,
    RefusalCode.ROOM_FULL: ErrorReason.ROOM_FULL,
    RefusalCode.VERSION_MISMATCH: ErrorReason.VERSION_MISMATCH,
    RefusalCode.ALREADY_IN_ROOM: ErrorReason.ALREADY_IN_ROOM,
    RefusalCode.ALREADY_STARTED: ErrorReason.ALREADY_STARTED,
    RefusalCode.BANNED: ErrorReason.BANNED,
    RefusalCode.INVITATION_REQUIRED: ErrorReason.INVITATION_REQUIRED,
    RefusalCode.NOT_IN_ROOM: ErrorReason.NOT_IN_ROOM,
    RefusalCode.NOT_HOST: ErrorReason.NOT_HOST,
    RefusalCode.USER_NOT_FOUND: ErrorReason.USER_NOT_FOUND,
    RefusalCode.INVALID_TARGET: ErrorReason.INVALID_TARGET,
    RefusalCode.BLOCKED_BY_YOU: ErrorReason.BLOCKED_BY_YOU,
    RefusalCode.NOT_IN_PARTY: ErrorReason.NOT_IN_PARTY,
    RefusalCode.INVALID_CHANNEL: ErrorReason.INVALID_CHANNEL,
    RefusalCode.INVALID_CHAT_MESSAGE: ErrorReason.INVALID_CHAT_MESSAGE,
    RefusalCode.RATE_LIMITED: ErrorReason.RATE_LIMITED,
    RefusalCode.TRY_AGAIN_LATER: ErrorReason.TRY_AGAIN_LATER,
}
"""Every code that answers a message; the others answer HTTP calls only."""
