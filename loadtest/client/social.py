"""Friends, parties, chat, invitations, notifications and announcements: a signal per event of the socket, and typed
calls of the HTTP API. Changes are made over HTTP, events arrive on the socket.

    social = Social(connection=connection, api=SocialApi(api))
    social.friend_requested.connect(lambda event: social.api.accept_friend(accounts.token, event.request_id))
    social.chat_message.connect(lambda event: print(event.from_username, event.text))
    social.say("lobby", "hello")
"""

from __future__ import annotations

from urllib.parse import quote

from loadtest.client.api import LobbyApi
from loadtest.client.signals import Signal
from loadtest.client.sockets.lobby_connection import LobbyConnection
from lobby_server.protocol import social_messages as events
from lobby_server.protocol import social_resources as bodies
from lobby_server.protocol.message import ServerMessage
from lobby_server.protocol.requests import Audience


class Social:
    """The social events of one connection, as signals in its thread. The argument of each is the event.

    Events that happened while the connection was down are not repeated; ask `SocialApi` after
    `connection_established`.
    """

    def __init__(self, *, connection: LobbyConnection, api: SocialApi) -> None:
        """Starts to listen. `api` is for the application's own calls."""
        self.api = api
        self.friend_requested: Signal[[events.FriendRequested]] = Signal("friend_requested")
        self.friend_request_closed: Signal[[events.FriendRequestClosed]] = Signal("friend_request_closed")
        self.friend_accepted: Signal[[events.FriendAccepted]] = Signal("friend_accepted")
        self.friend_removed: Signal[[events.FriendRemoved]] = Signal("friend_removed")
        self.friend_room: Signal[[events.FriendRoom]] = Signal("friend_room")
        self.user_blocked: Signal[[events.UserBlocked]] = Signal("user_blocked")
        """By the user, on any of their devices, as are the next three. For connections that ask for ``own_changes``."""
        self.user_unblocked: Signal[[events.UserUnblocked]] = Signal("user_unblocked")
        self.notification_read: Signal[[events.NotificationRead]] = Signal("notification_read")
        self.whereabouts_changed: Signal[[events.WhereaboutsChanged]] = Signal("whereabouts_changed")
        self.party_invited: Signal[[events.PartyInvited]] = Signal("party_invited")
        self.party_invite_closed: Signal[[events.PartyInviteClosed]] = Signal("party_invite_closed")
        """An invitation has ended, and why: answered, withdrawn, expired, or the party is gone."""
        self.party_joined: Signal[[events.PartyJoined]] = Signal("party_joined")
        self.party_left: Signal[[events.PartyLeft]] = Signal("party_left")
        self.party_leader_changed: Signal[[events.PartyLeaderChanged]] = Signal("party_leader_changed")
        self.party_member_status: Signal[[events.PartyMemberStatus]] = Signal("party_member_status")
        self.match_invited: Signal[[events.MatchInvited]] = Signal("match_invited")
        self.match_invite_closed: Signal[[events.MatchInviteClosed]] = Signal("match_invite_closed")
        """As `party_invite_closed`, of an invitation into a room."""
        self.chat_message: Signal[[events.ChatMessage]] = Signal("chat_message")
        self.notified: Signal[[events.Notification]] = Signal("notified")
        self.announced: Signal[[events.Announcement]] = Signal("announced")
        self._signals = {
            events.FriendRequested: self.friend_requested.emit,
            events.FriendRequestClosed: self.friend_request_closed.emit,
            events.FriendAccepted: self.friend_accepted.emit,
            events.FriendRemoved: self.friend_removed.emit,
            events.FriendRoom: self.friend_room.emit,
            events.UserBlocked: self.user_blocked.emit,
            events.UserUnblocked: self.user_unblocked.emit,
            events.NotificationRead: self.notification_read.emit,
            events.WhereaboutsChanged: self.whereabouts_changed.emit,
            events.PartyInvited: self.party_invited.emit,
            events.PartyInviteClosed: self.party_invite_closed.emit,
            events.PartyJoined: self.party_joined.emit,
            events.PartyLeft: self.party_left.emit,
            events.PartyLeaderChanged: self.party_leader_changed.emit,
            events.PartyMemberStatus: self.party_member_status.emit,
            events.MatchInvited: self.match_invited.emit,
            events.MatchInviteClosed: self.match_invite_closed.emit,
            events.ChatMessage: self.chat_message.emit,
            events.Notification: self.notified.emit,
            events.Announcement: self.announced.emit,
        }
        self._connection = connection
        connection.message_received.connect(self._on_message)

    def close(self) -> None:
        """Stop listening."""
        self._connection.message_received.disconnect(self._on_message)

    def say(self, channel: str, text: str) -> None:
        """Send a chat line to `channel`: ``lobby``, ``party`` or ``user:<id>``. It comes back as a `chat_message`; a
        refusal is an `Error` message. Raises `NotConnected`."""
        self._connection.send(events.SendChatMessage(channel=channel, text=text))

    def _on_message(self, message: ServerMessage) -> None:
        emit = self._signals.get(type(message))
        if emit is not None:
            emit(message)  # type: ignore[operator]


class SocialApi:
    """The social part of the HTTP API. Stateless as `LobbyApi`: the same errors, and codes for each call in
    ``GET /api/openapi.json``. Lists are at most 50 items per page, the newest first, where there is a `before`.
    """

    def __init__(self, api: LobbyApi) -> None:
        """`api` makes the calls: its server, connections and time-outs are used. It may serve others as well."""
        self._api = api

    # -- friends and blocks ---------------------------------------------------------------------------------------

    def friends(self, token: str) -> bodies.FriendList:
        """Friends, and the friend requests that are open in either direction."""
        return self._api.ask("GET", "/api/friends", bodies.FriendList, token=token)

    def request_friend(
        self, token: str, *, user_id: int | None = None, username: str | None = None
    ) -> bodies.FriendAsked:
        """Send a friend request, by `user_id` or else by `username`. It accepts one that the other user has sent."""
        body = {"to_user_id": user_id} if user_id is not None else {"to_username": username}
        return self._api.ask("POST", "/api/friends/requests", bodies.FriendAsked, token=token, body=body)

    def accept_friend(self, token: str, request_id: int) -> bodies.Friend:
        """Accept a friend request that this user received. Raises `ApiError` with code ``request_not_found``."""
        path, route = f"/api/friends/requests/{request_id}/accept", "/api/friends/requests/[id]/accept"
        return self._api.ask("POST", path, bodies.FriendMade, token=token, route=route).friend

    def decline_friend(self, token: str, request_id: int) -> None:
        """Decline a friend request, or withdraw one that this user sent."""
        path, route = f"/api/friends/requests/{request_id}/decline", "/api/friends/requests/[id]/decline"
        self._api.do("POST", path, token=token, route=route)

    def remove_friend(self, token: str, user_id: int) -> None:
        """End a friendship, for both. Raises `ApiError` with code ``not_friends``."""
        self._api.do("DELETE", f"/api/friends/{user_id}", token=token, route="/api/friends/[id]")

    def profile(self, token: str, user_id: int) -> bodies.Profile:
        """A user as others see them. Raises `ApiError` with code ``user_not_found``."""
        return self._api.ask("GET", f"/api/users/{user_id}", bodies.Profile, token=token, route="/api/users/[id]")

    def friend_rooms(self, token: str) -> bodies.FriendRooms:
        """The friends who are in a public room and let it be known."""
        return self._api.ask("GET", "/api/friends/rooms", bodies.FriendRooms, token=token)

    def blocks(self, token: str) -> bodies.BlockList:
        """The users whom this user has blocked."""
        return self._api.ask("GET", "/api/blocks", bodies.BlockList, token=token)

    def block(self, token: str, user_id: int) -> None:
        """Receive no chat, requests or invitations of that user."""
        self._api.do("POST", "/api/blocks", token=token, body={"user_id": user_id})

    def unblock(self, token: str, user_id: int) -> None:
        """Lift a block. Raises `ApiError` with code ``not_blocked``."""
        self._api.do("DELETE", f"/api/blocks/{user_id}", token=token, route="/api/blocks/[id]")

    def report(self, token: str, *, username: str, text: str, room_id: str | None = None) -> None:
        """Tell the administrators of a player, in at most 500 characters. Raises `ApiError` with code
        ``user_not_found``."""
        body = {"username": username, "text": text} | ({"room_id": room_id} if room_id is not None else {})
        self._api.do("POST", "/api/reports", token=token, body=body)

    def show_whereabouts(self, token: str, *, to: Audience) -> None:
        """Who is told in which public room this user is: ``everybody``, ``friends`` or ``nobody``."""
        self._api.do("PATCH", "/api/account", token=token, body={"whereabouts": to})

    # -- parties and invitations ----------------------------------------------------------------------------------

    def create_party(self, token: str) -> bodies.Party:
        """Create a party with this user as its leader. Raises `ApiError` with code ``already_in_party``."""
        return self._api.ask("POST", "/api/parties", bodies.PartyAnswer, token=token).party

    def my_party(self, token: str) -> bodies.MyParty:
        """The party of this user, if there is one."""
        return self._api.ask("GET", "/api/parties/mine", bodies.MyParty, token=token)

    def invite_to_party(self, token: str, party_id: str, *, user_id: int) -> None:
        """Invite a user; the invitation expires (60 s by default, `party_invite_ttl_s` of ``GET /api/protocol``)."""
        self._party(token, party_id, "invites", {"to_user_id": user_id})

    def join_party(self, token: str, party_id: str) -> None:
        """Accept an invitation. Raises `ApiError` with code ``not_invited`` or ``party_full``."""
        self._party(token, party_id, "join")

    def leave_party(self, token: str, party_id: str) -> None:
        """Leave the party."""
        self._party(token, party_id, "leave")

    def kick_from_party(self, token: str, party_id: str, *, user_id: int) -> None:
        """As the leader, remove a member."""
        self._party(token, party_id, "kick", {"user_id": user_id})

    def hand_over_party(self, token: str, party_id: str, *, user_id: int) -> None:
        """As the leader, make another member the leader."""
        self._party(token, party_id, "leader", {"user_id": user_id})

    def enter_room_together(self, token: str, room_id: str) -> bodies.PartyInRoom:
        """As the leader, enter a room with the whole party; either all members enter or none."""
        path, route = f"/api/rooms/{quote(room_id, safe='')}/party", "/api/rooms/[id]/party"
        return self._api.ask("POST", path, bodies.PartyInRoom, token=token, route=route)

    def invite_to_room(self, token: str, room_id: str, *, user_id: int) -> None:
        """Invite a user to a room, also a private one."""
        path, route = f"/api/rooms/{quote(room_id, safe='')}/invites", "/api/rooms/[id]/invites"
        self._api.do("POST", path, token=token, route=route, body={"to_user_id": user_id})

    # -- chat, notifications, announcements, stats ----------------------------------------------------------------

    def chat_history(self, token: str, channel: str, *, before: int | None = None) -> bodies.ChatHistory:
        """The latest lines of a channel; with `before`, the id of a line, those before it."""
        path = f"/api/chat/{quote(channel, safe='')}{_before(before)}"
        return self._api.ask("GET", path, bodies.ChatHistory, token=token, route="/api/chat/[channel]")

    def notifications(self, token: str, *, before: int | None = None) -> bodies.NotificationList:
        """Notifications of this user; with `before`, the id of one, those before it."""
        path = f"/api/notifications{_before(before)}"
        return self._api.ask("GET", path, bodies.NotificationList, token=token, route="/api/notifications")

    def read_notification(self, token: str, notification_id: int) -> None:
        """Mark one as read. Raises `ApiError` with code ``notification_not_found``."""
        path, route = f"/api/notifications/{notification_id}/read", "/api/notifications/[id]/read"
        self._api.do("POST", path, token=token, route=route)

    def announce(self, admin_token: str, *, title: str, body: str = "") -> bodies.Announcement:
        """Announce something to all users. Raises `ApiError` with code ``admin_required``."""
        said = {"title": title, "body": body}
        return self._api.ask("POST", "/api/announcements", bodies.Announcement, token=admin_token, body=said)

    def announcements(self, token: str) -> list[bodies.Announcement]:
        """The latest announcements."""
        return self._api.ask("GET", "/api/announcements", bodies.AnnouncementList, token=token).announcements

    def stats(self) -> bodies.Stats:
        """Counts of the server. No token is needed."""
        return self._api.ask("GET", "/api/stats", bodies.Stats)

    def _party(self, token: str, party_id: str, what: str, body: dict[str, int] | None = None) -> None:
        path, route = f"/api/parties/{quote(party_id, safe='')}/{what}", f"/api/parties/[id]/{what}"
        self._api.do("POST", path, token=token, route=route, body=body)


def _before(line_id: int | None) -> str:
    return "" if line_id is None else f"?before={line_id}"
