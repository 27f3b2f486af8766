"""The list of rooms and the room that the user is in, as frames add up to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.browser.frames.drawn import ME

CANNOT_ENTER = {
    "room_not_found", "room_full", "version_mismatch", "banned", "invitation_required", "no_room_found",
    "already_started", "invalid_join_room",
}  # fmt: skip
"""Errors that shut the way back into a room."""
NOT_NOW = {"try_again_later", "rate_limited"}
"""Errors after which the page tries the way back again, so often."""
MOST_RETURNS = 8


@dataclass
class Rooms:
    """The list, and the room that the user is in."""

    room_id: str | None = None
    own_id: int = 0
    game: dict[str, Any] = field(default_factory=dict)
    state: dict[str, Any] | None = None
    members: dict[int, dict[str, Any]] = field(default_factory=dict)
    said: list[tuple[str, str]] = field(default_factory=list)
    barred: set[str] = field(default_factory=set)
    rev: int | None = None
    rooms: dict[str, dict[str, Any]] = field(default_factory=dict)
    kept_id: str | None = None
    """Of the room that the page goes back into when it is connected again."""
    wanted_id: str | None = None
    """Of the room that it has asked for last."""
    is_returning: bool = False
    is_held: bool = False
    """The room is in sight, and nothing in it can be pressed: only on the way back."""
    returns: int = 0

    def _handshake_accepted(self, data: dict[str, Any]) -> None:
        """Of another connection; what the user is in is told anew, if they are in it still."""
        is_held = self.room_id is not None or self.is_held
        self._forget()
        self.barred.clear()
        self.is_returning, self.returns = self.kept_id is not None, 0
        self.is_held = is_held and self.is_returning
        self.wanted_id = self.kept_id or self.wanted_id

    def _error(self, data: dict[str, Any]) -> None:
        if data["reason"] == "banned" and self.wanted_id is not None:
            self.barred.add(self.wanted_id)
        if not self.is_returning:
            return
        if data["reason"] == "already_in_room":
            self.is_returning = self.is_held = False
        elif data["reason"] in NOT_NOW and self.returns < MOST_RETURNS:
            self.returns += 1
        elif data["reason"] in CANNOT_ENTER | NOT_NOW:
            self.is_returning, self.kept_id = False, None
            self._forget()

    def _room_joined(self, data: dict[str, Any]) -> None:
        self._enter(data, [dict(each) for each in data["members"]])

    def _room_created(self, data: dict[str, Any]) -> None:
        is_known = (self.room_id, self.own_id) == (data["roomId"], data["peerId"])
        own = [{"peerId": data["peerId"], "name": ME, "isHost": True}]
        self._enter(data, list(self.members.values()) if is_known else own)

    def _enter(self, data: dict[str, Any], members: list[dict[str, Any]]) -> None:
        if (self.room_id, self.own_id) != (data["roomId"], data["peerId"]):
            self.state, self.said = None, []
        self.room_id, self.own_id, self.game = data["roomId"], data["peerId"], data
        self.members = {each["peerId"]: each for each in members}
        self.kept_id, self.is_returning, self.is_held = data["roomId"], False, False

    def _room_state(self, data: dict[str, Any]) -> None:
        if data["roomId"] == self.room_id:
            self.state = data

    def _peer_joined(self, data: dict[str, Any]) -> None:
        if self.room_id is not None:
            self.members[data["peerId"]] = {**data, "isHost": False}

    def _peer_left(self, data: dict[str, Any]) -> None:
        if self.room_id is not None and data["peerId"] == self.own_id:
            self._leave()
        else:
            self.members.pop(data["peerId"], None)

    def _host_changed(self, data: dict[str, Any]) -> None:
        if self.room_id is None:
            return
        for member in self.members.values():
            member["isHost"] = False
        id_ = data["newHostPeerId"]
        self.members[id_] = {"peerId": id_, "name": data["newHostName"], "isHost": True}

    def _chat(self, data: dict[str, Any]) -> None:
        if self.room_id is not None:
            self.said.append((data["fromName"], data["text"]))

    def _kicked(self, data: dict[str, Any]) -> None:
        if self.room_id is not None:
            self.barred.add(self.room_id)
        self._put_out()

    def _room_closed(self, data: dict[str, Any]) -> None:
        self._put_out()

    def _room_unbanned(self, data: dict[str, Any]) -> None:
        self.barred.discard(data["roomId"])

    def _rooms_snapshot(self, data: dict[str, Any]) -> None:
        self.rev, self.rooms = data["rev"], {room["id"]: room for room in data["rooms"]}

    def _rooms_delta(self, data: dict[str, Any]) -> None:
        if data["base"] != self.rev:
            self.rev = None  # until a snapshot comes
            return
        self.rev = data["rev"]
        self.rooms = {id_: room for id_, room in self.rooms.items() if id_ not in data["gone"]}
        self.rooms.update({room["id"]: room for room in data["set"]})

    def _rooms_changed(self, data: dict[str, Any], *, rooms: list[dict[str, Any]]) -> None:
        self.rooms = {room["id"]: room for room in rooms}

    def _put_out(self) -> None:
        is_held = self.is_held and self.is_returning  # then it is what happened meanwhile, and the answer follows
        if not self.is_returning:
            self.kept_id = None
        self._forget()
        self.is_held = is_held

    def _leave(self) -> None:
        self.kept_id = None
        self._forget()

    def _forget(self) -> None:
        self.room_id, self.own_id, self.state, self.members, self.said = None, 0, None, {}, []
        self.is_held = False

    # -- as the page shows it -------------------------------------------------------------------------------------

    def shown_rooms(self, hidden: set[str]) -> dict[str, Any]:
        newest_first = sorted(self.rooms.values(), key=lambda room: room["created_at"], reverse=True)
        own = (
            "held" if self.is_held
            else None if self.room_id is None
            else [*self._own_room(), [list(line) for line in self.said if line[0] not in hidden]]
        )  # fmt: skip
        return {"room": own, "rooms": [self._row(room) for room in newest_first]}

    def _own_room(self) -> list[Any]:
        state, is_host = self.state, self.members.get(self.own_id, {}).get("isHost", False)
        game = state or self.game
        title = f"{game['gamemode']} on {game['mapName']}" if game["mapName"] else game["gamemode"]
        members = []
        for peer_id, member in self.members.items():
            is_ready = state is not None and peer_id in state["ready"] and not member["isHost"]
            may_kick = is_host and peer_id != self.own_id
            members.append([member["name"], member["isHost"], is_ready, may_kick and state is not None, may_kick])
        controls = []
        if state is not None:
            is_started = state["isStarted"]
            controls += ["settings"] * is_host + ["ready"] * (not is_host and not is_started)
            controls += ["start"] * (is_host and not is_started) + ["reopen"] * (is_host and is_started)
        controls += ["delete"] * is_host + ["bans-fold"] * (is_host and state is not None)
        return [f"{game['name']} · {title}" if game.get("name") else title, members, controls]

    def _row(self, room: dict[str, Any]) -> list[Any]:
        label = (
            "Banned" if room["id"] in self.barred
            else "In game" if room["is_started"] and room["id"] != self.room_id
            else "Full" if room["is_full"]
            else "Join"
        )  # fmt: skip
        join = None if room["id"] == self.room_id else [label, label == "Join"]
        players = f"{room['current_players']}/{room['max_players']}"
        return [room["id"], room["gamemode"], players, join, room["host_username"] == ME]
