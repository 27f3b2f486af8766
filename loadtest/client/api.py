"""The lobby's HTTP API as typed calls, without state: a token is an argument of each call that needs one.

Every call blocks until the answer and raises `ApiError` (the lobby refused), its subclass `RateLimited` (429),
`ServerAway` (no answer) or `UnexpectedAnswer` (the answer of something that is not a lobby server). Nothing is retried.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from loadtest.client.errors import ApiError, RateLimited, UnexpectedAnswer
from loadtest.client.http import HttpAnswer, HttpCall, HttpCaller, parse_retry_after_s
from lobby_server.protocol.resources import (
    FreshToken,
    OnlineUser,
    OnlineUsers,
    Room,
    RoomList,
    RoomMade,
    Session,
    User,
    Verified,
)

DEFAULT_RETRY_AFTER_S = 5.0
"""For a 429 that names no time."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class RoomsAnswer:
    """What ``GET /api/rooms`` came to."""

    rooms: tuple[Room, ...] | None
    """Newest first; None for 304: the list that you hold under `etag` is current."""
    etag: str | None
    """The entity tag, with its quotes; None where the server sent none."""


class ServerTimers(msgspec.Struct, frozen=True, kw_only=True):
    """The timers of a server that its clients reckon with, in seconds. The defaults are those of the protocol."""

    handshake_timeout_s: float = 10.0
    """Time to an accepted handshake."""
    heartbeat_s: float = 30.0
    """Time between two pings that the server recommends."""
    heartbeat_timeout_s: float = 75.0
    """Silence after which the server closes a connection."""
    presence_grace_s: float = 0.0
    """Time in which a user who was lost without a close frame may come back unnoticed."""


class LobbyApi:
    """Safe from any thread if `http` is; `KeepAliveHttp` is."""

    def __init__(self, http: HttpCaller) -> None:
        """`http` sends the requests and says to which server. Close it yourself."""
        self.http = http

    def register(self, *, username: str, password: str, email: str | None = None) -> Session:
        """Create an account and return a token for it, with the user.

        Raises `ApiError` with code ``username_taken`` or ``email_taken``, or ``invalid_request`` with `fields`
        that name what is wrong; `RateLimited` past the server's limit per address.
        """
        body = {"username": username, "password": password} | ({"email": email} if email is not None else {})
        return self._expect(self._call("POST", "/api/auth/register", body=body), Session)

    def login(self, *, username: str, password: str) -> Session:
        """A token for an existing account, with the user. `username` may be the account's email address.

        Raises `ApiError` with code ``invalid_credentials``, `RateLimited` past the server's limit per address.
        """
        body = {"username": username, "password": password}
        return self._expect(self._call("POST", "/api/auth/login", body=body), Session)

    def verify(self, token: str) -> User:
        """The user of a token. Raises `ApiError`, `is_about_the_token`, for one that is bad, expired or revoked."""
        return self._expect(self._call("GET", "/api/auth/verify", token=token), Verified).user

    def refresh(self, token: str) -> str:
        """A token of the same user with a full lifetime. Raises as `verify` does."""
        return self._expect(self._call("POST", "/api/auth/refresh", token=token), FreshToken).token

    def logout(self, token: str) -> None:
        """Revoke the token; the server closes its sockets (4502)."""
        self._call("POST", "/api/auth/logout", token=token)

    def rooms(self, *, gamemode: str | None = None, etag: str | None = None) -> RoomsAnswer:
        """The public rooms, newest first. No token is needed.

        `gamemode` selects those of one game mode. With the `etag` of an earlier answer for the same `gamemode`, an
        unchanged list comes back as `rooms` None, without a body.
        """
        path = "/api/rooms" + (f"?gamemode={quote(gamemode, safe='')}" if gamemode is not None else "")
        answer = self._call("GET", path, route="/api/rooms", headers={"if-none-match": etag} if etag else {})
        return self._rooms_of(answer, etag=etag)

    def read_rooms(self, answer: HttpAnswer) -> RoomsAnswer:
        """What `rooms` makes of its answer, for a caller that has asked by itself. Raises as that does."""
        if answer.status >= 400:
            raise self._problem(answer)
        return self._rooms_of(answer, etag=None)

    def _rooms_of(self, answer: HttpAnswer, *, etag: str | None) -> RoomsAnswer:
        if answer.status == 304:
            return RoomsAnswer(rooms=None, etag=etag)
        return RoomsAnswer(rooms=self._read_rooms(answer), etag=answer.headers.get("etag"))

    def room(self, room_id: str) -> Room:
        """One room. Raises `ApiError` with code ``room_not_found``."""
        return self._expect(self._call("GET", _room_path(room_id), route="/api/rooms/[id]"), Room)

    def create_room(
        self,
        token: str,
        *,
        gamemode: str,
        map_name: str | None = None,
        max_players: int | None = None,
        is_public: bool = True,
    ) -> Room:
        """Create a room, empty until its host enters it with `ConnectionManager.create_room` on the socket.

        `max_players`: 2 to 64; None takes the server's default. A room with `is_public` False is not in the list and
        is entered by invitation. Raises `ApiError` with code ``already_hosting``, which carries the
        `existing_room_id`.
        """
        body: dict[str, Any] = {"gamemode": gamemode, "isPublic": is_public}
        if map_name is not None:
            body["mapName"] = map_name
        if max_players is not None:
            body["maxPlayers"] = max_players
        return self._expect(self._call("POST", "/api/rooms", token=token, body=body), RoomMade).room

    def delete_room(self, token: str, room_id: str) -> None:
        """Delete a room as its host. Raises `ApiError` with code ``not_host`` or ``room_not_found``."""
        self._call("DELETE", _room_path(room_id), route="/api/rooms/[id]", token=token)

    def online_users(self, token: str) -> tuple[OnlineUser, ...]:
        """Who is online now. The events `user_status_changed` of a connection only tell what changes from then on."""
        return tuple(self._expect(self._call("GET", "/api/users/online", token=token), OnlineUsers).users)

    def server_timers(self) -> ServerTimers:
        """The timers in force, from ``GET /api/protocol``. No token is needed. Raises `ApiError` with status 404 on a
        server of the base protocol alone."""
        return self._expect(self._call("GET", "/api/protocol"), _Contract).timers

    def ask(
        self,
        method: str,
        path: str,
        kind: type[T],
        *,
        token: str | None = None,
        route: str | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> T:
        """Any other call, whose answer decodes to `kind` (a msgspec type).

        `route` is the path without ids, under which statistics count it; by default the path.
        """
        return self._expect(self._call(method, path, route=route, token=token, body=body), kind)

    def do(
        self,
        method: str,
        path: str,
        *,
        token: str,
        route: str | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> None:
        """Any other call, whose answer carries no data."""
        self._call(method, path, route=route, token=token, body=body)

    def _call(
        self,
        method: str,
        path: str,
        *,
        route: str | None = None,
        token: str | None = None,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpAnswer:
        all_headers = dict(headers or {})
        if token is not None:
            all_headers["authorization"] = f"Bearer {token}"
        if body is not None:
            all_headers["content-type"] = "application/json"
        request = HttpCall(
            method=method,
            path=path,
            route=route or path,
            headers=all_headers,
            body=msgspec.json.encode(body) if body is not None else None,
        )
        answer = self.http.call(request)
        if answer.status >= 400:
            raise self._problem(answer)
        return answer

    def _read_rooms(self, answer: HttpAnswer) -> tuple[Room, ...]:
        return tuple(self._expect(answer, RoomList).rooms)

    def _expect(self, answer: HttpAnswer, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(answer.body, type=kind)
        except (msgspec.MsgspecError, UnicodeError) as error:
            raise UnexpectedAnswer(self.http.url, answer.status, str(error), body=answer.body) from None

    def _problem(self, answer: HttpAnswer) -> ApiError | UnexpectedAnswer:
        try:
            problem = msgspec.json.decode(answer.body, type=_Problem)
        except (msgspec.MsgspecError, UnicodeError):
            if answer.status not in (429, 503):  # a proxy in front may say these two in its own words
                return UnexpectedAnswer(self.http.url, answer.status, "no error body", body=answer.body)
            problem = _Problem(error="try again later", code="try_again_later")
        if answer.status == 429:
            retry_after_s = parse_retry_after_s(answer.headers.get("retry-after"))
            return RateLimited(
                code=problem.code,
                sentence=problem.error,
                retry_after_s=DEFAULT_RETRY_AFTER_S if retry_after_s is None else retry_after_s,
            )
        return ApiError(
            status=answer.status,
            code=problem.code,
            sentence=problem.error,
            fields=problem.fields,
            existing_room_id=problem.existing_room_id,
        )


class _Contract(msgspec.Struct):
    """What is read of ``GET /api/protocol``."""

    timers: ServerTimers


class _Problem(msgspec.Struct):
    """The protocol's `Problem` with an open set of codes: a later server may have more of them."""

    error: str
    code: str
    fields: dict[str, str] | None = None
    existing_room_id: str | None = None


def _room_path(room_id: str) -> str:
    return f"/api/rooms/{quote(room_id, safe='')}"
