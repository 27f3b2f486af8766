"""Refusals as HTTP says them: the status and the code of each, and a sentence for people."""

from __future__ import annotations

from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.protocol.codes import ApiCode
from lobby_server.protocol.resources import Problem

REFUSALS: dict[RefusalCode, tuple[int, ApiCode, str]] = {
    RefusalCode.INVALID_ACCOUNT: (400, ApiCode.INVALID_REQUEST, "The account cannot be made like that."),
    RefusalCode.USERNAME_TAKEN: (409, ApiCode.USERNAME_TAKEN, "Somebody has this username already."),
    RefusalCode.EMAIL_TAKEN: (409, ApiCode.EMAIL_TAKEN, "There is an account with this email already."),
    RefusalCode.INVALID_CREDENTIALS: (401, ApiCode.INVALID_CREDENTIALS, "The username or the password is not right."),
    RefusalCode.INVALID_TOKEN: (403, ApiCode.INVALID_TOKEN, "The token does not hold."),
    RefusalCode.USER_BANNED: (403, ApiCode.USER_BANNED, "You are banned from this lobby."),
    RefusalCode.REPORT_NOT_FOUND: (404, ApiCode.REPORT_NOT_FOUND, "There is no such report."),
    RefusalCode.ACCOUNT_NOT_HERE: (404, ApiCode.ACCOUNT_NOT_HERE, "This server does not hold your account."),
    RefusalCode.SIGN_IN_NOT_FOUND: (404, ApiCode.SIGN_IN_NOT_FOUND, "There is no such sign-in (any more)."),
    RefusalCode.RESET_LINK_INVALID: (
        403,
        ApiCode.RESET_LINK_INVALID,
        "This link does not work any more; ask for another one.",
    ),
    RefusalCode.EMAIL_LINK_INVALID: (
        403,
        ApiCode.EMAIL_LINK_INVALID,
        "This link does not work any more; give your address once more.",
    ),
    RefusalCode.MAIL_OFF: (
        409,
        ApiCode.MAIL_OFF,
        "This lobby sends no mail; an administrator can give you a link to choose a new password.",
    ),
    RefusalCode.NOT_HOST: (403, ApiCode.NOT_HOST, "Only the host of the room can do that."),
    RefusalCode.ALREADY_HOSTING: (409, ApiCode.ALREADY_HOSTING, "You have a room already; delete or leave it first."),
    RefusalCode.USER_NOT_FOUND: (404, ApiCode.USER_NOT_FOUND, "There is nobody of that name or id here."),
    RefusalCode.INVALID_TARGET: (400, ApiCode.INVALID_TARGET, "That cannot be done with this user."),
    RefusalCode.LIMIT_REACHED: (409, ApiCode.LIMIT_REACHED, "That would be more than one user may have."),
    RefusalCode.BLOCKED_BY_YOU: (409, ApiCode.BLOCKED_BY_YOU, "You have blocked this user; lift that first."),
    RefusalCode.NOT_BLOCKED: (404, ApiCode.NOT_BLOCKED, "You have not blocked this user."),
    RefusalCode.ALREADY_FRIENDS: (409, ApiCode.ALREADY_FRIENDS, "You are friends already."),
    RefusalCode.NOT_FRIENDS: (404, ApiCode.NOT_FRIENDS, "You are not friends."),
    RefusalCode.REQUEST_NOT_FOUND: (404, ApiCode.REQUEST_NOT_FOUND, "There is no such friend request (any more)."),
    RefusalCode.PARTY_NOT_FOUND: (404, ApiCode.PARTY_NOT_FOUND, "There is no such party (any more)."),
    RefusalCode.ALREADY_IN_PARTY: (409, ApiCode.ALREADY_IN_PARTY, "That user is in a party already."),
    RefusalCode.NOT_IN_PARTY: (403, ApiCode.NOT_IN_PARTY, "You are not in that party."),
    RefusalCode.NOT_LEADER: (403, ApiCode.NOT_LEADER, "Only the leader of the party can do that."),
    RefusalCode.NOT_INVITED: (403, ApiCode.NOT_INVITED, "You are not invited, or the invitation is over."),
    RefusalCode.INVITATION_NOT_FOUND: (
        404,
        ApiCode.INVITATION_NOT_FOUND,
        "There is no such invitation (any more).",
    ),
    RefusalCode.INVITE_OUTDATED: (
        409,
        ApiCode.INVITE_OUTDATED,
        "The player who invited you is not in that party any more.",
    ),
    RefusalCode.PARTY_FULL: (409, ApiCode.PARTY_FULL, "The party is full."),
    RefusalCode.MEMBER_OFFLINE: (409, ApiCode.MEMBER_OFFLINE, "Somebody of the party is offline; nobody has entered."),
    RefusalCode.ROOM_NOT_FOUND: (404, ApiCode.ROOM_NOT_FOUND, "There is no such room (any more)."),
    RefusalCode.NOT_IN_ROOM: (403, ApiCode.NOT_IN_ROOM, "You are not in that room."),
    RefusalCode.IN_NO_ROOM: (404, ApiCode.NOT_IN_ROOM, "You are in no room."),
    RefusalCode.ALREADY_IN_ROOM: (409, ApiCode.ALREADY_IN_ROOM, "That user is in the room already."),
    RefusalCode.ALREADY_STARTED: (409, ApiCode.ALREADY_STARTED, "The game in this room has started already."),
    RefusalCode.NOT_STARTED: (409, ApiCode.NOT_STARTED, "The game in this room has not started."),
    RefusalCode.NOT_ALL_READY: (409, ApiCode.NOT_ALL_READY, "Not everybody in the room is ready."),
    RefusalCode.TOO_FEW_PLACES: (
        409,
        ApiCode.TOO_FEW_PLACES,
        "There are more players in the room than that; kick somebody first.",
    ),
    RefusalCode.NOT_BANNED: (404, ApiCode.NOT_BANNED, "This player is not banned."),
    RefusalCode.ROOM_FULL: (409, ApiCode.ROOM_FULL, "The room has not enough space; nobody has entered."),
    RefusalCode.VERSION_MISMATCH: (
        409,
        ApiCode.VERSION_MISMATCH,
        "The room is of another version of the game; nobody has entered.",
    ),
    RefusalCode.BANNED: (403, ApiCode.BANNED, "The host has banned this player from the room."),
    RefusalCode.INVITATION_REQUIRED: (
        403,
        ApiCode.INVITATION_REQUIRED,
        "The room is private; somebody in it has to invite you.",
    ),
    RefusalCode.INVALID_CHANNEL: (
        404,
        ApiCode.INVALID_CHANNEL,
        "There is no such channel: lobby, party, or user: and an id.",
    ),
    RefusalCode.ADMIN_REQUIRED: (403, ApiCode.ADMIN_REQUIRED, "Only an administrator of the server can do that."),
    RefusalCode.TRY_AGAIN_LATER: (
        503,
        ApiCode.TRY_AGAIN_LATER,
        "The server cannot do that at the moment; try again in a few seconds.",
    ),
    RefusalCode.NOTIFICATION_NOT_FOUND: (404, ApiCode.NOTIFICATION_NOT_FOUND, "There is no such notification."),
}
"""Every code that answers an HTTP call; the others answer messages of the socket only."""


def problem_of(refusal: Refusal) -> tuple[int, Problem]:
    """Status and body of the answer."""
    status, code, sentence = REFUSALS[refusal.code]
    return status, Problem(
        error=refusal.sentence or sentence, code=code, fields=refusal.fields, existing_room_id=refusal.room_id
    )
