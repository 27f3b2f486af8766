"""What the rules refuse, as HTTP says it: the status of each code, and a sentence for people."""

from __future__ import annotations

from lobby_server.protocol.codes import ApiCode

REFUSALS: dict[ApiCode, tuple[int, str]] = {
    ApiCode.USER_NOT_FOUND: (404, "There is nobody of that name or id here."),
    ApiCode.INVALID_TARGET: (400, "That cannot be done with this user."),
    ApiCode.LIMIT_REACHED: (409, "That would be more than one user may have."),
    ApiCode.BLOCKED_BY_YOU: (409, "You have blocked this user; lift that first."),
    ApiCode.NOT_BLOCKED: (404, "You have not blocked this user."),
    ApiCode.ALREADY_FRIENDS: (409, "You are friends already."),
    ApiCode.NOT_FRIENDS: (404, "You are not friends."),
    ApiCode.REQUEST_NOT_FOUND: (404, "There is no such friend request (any more)."),
    ApiCode.PARTY_NOT_FOUND: (404, "There is no such party (any more)."),
    ApiCode.ALREADY_IN_PARTY: (409, "That user is in a party already."),
    ApiCode.NOT_IN_PARTY: (403, "You are not in that party."),
    ApiCode.NOT_LEADER: (403, "Only the leader of the party can do that."),
    ApiCode.NOT_INVITED: (403, "You are not invited, or the invitation is over."),
    ApiCode.PARTY_FULL: (409, "The party is full."),
    ApiCode.MEMBER_OFFLINE: (409, "Somebody of the party is offline; nobody has entered."),
    ApiCode.ROOM_NOT_FOUND: (404, "There is no such room (any more)."),
    ApiCode.NOT_IN_ROOM: (403, "You are not in that room."),
    ApiCode.ALREADY_IN_ROOM: (409, "That user is in the room already."),
    ApiCode.ROOM_FULL: (409, "The room has not enough space; nobody has entered."),
    ApiCode.VERSION_MISMATCH: (409, "The room is of another version of the game; nobody has entered."),
    ApiCode.BANNED: (403, "Somebody who was put out of the room cannot come back."),
    ApiCode.INVITATION_REQUIRED: (403, "The room is private; somebody in it has to invite you."),
    ApiCode.INVALID_CHANNEL: (404, "There is no such channel: lobby, party, or user: and an id."),
    ApiCode.ADMIN_REQUIRED: (403, "Only an administrator of the server can do that."),
    ApiCode.NOTIFICATION_NOT_FOUND: (404, "There is no such notification."),
}
"""Every code that `lobby_server.core.refusal.NotAllowed` may carry. A test compares."""
