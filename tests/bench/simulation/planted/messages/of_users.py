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
    ways,
)
from tests.bench.simulation.planted.planting import SERVICE, one

FRIENDSHIPS = (
    *ways(
        "friend_request", f"{FRIENDS}._asked", "self._announcer.tell_users([request.receiver.id], event)",
        to=("[request.receiver.id]", "[request.receiver.id, request.sender.id]"),
        says=("from_username=request.sender.username", "from_username=request.receiver.username"),
    ),
    *ways(
        "friend_request_closed", f"{FRIENDS}._request_closed", "self._announcer.tell_users(effect.told_ids,",
        unsaid="str(", to=("tell_users(effect.told_ids,", "tell_users([effect.sender_id, effect.receiver_id],"),
        says=("request_id=effect.request_id", "request_id=effect.request_id + 100_000"),
    ),
    *ways(
        "friend_accepted", f"{FRIENDS}._befriended", "self._announcer.tell_users([one.id],", unsaid="str(",
        to=f"self._announcer.tell_users({EVERYBODY},", says=("username=other.username", "username=one.username"),
    ),
    *ways(
        "friend_removed", f"{FRIENDS}._parted", "self._announcer.tell_users([other_id],", unsaid="str(",
        to=f"self._announcer.tell_users({EVERYBODY},",
        says=("FriendRemoved(user_id=one_id)", "FriendRemoved(user_id=other_id)"),
    ),
    *ways(
        "presence of friends", f"{FRIENDS}._tell_presence",
        "self._announcer.tell_some(told, kind(user_id=user.id, username=user.username))",
        to=("if session.profile.presence is PresenceMode.FRIENDS", "if True"),
        says=("if is_online else", "if not is_online else"),
    ),
    one(
        "friends are not told that a room became private", f"{WHEREABOUTS}._changed", "self._tell(effect.room.members)",
        "effect.room.is_public and self._tell(effect.room.members)", by=(LOST, VIEWS),
    ),
    one(
        "friends are told where a player is who hides", f"{WHEREABOUTS}._told_to_friends",
        'None if self._audiences.get(user_id) == "nobody" else', "", by=(UNTRUE, STRANGE, VIEWS),
    ),
    *ways("friend_room", f"{WHEREABOUTS}._tell", to=("self._friends.friend_ids(user_id)", EVERYBODY)),
    *ways(
        "user_blocked", f"{OWN}._blocked", to=("self._tell(effect.user_id,", "self._tell(effect.other.id,"),
        says=("user_id=effect.other.id", "user_id=effect.user_id"),
    ),
    *ways(
        "user_unblocked", f"{OWN}._unblocked", "self._tell(effect.user_id, UserUnblocked(user_id=effect.other_id))",
        to=("self._tell(effect.user_id,", "self._tell(effect.other_id,"),
        says=("user_id=effect.other_id", "user_id=effect.user_id"),
    ),
    *ways(
        "notification_read", f"{OWN}._read", "self._tell(effect.user_id, NotificationRead(id=effect.notification_id))",
        says=("id=effect.notification_id", "id=effect.user_id"),
    ),
    *ways(
        "whereabouts_changed", f"{OWN}._whereabouts_set",
        "self._tell(effect.user_id, WhereaboutsChanged(whereabouts=audience))",
        says=("whereabouts=audience", "whereabouts=DEFAULT_AUDIENCE"),
    ),
    one(
        "what a user changes about themselves is told to all their sockets", f"{OWN}._tell",
        "if Feature.OWN_CHANGES in each.features", "", by=(STRANGE, VIEWS),
    ),
)  # fmt: skip

PARTY = (
    *ways(
        "party_invite", f"{PARTIES}._invited", "self._announcer.tell_users([effect.guest.id], event)",
        to=("[effect.guest.id]", "[effect.guest.id, sender.id]"),
        says=("from_user_id=sender.id", "from_user_id=effect.guest.id"),
    ),
    *ways(
        "party_invite_closed", f"{PARTIES}._closed", to=("tell_users([guest_id]", "tell_users([guest_id, sender_id]"),
        says=("reason=closed.reason.value", 'reason="over"'),
    ),
    *ways(
        "party_joined", f"{PARTIES}._joined", "self._announcer.tell_users(list(entry.party.members), event)",
        to=("tell_users(list(entry.party.members),", f"tell_users({EVERYBODY},"),
        says=("user_id=user.id", "user_id=entry.party.leader.id"),
    ),
    *ways(
        "party_left", f"{PARTIES}._left", "self._announcer.tell_users([*party.members, user.id], event)",
        to=("[*party.members, user.id]", EVERYBODY), says=("reason=departure.reason.value", 'reason="gone"'),
    ),
    *ways(
        "party_leader_changed", f"{PARTIES}._tell_leader", "self._announcer.tell_users(list(party.members), event)",
        to=("list(party.members)", EVERYBODY), says=("user_id=leader.id", "user_id=list(party.members)[-1]"),
    ),
    *ways(
        "party_member_status", f"{PARTIES}._tell_status", "if member_id != user.id]", unsaid="if False]", to="]",
        says=("is_online=is_online", "is_online=True"),
    ),
)  # fmt: skip

OTHERS = (
    *ways(
        "match_invite", f"{INVITATIONS}._invited", "self._announcer.tell_users([effect.guest.id], event)",
        to=("[effect.guest.id]", "[effect.guest.id, sender.id]"), says=("gamemode=room.gamemode", "gamemode=room.id"),
    ),
    *ways(
        "match_invite_closed", f"{INVITATIONS}._closed",
        to=("tell_users([each.guest_id]", "tell_users([each.guest_id, each.sender_id]"),
        says=("reason=effect.reason.value", 'reason="over"'),
    ),
    *ways(
        "notification", f"{NOTIFICATIONS}._told", "self._announcer.tell_users([effect.user_id], event)",
        to=f"self._announcer.tell_users({EVERYBODY}, event)", says=("body=each.body", "body=each.title"),
    ),
    *ways(
        "chat_message", f"{CHAT}._said", "self._announcer.tell_users([line.other_id],", unsaid="str(",
        says=("direct_name(line.sender.id)", "direct_name(line.other_id)"),
    ),
    *ways(
        "announcement", f"{SERVICE}.social.announcements:Announcements._announced",
        says=("title=effect.title", "title=str(effect.id)"),
    ),
    *ways(
        "player_count", f"{ANNOUNCER}._tell_player_count", "if profile.hears_count:", unsaid="if False:", to="if True:",
        says=("online=self._count_players()", "online=self._count_players() - 1"),
    ),
    *ways(
        "server_draining", DRAIN, "session.reply(ServerDraining(reconnect_after_ms=after_ms))",
        to=("if Feature.DRAIN in session.features:", "if True:"), says=("RECONNECT_AFTER_MS + slot_ms", "slot_ms"),
    ),
    *ways(
        "user_online", f"{ANNOUNCER}.user_online", "self._presence(user, is_online=True)",
        says=("username=user.username", 'username="somebody"'), said_at=f"{ANNOUNCER}._presence",
    ),
    one(
        "batch clients hear single events too", f"{ANNOUNCER}._presence",
        "self._batches[profile].note(user, is_online=is_online)",
        "self._batches[profile].note(user, is_online=is_online); self._fanout.publish(profile, frame, key=user.id)",
        by=(STRANGE,),
    ),
    *ways(
        "handshake_accepted", f"{SERVICE}.session:Session._greet",
        says=("features=sorted(self.features)", "features=[]"),
    ),
    one(
        "rooms_changed tells what is not so", f"{SERVICE}.rooms.changes:RoomChanges.frames",
        "rev=self._rooms.revision", "rev=self._rooms.revision - 1", by=(VIEWS,),
    ),
    one(
        "rooms_delta builds on another list", f"{SERVICE}.rooms.changes:RoomChanges._delta",
        "base=self._told_revision", "base=self._told_revision - 1", by=("deltas follow one another",),
    ),
    one(
        "rooms_snapshot is not told to newcomers", f"{ANNOUNCER}.welcome", "self.snapshot(session)", "pass",
        by=("deltas follow one another", VIEWS),
    ),
)  # fmt: skip
