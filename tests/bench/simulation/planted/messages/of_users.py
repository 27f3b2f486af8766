"""Messages to users: of friends, parties and invitations, and to everybody. What other modules plant is left out."""

from __future__ import annotations

from tests.bench.simulation.planted.messages.ways import (
    ANNOUNCER,
    CHAT,
    DRAIN,
    EVERYBODY,
    FRIENDS,
    INVITATIONS,
    LOST,
    NOTIFICATIONS,
    OWN,
    PARTIES,
    STRANGE,
    UNTRUE,
    VIEWS,
    WHEREABOUTS,
    astray,
    silent,
    untrue,
)
from tests.bench.simulation.planted.planting import SERVICE, one

FRIENDSHIPS = (
    silent("friend_request", f"{FRIENDS}._asked", "self._announcer.tell_users([request.receiver.id], event)"),
    astray(
        "friend_request", f"{FRIENDS}._asked", "tell_users([request.receiver.id]",
        "tell_users([request.receiver.id, request.sender.id]",
    ),
    untrue(
        "friend_request", f"{FRIENDS}._asked", "from_username=request.sender.username",
        "from_username=request.receiver.username",
    ),
    silent(
        "friend_request_closed", f"{FRIENDS}._request_closed", "self._announcer.tell_users(effect.told_ids,", "str("
    ),
    astray(
        "friend_request_closed", f"{FRIENDS}._request_closed", "tell_users(effect.told_ids,",
        "tell_users([effect.sender_id, effect.receiver_id],",
    ),
    untrue(
        "friend_request_closed", f"{FRIENDS}._request_closed", "request_id=effect.request_id",
        "request_id=effect.request_id + 100_000",
    ),
    silent("friend_accepted", f"{FRIENDS}._befriended", "self._announcer.tell_users([one.id],", "str("),
    astray("friend_accepted", f"{FRIENDS}._befriended", "tell_users([one.id],", f"tell_users({EVERYBODY},"),
    untrue("friend_accepted", f"{FRIENDS}._befriended", "username=other.username", "username=one.username"),
    silent("friend_removed", f"{FRIENDS}._parted", "self._announcer.tell_users([other_id],", "str("),
    astray("friend_removed", f"{FRIENDS}._parted", "tell_users([other_id],", f"tell_users({EVERYBODY},"),
    untrue("friend_removed", f"{FRIENDS}._parted", "FriendRemoved(user_id=one_id)", "FriendRemoved(user_id=other_id)"),
    silent(
        "presence of friends", f"{FRIENDS}._tell_presence",
        "self._announcer.tell_some(told, kind(user_id=user.id, username=user.username))",
    ),
    astray(
        "presence of friends", f"{FRIENDS}._tell_presence", "if session.profile.presence is PresenceMode.FRIENDS",
        "if True",
    ),
    untrue("presence of friends", f"{FRIENDS}._tell_presence", "if is_online else", "if not is_online else"),
    one(
        "friends are not told that a room became private", f"{WHEREABOUTS}._changed", "self._tell(effect.room.members)",
        "effect.room.is_public and self._tell(effect.room.members)", by=(LOST, VIEWS),
    ),
    one(
        "friends are told where a player is who hides", f"{WHEREABOUTS}._told_to_friends",
        'None if self._audiences.get(user_id) == "nobody" else', "", by=(UNTRUE, STRANGE, VIEWS),
    ),
    astray(
        "friend_room", f"{WHEREABOUTS}._tell", "self._friends.friend_ids(user_id)",
        f"{EVERYBODY}",
    ),
    astray("user_blocked", f"{OWN}._blocked", "self._tell(effect.user_id,", "self._tell(effect.other.id,"),
    untrue("user_blocked", f"{OWN}._blocked", "user_id=effect.other.id", "user_id=effect.user_id"),
    silent("user_unblocked", f"{OWN}._unblocked", "self._tell(effect.user_id, UserUnblocked(user_id=effect.other_id))"),
    astray("user_unblocked", f"{OWN}._unblocked", "self._tell(effect.user_id,", "self._tell(effect.other_id,"),
    untrue("user_unblocked", f"{OWN}._unblocked", "user_id=effect.other_id", "user_id=effect.user_id"),
    silent(
        "notification_read", f"{OWN}._read", "self._tell(effect.user_id, NotificationRead(id=effect.notification_id))"
    ),
    untrue("notification_read", f"{OWN}._read", "id=effect.notification_id", "id=effect.user_id"),
    silent(
        "whereabouts_changed", f"{OWN}._whereabouts_set",
        "self._tell(effect.user_id, WhereaboutsChanged(whereabouts=audience))",
    ),
    untrue("whereabouts_changed", f"{OWN}._whereabouts_set", "whereabouts=audience", "whereabouts=DEFAULT_AUDIENCE"),
    one(
        "what a user changes about themselves is told to all their sockets", f"{OWN}._tell",
        "if Feature.OWN_CHANGES in each.features", "", by=(STRANGE, VIEWS),
    ),
)  # fmt: skip

PARTY = (
    silent("party_invite", f"{PARTIES}._invited", "self._announcer.tell_users([effect.guest.id], event)"),
    astray("party_invite", f"{PARTIES}._invited", "[effect.guest.id]", "[effect.guest.id, sender.id]"),
    untrue("party_invite", f"{PARTIES}._invited", "from_user_id=sender.id", "from_user_id=effect.guest.id"),
    astray("party_invite_closed", f"{PARTIES}._closed", "tell_users([guest_id]", "tell_users([guest_id, sender_id]"),
    untrue("party_invite_closed", f"{PARTIES}._closed", "reason=closed.reason.value", 'reason="over"'),
    silent("party_joined", f"{PARTIES}._joined", "self._announcer.tell_users(list(entry.party.members), event)"),
    astray("party_joined", f"{PARTIES}._joined", "tell_users(list(entry.party.members),", f"tell_users({EVERYBODY},"),
    untrue("party_joined", f"{PARTIES}._joined", "user_id=user.id", "user_id=entry.party.leader.id"),
    silent("party_left", f"{PARTIES}._left", "self._announcer.tell_users([*party.members, user.id], event)"),
    astray("party_left", f"{PARTIES}._left", "[*party.members, user.id]", EVERYBODY),
    untrue("party_left", f"{PARTIES}._left", "reason=departure.reason.value", 'reason="gone"'),
    silent("party_leader_changed", f"{PARTIES}._tell_leader", "self._announcer.tell_users(list(party.members), event)"),
    astray("party_leader_changed", f"{PARTIES}._tell_leader", "list(party.members)", EVERYBODY),
    untrue(
        "party_leader_changed", f"{PARTIES}._tell_leader", "user_id=leader.id", "user_id=list(party.members)[-1]"
    ),
    silent("party_member_status", f"{PARTIES}._tell_status", "if member_id != user.id]", "if False]"),
    astray("party_member_status", f"{PARTIES}._tell_status", "if member_id != user.id]", "]"),
    untrue("party_member_status", f"{PARTIES}._tell_status", "is_online=is_online", "is_online=True"),
)  # fmt: skip

OTHERS = (
    silent("match_invite", f"{INVITATIONS}._invited", "self._announcer.tell_users([effect.guest.id], event)"),
    astray("match_invite", f"{INVITATIONS}._invited", "[effect.guest.id]", "[effect.guest.id, sender.id]"),
    untrue("match_invite", f"{INVITATIONS}._invited", "gamemode=room.gamemode", "gamemode=room.id"),
    astray("match_invite_closed", f"{INVITATIONS}._closed", "tell_users([each.guest_id]",
           "tell_users([each.guest_id, each.sender_id]"),
    untrue("match_invite_closed", f"{INVITATIONS}._closed", "reason=effect.reason.value", 'reason="over"'),
    silent("notification", f"{NOTIFICATIONS}._told", "self._announcer.tell_users([effect.user_id], event)"),
    astray("notification", f"{NOTIFICATIONS}._told", "tell_users([effect.user_id], event)",
           f"tell_users({EVERYBODY}, event)"),
    untrue("notification", f"{NOTIFICATIONS}._told", "body=each.body", "body=each.title"),
    silent("chat_message", f"{CHAT}._said", "self._announcer.tell_users([line.other_id],", "str("),
    untrue("chat_message", f"{CHAT}._said", "direct_name(line.sender.id)", "direct_name(line.other_id)"),
    untrue("announcement", f"{SERVICE}.social.announcements:Announcements._announced", "title=effect.title",
           "title=str(effect.id)"),
    silent("player_count", f"{ANNOUNCER}._tell_player_count", "if profile.hears_count:", "if False:"),
    astray("player_count", f"{ANNOUNCER}._tell_player_count", "if profile.hears_count:", "if True:"),
    untrue("player_count", f"{ANNOUNCER}._tell_player_count", "online=self._count_players()",
           "online=self._count_players() - 1"),
    silent("server_draining", DRAIN, "session.reply(ServerDraining(reconnect_after_ms=after_ms))"),
    astray("server_draining", DRAIN, "if Feature.DRAIN in session.features:", "if True:"),
    untrue("server_draining", DRAIN, "RECONNECT_AFTER_MS + slot_ms", "slot_ms"),
    silent("user_online", f"{ANNOUNCER}.user_online", "self._presence(user, is_online=True)"),
    untrue("user_online", f"{ANNOUNCER}._presence", "username=user.username", 'username="somebody"'),
    one("batch clients hear single events too", f"{ANNOUNCER}._presence",
        "self._batches[profile].note(user, is_online=is_online)",
        "self._batches[profile].note(user, is_online=is_online); self._fanout.publish(profile, frame, key=user.id)",
        by=(STRANGE,)),
    untrue("handshake_accepted", f"{SERVICE}.session:Session._accept", "features=sorted(features)", "features=[]"),
    one("rooms_changed tells what is not so", f"{SERVICE}.rooms.changes:RoomChanges.frames",
        "rev=self._rooms.revision", "rev=self._rooms.revision - 1", by=(VIEWS,)),
    one("rooms_delta builds on another list", f"{SERVICE}.rooms.changes:RoomChanges._delta",
        "base=self._told_revision", "base=self._told_revision - 1", by=("deltas follow one another",)),
    one("rooms_snapshot is not told to newcomers", f"{ANNOUNCER}.welcome", "self.snapshot(session)", "pass",
        by=("deltas follow one another", VIEWS)),
)  # fmt: skip
