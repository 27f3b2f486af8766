"""The addresses of the HTTP API, as people read them. Tornado's patterns and the description are made of these.

``{name}`` is any text without a slash, ``{name:id}`` a number.
"""

from __future__ import annotations

import re

from lobby_server.web import ops
from lobby_server.web.api import chat as api_chat
from lobby_server.web.api import documents as api_contract
from lobby_server.web.api import friends as api_friends
from lobby_server.web.api import lobby as api
from lobby_server.web.api import notifications as api_notifications
from lobby_server.web.api import parties as api_parties
from lobby_server.web.base import MAX_ID_DIGITS, BaseHandler

API_ROUTES: tuple[tuple[str, type[BaseHandler]], ...] = (
    ("/api/auth/register", api.RegisterHandler),
    ("/api/auth/login", api.LoginHandler),
    ("/api/auth/verify", api.VerifyHandler),
    ("/api/auth/refresh", api.RefreshHandler),
    ("/api/auth/logout", api.LogoutHandler),
    ("/api/rooms", api.RoomsHandler),
    ("/api/rooms/{room_id}", api.RoomHandler),
    ("/api/rooms/{room_id}/party", api_parties.RoomPartyHandler),
    ("/api/rooms/{room_id}/invites", api_parties.RoomInvitesHandler),
    ("/api/users/online", api.OnlineUsersHandler),
    ("/api/stats", api.StatsHandler),
    ("/api/friends", api_friends.FriendsHandler),
    ("/api/friends/{user_id:id}", api_friends.FriendHandler),
    ("/api/friends/requests", api_friends.FriendRequestsHandler),
    ("/api/friends/requests/{request_id:id}/accept", api_friends.FriendAcceptHandler),
    ("/api/friends/requests/{request_id:id}/decline", api_friends.FriendDeclineHandler),
    ("/api/blocks", api_friends.BlocksHandler),
    ("/api/blocks/{user_id:id}", api_friends.BlockHandler),
    ("/api/parties", api_parties.PartiesHandler),
    ("/api/parties/mine", api_parties.MyPartyHandler),
    ("/api/parties/{party_id}/invites", api_parties.PartyInvitesHandler),
    ("/api/parties/{party_id}/join", api_parties.PartyJoinHandler),
    ("/api/parties/{party_id}/leave", api_parties.PartyLeaveHandler),
    ("/api/parties/{party_id}/kick", api_parties.PartyKickHandler),
    ("/api/parties/{party_id}/leader", api_parties.PartyLeaderHandler),
    ("/api/chat/{channel}", api_chat.ChatHandler),
    ("/api/notifications", api_notifications.NotificationsHandler),
    ("/api/notifications/{notification_id:id}/read", api_notifications.NotificationReadHandler),
    ("/api/announcements", api_notifications.AnnouncementsHandler),
    ("/api/protocol", api_contract.ProtocolHandler),
    ("/api/openapi.json", api_contract.OpenApiHandler),
    ("/healthz", ops.HealthHandler),
    ("/readyz", ops.ReadyHandler),
)

_PARAMETER = re.compile(r"\{(\w+)(:id)?\}")


def pattern_of(template: str) -> str:
    """The regular expression that Tornado matches; one group a parameter."""
    return _PARAMETER.sub(
        lambda found: rf"([0-9]{{1,{MAX_ID_DIGITS}}})" if found[2] else "([^/]+)", template.replace(".", r"\.")
    )


def parameters_of(template: str) -> list[tuple[str, bool]]:
    """Names in an address, and whether each is a number."""
    return [(found[1], bool(found[2])) for found in _PARAMETER.finditer(template)]


def shown(template: str) -> str:
    """The address as OpenAPI writes it."""
    return _PARAMETER.sub(r"{\1}", template)
