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
    ApiCode.NOTIFICATION_NOT_FOUND: (404, "There is no such notification."),
}
"""Every code that `lobby_server.core.refusal.NotAllowed` may carry. A test compares."""
