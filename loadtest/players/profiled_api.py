"""The HTTP calls of a server that has others than the lobby's, under the lobby's names in the tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from loadtest.client import ClientError, UnexpectedAnswer
from loadtest.client.api import RoomsAnswer
from loadtest.client.http import HttpAnswer
from loadtest.client.signals import Signal
from loadtest.players.locust_http import LocustHttp, SwarmApi
from loadtest.players.shared_lists import SharedLists
from loadtest.wire.connection import SwarmConnection
from loadtest.wire.direct_signal import DirectSignal
from loadtest.wire.profiles.connection import ProfiledConnection
from loadtest.wire.profiles.paths import NotThere, filled, find
from loadtest.wire.profiles.profile import Profile, Who
from lobby_server.protocol.resources import Room

ROUTES = {"rooms": "/api/rooms", "create": "/api/rooms", "delete": "/api/rooms/[id]", "enter": "enter"}


class NotOffered(ClientError):
    """The server has no such call; nothing was sent."""


class ProfiledApi(SwarmApi):
    def __init__(
        self, http: LocustHttp, lists: SharedLists, profile: Profile, *, who: Callable[[], Who] | None = None
    ) -> None:
        """`who`: the player who makes the calls; None: nobody in particular."""
        super().__init__(http, lists)
        self._profile = profile
        self._who = who

    def of(self, who: Callable[[], Who]) -> ProfiledApi:
        """The same for that player, whose name and token may be in what is sent."""
        return ProfiledApi(self._locust_http, self._lists, self._profile, who=who)

    def _like(self, http: LocustHttp) -> ProfiledApi:
        return ProfiledApi(http, self._lists, self._profile, who=self._who)

    def rooms(self, *, gamemode: str | None = None, etag: str | None = None) -> RoomsAnswer:
        if "rooms" not in self._profile.calls:
            return RoomsAnswer(rooms=(), etag=None)
        answer = self._make("rooms", {}, headers={"if-none-match": etag} if etag else {})
        if answer.status == 304:
            return RoomsAnswer(rooms=None, etag=etag)
        rooms = self._lists.decode(answer.body, lambda: self._list_in(answer))
        return RoomsAnswer(rooms=rooms, etag=answer.headers.get("etag"))

    def create_room(
        self,
        token: str,
        *,
        gamemode: str,
        map_name: str | None = None,
        max_players: int | None = None,
        is_public: bool = True,
    ) -> Room:
        answer = self._make("create", {"gamemode": gamemode, "mark": map_name or ""}, token=token)
        path = self._profile.calls["create"].paths.get("id", "id")
        room_id = str(self._part(answer, path, "a room that was made"))
        return Room(room_id, "", gamemode, map_name, 0, 0, "", False)

    def delete_room(self, token: str, room_id: str) -> None:
        self._make("delete", {"id": room_id}, token=token)

    def enter(self, who: Who) -> Any:
        """What the server says to a player that wants to open a socket. Raises `ClientError`."""
        return self._document(self.of(lambda: who)._make("enter", {}), "what is needed to enter")

    def _make(
        self, name: str, values: Mapping[str, Any], *, token: str = "", headers: Mapping[str, str] | None = None
    ) -> HttpAnswer:
        call = self._profile.calls.get(name)
        if call is None:
            raise NotOffered(f"the profile {self._profile.name} has no [http.{name}]")
        who = Who(name="", token=token) if self._who is None else self._who()
        values = {**who.values(), **({"token": token} if token else {}), **values}
        body = None if call.body is None else filled(call.body, values)
        headers, has_own = {**(headers or {}), **call.headers_for(values)}, "authorization" in call.headers_for({})
        return self._call(
            call.method,
            call.path_for(values),
            route=ROUTES[name],
            token=None if has_own else token or None,
            body=body,
            headers=headers,
        )

    def _list_in(self, answer: HttpAnswer) -> tuple[Room, ...]:
        try:
            return self._profile.rooms_in(self._document(answer, "a list of rooms"))
        except NotThere as missing:
            raise self._unexpected(answer, str(missing), "a list of rooms") from None

    def _part(self, answer: HttpAnswer, path: str, what: str) -> Any:
        try:
            return find(self._document(answer, what), path)
        except NotThere as missing:
            raise self._unexpected(answer, str(missing), what) from None

    def _document(self, answer: HttpAnswer, what: str) -> Any:
        try:
            return msgspec.json.decode(answer.body)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            raise self._unexpected(answer, "it is no JSON", what) from None

    def _unexpected(self, answer: HttpAnswer, why: str, what: str) -> UnexpectedAnswer:
        error = UnexpectedAnswer(self.http.url, answer.status, why, body=answer.body)
        self._locust_http.not_understood(error, what)
        return error


def api_of(api: SwarmApi, connection: SwarmConnection) -> SwarmApi:
    """`api` for the player on that connection."""
    if isinstance(api, ProfiledApi) and isinstance(connection, ProfiledConnection):
        return api.of(connection.who)
    return api


class NoList:
    """For a server that has no list of rooms."""

    def __init__(self) -> None:
        self.rooms: tuple[Room, ...] = ()
        self.list_updated: Signal[[tuple[Room, ...]]] = DirectSignal("list_updated")

    def close(self) -> None:
        """There is nothing to end."""
