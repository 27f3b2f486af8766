"""The addresses of the HTTP API, as people read them. Tornado's patterns and the description are made of these.

``{name}`` is any text without a slash, ``{name:id}`` a number.
"""

from __future__ import annotations

import re

from lobby_server.web import ops
from lobby_server.web.api import (
    accounts,
    chat,
    documents,
    friends,
    notifications,
    parties,
    rooms,
    stats,
)
from lobby_server.web.api.authority import administration, mailing, room_hosting, upkeep
from lobby_server.web.base import MAX_ID_DIGITS, BaseHandler

API_ROUTES: tuple[tuple[str, type[BaseHandler]], ...] = (
    ("/api/auth/register", accounts.RegisterHandler),
    ("/api/auth/login", accounts.LoginHandler),
    ("/api/auth/verify", accounts.VerifyHandler),
    ("/api/auth/refresh", accounts.RefreshHandler),
    ("/api/auth/logout", accounts.LogoutHandler),
    ("/api/auth/password", upkeep.PasswordHandler),
    ("/api/auth/reset", upkeep.ResetHandler),
    ("/api/auth/reset-requests", mailing.ResetRequestHandler),
    ("/api/auth/email-confirmations", mailing.EmailConfirmationHandler),
    ("/api/auth/sign-ins", upkeep.SignInsHandler),
    ("/api/auth/sign-ins/{sign_in_id}", upkeep.SignInHandler),
    ("/api/account", mailing.AccountHandler),
    ("/api/account/email", mailing.EmailHandler),
    ("/api/account/export", upkeep.ExportHandler),
    ("/api/account/delete", upkeep.DeleteAccountHandler),
    ("/api/reports", administration.ReportsHandler),
    ("/api/admin/overview", administration.OverviewHandler),
    ("/api/admin/kicks", administration.KicksHandler),
    ("/api/admin/bans", administration.UserBansHandler),
    ("/api/admin/bans/{user_id:id}", administration.UserBanHandler),
    ("/api/admin/rooms", administration.RoomsHandler),
    ("/api/admin/rooms/{room_id}/close", administration.RoomCloseHandler),
    ("/api/admin/reports", administration.ReportListHandler),
    ("/api/admin/reports/{report_id:id}/close", administration.ReportCloseHandler),
    ("/api/admin/audit", administration.AuditHandler),
    ("/api/admin/reset-links", upkeep.ResetLinksHandler),
    ("/api/admin/roles", upkeep.RolesHandler),
    ("/api/rooms", rooms.RoomsHandler),
    ("/api/rooms/mine", rooms.MyRoomHandler),
    ("/api/rooms/invites", parties.MyRoomInvitesHandler),
    ("/api/rooms/{room_id}", rooms.RoomHandler),
    ("/api/rooms/{room_id}/state", room_hosting.RoomStateHandler),
    ("/api/rooms/{room_id}/ready", room_hosting.RoomReadyHandler),
    ("/api/rooms/{room_id}/start", room_hosting.RoomStartHandler),
    ("/api/rooms/{room_id}/host", room_hosting.RoomHostHandler),
    ("/api/rooms/{room_id}/bans", room_hosting.RoomBansHandler),
    ("/api/rooms/{room_id}/bans/{user_id:id}", room_hosting.RoomBanHandler),
    ("/api/codes/{code}", room_hosting.RoomCodeHandler),
    ("/api/rooms/{room_id}/party", parties.RoomPartyHandler),
    ("/api/rooms/{room_id}/invites", parties.RoomInvitesHandler),
    ("/api/rooms/{room_id}/invites/decline", parties.RoomDeclineHandler),
    ("/api/rooms/{room_id}/invites/{user_id:id}", parties.RoomInviteHandler),
    ("/api/users/online", stats.OnlineUsersHandler),
    ("/api/users/{user_id:id}", friends.ProfileHandler),
    ("/api/stats", stats.StatsHandler),
    ("/api/friends", friends.FriendsHandler),
    ("/api/friends/{user_id:id}", friends.FriendHandler),
    ("/api/friends/rooms", friends.FriendRoomsHandler),
    ("/api/friends/requests", friends.FriendRequestsHandler),
    ("/api/friends/requests/{request_id:id}/accept", friends.FriendAcceptHandler),
    ("/api/friends/requests/{request_id:id}/decline", friends.FriendDeclineHandler),
    ("/api/blocks", friends.BlocksHandler),
    ("/api/blocks/{user_id:id}", friends.BlockHandler),
    ("/api/parties", parties.PartiesHandler),
    ("/api/parties/mine", parties.MyPartyHandler),
    ("/api/parties/{party_id}/invites", parties.PartyInvitesHandler),
    ("/api/parties/{party_id}/invites/decline", parties.PartyDeclineHandler),
    ("/api/parties/{party_id}/invites/{user_id:id}", parties.PartyInviteHandler),
    ("/api/parties/{party_id}/join", parties.PartyJoinHandler),
    ("/api/parties/{party_id}/leave", parties.PartyLeaveHandler),
    ("/api/parties/{party_id}/kick", parties.PartyKickHandler),
    ("/api/parties/{party_id}/leader", parties.PartyLeaderHandler),
    ("/api/chat/{channel}", chat.ChatHandler),
    ("/api/notifications", notifications.NotificationsHandler),
    ("/api/notifications/{notification_id:id}/read", notifications.NotificationReadHandler),
    ("/api/announcements", notifications.AnnouncementsHandler),
    ("/api/protocol", documents.ProtocolHandler),
    ("/api/openapi.json", documents.OpenApiHandler),
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
