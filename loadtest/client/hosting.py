"""What members and the host of a room do over HTTP: be ready, start, change settings, hand over, lift bans, use a code.

Whoever asked for the feature ``room_state`` hears what became of it on the socket: `RoomStateTold` with every change,
`RoomStarted`, `RoomUnbanned`.
"""

from __future__ import annotations

from urllib.parse import quote

from loadtest.client.api import LobbyApi
from lobby_server.protocol.resources import BanList, Room, RoomState


class HostingApi:
    """The calls about a room beside making, listing and deleting it. Stateless as `LobbyApi`: the same errors. All of a
    host's raise `ApiError` with code ``not_host`` for anybody else, and ``room_not_found``.
    """

    def __init__(self, api: LobbyApi) -> None:
        """`api` makes the calls: its server, connections and time-outs are used. It may serve others as well."""
        self._api = api

    def state(self, token: str, room_id: str) -> RoomState:
        """The room as its members see it, with its code. Raises `ApiError` with code ``not_in_room``."""
        return self._ask("GET", token, room_id, "state")

    def change(
        self,
        token: str,
        room_id: str,
        *,
        name: str | None = None,
        gamemode: str | None = None,
        map_name: str | None = None,
        max_players: int | None = None,
        is_public: bool | None = None,
    ) -> RoomState:
        """As host, change settings. None leaves one as it is, an empty `name` or `map_name` takes it away. Another
        `gamemode` or `map_name` makes everybody unready. Raises `ApiError` with code ``too_few_places``."""
        wish = {
            "name": name, "gamemode": gamemode, "mapName": map_name, "maxPlayers": max_players, "isPublic": is_public,
        }  # fmt: skip
        body = {key: value for key, value in wish.items() if value is not None}
        path = f"/api/rooms/{quote(room_id, safe='')}"
        return self._api.ask("PATCH", path, RoomState, token=token, body=body, route="/api/rooms/[id]")

    def set_ready(self, token: str, room_id: str, *, is_ready: bool) -> RoomState:
        """Be ready for the start, or not any more. Raises `ApiError` with code ``not_in_room`` or
        ``already_started``."""
        return self._ask("POST", token, room_id, "ready", {"ready": is_ready})

    def start(self, token: str, room_id: str, *, is_forced: bool = False) -> RoomState:
        """As host, start the game: the room is closed to newcomers. `is_forced`: though not everybody is ready. Raises
        `ApiError` with code ``not_all_ready`` or ``already_started``."""
        return self._ask("POST", token, room_id, "start", {"force": True} if is_forced else {})

    def end_game(self, token: str, room_id: str) -> RoomState:
        """As host, end the game: the room is open again. Raises `ApiError` with code ``not_started``."""
        return self._ask("DELETE", token, room_id, "start")

    def hand_over(self, token: str, room_id: str, *, peer_id: int) -> RoomState:
        """As host, make another member the host. Raises `ApiError` with code ``invalid_target``."""
        return self._ask("POST", token, room_id, "host", {"peerId": peer_id})

    def bans(self, token: str, room_id: str) -> BanList:
        """As host: who is banned, because they were kicked."""
        path = f"/api/rooms/{quote(room_id, safe='')}/bans"
        return self._api.ask("GET", path, BanList, token=token, route="/api/rooms/[id]/bans")

    def unban(self, token: str, room_id: str, user_id: int) -> None:
        """As host, let a user in again. Raises `ApiError` with code ``not_banned``."""
        path = f"/api/rooms/{quote(room_id, safe='')}/bans/{user_id}"
        self._api.do("DELETE", path, token=token, route="/api/rooms/[id]/bans/[id]")

    def use_code(self, token: str, code: str) -> Room:
        """The room that a code leads to; `LobbyConnection.join_room` enters it from now on, also if it is private.
        Raises `ApiError` with code ``room_not_found`` or ``banned``."""
        path = f"/api/codes/{quote(code, safe='')}"
        return self._api.ask("POST", path, Room, token=token, route="/api/codes/[code]")

    def _ask(
        self, method: str, token: str, room_id: str, what: str, body: dict[str, bool] | dict[str, int] | None = None
    ) -> RoomState:
        path, route = f"/api/rooms/{quote(room_id, safe='')}/{what}", f"/api/rooms/[id]/{what}"
        return self._api.ask(method, path, RoomState, token=token, route=route, body=body)
