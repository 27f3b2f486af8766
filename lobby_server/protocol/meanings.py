"""What error reasons, close codes and features mean, in sentences for the authors of clients. Every one has its entry,
which a test compares. Source: the contract, sections 2, 5 and 6.
"""

from __future__ import annotations

from types import MappingProxyType

from lobby_server.protocol.codes import CloseCode, ErrorReason
from lobby_server.protocol.features import Feature

ERRORS = MappingProxyType(
    {
        ErrorReason.BAD_JSON: "The frame is not JSON in UTF-8, or not an object with a string type and an object data.",
        ErrorReason.UNKNOWN_TYPE: "No message has this type, or it belongs to a feature that was not asked for.",
        ErrorReason.INVALID_HANDSHAKE: "The handshake lacks version or name, or it is the second one.",
        ErrorReason.INVALID_TOKEN: "The token does not verify, has expired or was signed out.",
        ErrorReason.AUTHENTICATION_REQUIRED: "A handshake with a token comes first.",
        ErrorReason.RATE_LIMITED: "Too many messages; this one was not looked at.",
        ErrorReason.NO_ROOM_FOUND: "The caller hosts no room; POST /api/rooms makes one.",
        ErrorReason.ROOM_NOT_FOUND: "There is no such room (any more).",
        ErrorReason.ROOM_FULL: "The room has as many members as it may have.",
        ErrorReason.VERSION_MISMATCH: "The room is of another version of the game.",
        ErrorReason.NOT_IN_ROOM: "The caller is in no room.",
        ErrorReason.NOT_HOST: "Only the host of the room may do that.",
        ErrorReason.INVALID_TARGET: "That cannot be done with this user, or there is no such member.",
        ErrorReason.INVALID_JOIN_ROOM: "join_room lacks roomId, version or name.",
        ErrorReason.ALREADY_IN_ROOM: "The caller is in a room, and asked to enter this one only if in none.",
        ErrorReason.ALREADY_STARTED: "The game in the room has started; only those who were in it may come back.",
        ErrorReason.BANNED: "A user who was kicked out of a room cannot come back.",
        ErrorReason.INVITATION_REQUIRED: "The room is private; a member has to invite the caller.",
        ErrorReason.INVALID_CHAT_MESSAGE: "chat_message lacks its channel, or a text with something in it.",
        ErrorReason.INVALID_CHANNEL: "Channels are lobby, party and user:<id>.",
        ErrorReason.USER_NOT_FOUND: "There is no such user.",
        ErrorReason.NOT_IN_PARTY: "The caller is in no party.",
        ErrorReason.BLOCKED_BY_YOU: "The caller has blocked that user; DELETE /api/blocks/{user_id} lifts it.",
        ErrorReason.TRY_AGAIN_LATER: "The server cannot do that at the moment; nothing was done.",
        ErrorReason.USER_BANNED: "refresh: an administrator has banned the user.",
    }
)

CLOSE_CODES = MappingProxyType(
    {
        CloseCode.NORMAL: "The connection was ended on purpose.",
        CloseCode.GOING_AWAY: "The server restarts; said to clients that asked for no feature.",
        CloseCode.PROTOCOL_ERROR: "What came is not WebSocket (RFC 6455).",
        CloseCode.INVALID_TEXT: "A text is not UTF-8, or a compressed message cannot be inflated.",
        CloseCode.MESSAGE_TOO_BIG: "A message was larger than the limit.",
        CloseCode.INTERNAL_ERROR: "A fault of the server; it is in its log.",
        CloseCode.SERVICE_RESTART: "The server restarts; said to clients that asked for a feature.",
        CloseCode.HANDSHAKE_TIMEOUT: "No handshake was accepted in time.",
        CloseCode.SLOW_CONSUMER: "The client does not read what it is sent.",
        CloseCode.RATE_LIMITED: "The client kept sending over the limit.",
        CloseCode.HEARTBEAT_TIMEOUT: "Nothing came from the client for too long.",
        CloseCode.PROTOCOL_ABUSE: "Too many messages were malformed, or too many handshakes were refused.",
        CloseCode.SIGNED_OUT: "The token was signed out, or has expired; or an administrator has kicked the user.",
        CloseCode.BANNED: "An administrator has banned the user; the close frame says until when and why.",
    }
)

FEATURES = MappingProxyType(
    {
        Feature.REV: "rooms_changed carries the list's revision and a window over which to spread the fetch.",
        Feature.ROOMS_DELTA: "rooms_snapshot and rooms_delta in place of rooms_changed; nothing is fetched.",
        Feature.PRESENCE_BATCH: "presence_changed, one per tick, in place of user_online and user_offline.",
        Feature.PRESENCE_FRIENDS: "user_online and user_offline of friends only, and player_count.",
        Feature.PLAYER_COUNT: "player_count when the number of users online changed, at most every 2 s.",
        Feature.ROOM_STATE: "room_state with every change of the user's own room, and room_started.",
        Feature.FRIEND_ROOMS: "friend_room when a friend enters or leaves a public room.",
        Feature.OWN_CHANGES: "What the user blocks, unblocks, reads and hides on another device, at once.",
        Feature.DRAIN: "server_draining, with a time to reconnect of the client's own, before the close.",
        Feature.ACK: "Some events carry ack in their data, which the client answers at once with ack.",
        Feature.REFRESH: "token_expiring before the token ends; refresh takes a fresh one over the open socket.",
    }
)
