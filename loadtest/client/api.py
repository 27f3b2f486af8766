"""The lobby's HTTP API as typed calls. Stateless: a token is handed in where one is needed.

Each call raises `ApiError` (the lobby said no), `ServerAway` (nobody answered) or `UnexpectedAnswer` (no lobby).
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
    """`rooms` is None for "not modified": what you hold under `etag` is current."""

    rooms: tuple[Room, ...] | None
    etag: str | None


class LobbyApi:
    def __init__(self, http: HttpCaller) -> None:
        self.http = http

    def register(self, *, username: str, password: str, email: str | None = None) -> Session:
        body = {"username": username, "password": password} | ({"email": email} if email is not None else {})
        return self._expect(self._call("POST", "/api/auth/register", body=body), Session)

    def login(self, *, username: str, password: str) -> Session:
        """An email works as username."""
        body = {"username": username, "password": password}
        return self._expect(self._call("POST", "/api/auth/login", body=body), Session)

    def verify(self, token: str) -> User:
        return self._expect(self._call("GET", "/api/auth/verify", token=token), Verified).user

    def refresh(self, token: str) -> str:
        return self._expect(self._call("POST", "/api/auth/refresh", token=token), FreshToken).token

    def logout(self, token: str) -> None:
        """Revoke the token; the server closes its sockets."""
        self._call("POST", "/api/auth/logout", token=token)

    def rooms(self, *, gamemode: str | None = None, etag: str | None = None) -> RoomsAnswer:
        """With the `etag` of an earlier answer the server may say that nothing changed, at next to no cost."""
        path = "/api/rooms" + (f"?gamemode={quote(gamemode, safe='')}" if gamemode is not None else "")
        answer = self._call("GET", path, route="/api/rooms", headers={"if-none-match": etag} if etag else {})
        if answer.status == 304:
            return RoomsAnswer(rooms=None, etag=etag)
        return RoomsAnswer(rooms=self._read_rooms(answer), etag=answer.headers.get("etag"))

    def room(self, room_id: str) -> Room:
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
        """`ApiError` with code ``already_hosting`` carries the `existing_room_id`."""
        body: dict[str, Any] = {"gamemode": gamemode, "isPublic": is_public}
        if map_name is not None:
            body["mapName"] = map_name
        if max_players is not None:
            body["maxPlayers"] = max_players
        return self._expect(self._call("POST", "/api/rooms", token=token, body=body), RoomMade).room

    def delete_room(self, token: str, room_id: str) -> None:
        self._call("DELETE", _room_path(room_id), route="/api/rooms/[id]", token=token)

    def online_users(self, token: str) -> tuple[OnlineUser, ...]:
        return tuple(self._expect(self._call("GET", "/api/users/online", token=token), OnlineUsers).users)

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
        """A call whose answer is of that kind. `route`: the address without ids, under which it is counted."""
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
        """A call whose answer says only that it is done."""
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
            raise UnexpectedAnswer(self.http.url, answer.status, str(error)) from None

    def _problem(self, answer: HttpAnswer) -> ApiError | UnexpectedAnswer:
        try:
            problem = msgspec.json.decode(answer.body, type=_Problem)
        except (msgspec.MsgspecError, UnicodeError):
            if answer.status not in (429, 503):  # a proxy in front may say these two in its own words
                return UnexpectedAnswer(self.http.url, answer.status, "no error body")
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


class _Problem(msgspec.Struct):
    """The vocabulary's `Problem` with an open set of codes: a later server may know more than we do."""

    error: str
    code: str
    fields: dict[str, str] | None = None
    existing_room_id: str | None = None


def _room_path(room_id: str) -> str:
    return f"/api/rooms/{quote(room_id, safe='')}"
