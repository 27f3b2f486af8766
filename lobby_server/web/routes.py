"""Which address goes where."""

from __future__ import annotations

from typing import Any

import tornado.web
from tornado.httputil import HTTPServerRequest
from tornado.routing import Matcher, Rule

from lobby_server.protocol.codes import ApiCode
from lobby_server.web import api, api_chat, api_friends, api_notifications, api_parties, ops, pages
from lobby_server.web.assets import Assets
from lobby_server.web.base import MAX_ID_DIGITS, ApiFault, BaseHandler, NotFoundHandler
from lobby_server.web.context import WebContext
from lobby_server.web.ops_socket import OpsSocketHandler
from lobby_server.web.socket import HARD_LIMIT_FACTOR, SocketHandler

SOCKET_PATHS = ("/", "/ws")
ID = rf"([0-9]{{1,{MAX_ID_DIGITS}}})"
"""A number in an address."""


class WantsSocket(Matcher):
    """A request for a WebSocket at one of its addresses."""

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        wanted = (
            request.method == "GET"  # RFC 6455 section 4.1; whatever else is no upgrade
            and request.path in SOCKET_PATHS
            and request.headers.get("Upgrade", "").lower() == "websocket"
            and "upgrade" in request.headers.get("Connection", "").lower()  # a proxy that ate it asks for no socket
        )
        return {} if wanted else None


class UpgradeRequiredHandler(BaseHandler):
    """``GET /ws`` by something that is no WebSocket client."""

    def get(self) -> None:
        raise ApiFault(426, ApiCode.UPGRADE_REQUIRED, "This address speaks WebSocket.")


def make_application(context: WebContext) -> tornado.web.Application:
    arguments: dict[str, Any] = {"context": context}
    files = {**arguments, "assets": Assets(pages.STATIC)}
    return tornado.web.Application(
        [
            Rule(WantsSocket(), SocketHandler, arguments),
            (r"/", pages.PageHandler, {**files, "page": "index.html"}),
            (r"/ops", pages.PageHandler, {**files, "page": "ops.html"}),
            (r"/ops/socket", OpsSocketHandler, arguments),
            (r"/static/(.+)", pages.AssetHandler, files),
            (r"/ws", UpgradeRequiredHandler, arguments),
            (r"/api/auth/register", api.RegisterHandler, arguments),
            (r"/api/auth/login", api.LoginHandler, arguments),
            (r"/api/auth/verify", api.VerifyHandler, arguments),
            (r"/api/auth/refresh", api.RefreshHandler, arguments),
            (r"/api/auth/logout", api.LogoutHandler, arguments),
            (r"/api/rooms", api.RoomsHandler, arguments),
            (r"/api/rooms/([^/]+)", api.RoomHandler, arguments),
            (r"/api/rooms/([^/]+)/party", api_parties.RoomPartyHandler, arguments),
            (r"/api/rooms/([^/]+)/invites", api_parties.RoomInvitesHandler, arguments),
            (r"/api/parties", api_parties.PartiesHandler, arguments),
            (r"/api/parties/mine", api_parties.MyPartyHandler, arguments),
            (r"/api/parties/([^/]+)/invites", api_parties.PartyInvitesHandler, arguments),
            (r"/api/parties/([^/]+)/join", api_parties.PartyJoinHandler, arguments),
            (r"/api/parties/([^/]+)/leave", api_parties.PartyLeaveHandler, arguments),
            (r"/api/parties/([^/]+)/kick", api_parties.PartyKickHandler, arguments),
            (r"/api/parties/([^/]+)/leader", api_parties.PartyLeaderHandler, arguments),
            (r"/api/users/online", api.OnlineUsersHandler, arguments),
            (r"/api/friends", api_friends.FriendsHandler, arguments),
            (rf"/api/friends/{ID}", api_friends.FriendHandler, arguments),
            (r"/api/friends/requests", api_friends.FriendRequestsHandler, arguments),
            (rf"/api/friends/requests/{ID}/accept", api_friends.FriendAcceptHandler, arguments),
            (rf"/api/friends/requests/{ID}/decline", api_friends.FriendDeclineHandler, arguments),
            (r"/api/blocks", api_friends.BlocksHandler, arguments),
            (rf"/api/blocks/{ID}", api_friends.BlockHandler, arguments),
            (r"/api/announcements", api_notifications.AnnouncementsHandler, arguments),
            (r"/api/stats", api.StatsHandler, arguments),
            (r"/api/chat/([^/]+)", api_chat.ChatHandler, arguments),
            (r"/api/notifications", api_notifications.NotificationsHandler, arguments),
            (rf"/api/notifications/{ID}/read", api_notifications.NotificationReadHandler, arguments),
            (r"/healthz", ops.HealthHandler, arguments),
            (r"/readyz", ops.ReadyHandler, arguments),
            (r"/metrics", ops.MetricsHandler, {**arguments, "registry": ops.make_registry(context)}),
        ],
        default_handler_class=NotFoundHandler,
        default_handler_args=arguments,
        websocket_max_message_size=HARD_LIMIT_FACTOR * context.settings.max_message_bytes,
        websocket_ping_interval=0,
        log_function=lambda handler: None,
    )
