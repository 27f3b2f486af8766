"""Who is there, and what they want of the user, as frames add up to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class People:
    """Who is there, and what they want of the user."""

    online: dict[int, str] = field(default_factory=dict)
    friends: dict[int, str] = field(default_factory=dict)
    friend_rooms: dict[int, str] = field(default_factory=dict)
    requests: dict[int, dict[str, Any]] = field(default_factory=dict)
    blocks: dict[int, str] = field(default_factory=dict)
    party: dict[str, Any] | None = None
    invites: dict[str, dict[str, Any]] = field(default_factory=dict)
    matches: dict[str, dict[str, Any]] = field(default_factory=dict)
    lines: dict[int, dict[str, Any]] = field(default_factory=dict)
    unseen: dict[int, int] = field(default_factory=dict)
    notes: dict[int, dict[str, Any]] = field(default_factory=dict)
    news: dict[str, Any] | None = None
    whereabouts: str = "everybody"

    def _user_online(self, data: dict[str, Any]) -> None:
        self.online[data["user_id"]] = data["username"]

    def _user_offline(self, data: dict[str, Any]) -> None:
        self.online.pop(data["user_id"], None)

    def _presence_changed(self, data: dict[str, Any]) -> None:
        for user in data["online"]:
            self._user_online(user)
        for user in data["offline"]:
            self._user_offline(user)

    def _friend_request(self, data: dict[str, Any]) -> None:
        self.requests[data["request_id"]] = data

    def _friend_request_closed(self, data: dict[str, Any]) -> None:
        self.requests.pop(data["request_id"], None)

    def _friend_accepted(self, data: dict[str, Any]) -> None:
        self.friends[data["user_id"]] = data["username"]
        self._drop_requests(data["user_id"])

    def _friend_removed(self, data: dict[str, Any]) -> None:
        self.friends.pop(data["user_id"], None)
        self.friend_rooms.pop(data["user_id"], None)

    def _friend_room(self, data: dict[str, Any]) -> None:
        self.friend_rooms.pop(data["user_id"], None)
        if data["room_id"] is not None and data["user_id"] in self.friends:
            self.friend_rooms[data["user_id"]] = data["room_id"]

    def _user_blocked(self, data: dict[str, Any]) -> None:
        self.blocks.pop(data["user_id"], None)
        self.blocks[data["user_id"]] = data["username"]
        self._friend_removed(data)
        self._drop_requests(data["user_id"])
        for asked in (self.invites, self.matches):
            for key in [key for key, invite in asked.items() if invite["from_user_id"] == data["user_id"]]:
                del asked[key]

    def _user_unblocked(self, data: dict[str, Any]) -> None:
        self.blocks.pop(data["user_id"], None)

    def _of_party(self, data: dict[str, Any], *, party: dict[str, Any] | None = None) -> None:
        self.party = party

    _party_joined = _party_left = _party_leader_changed = _party_member_status = _of_party

    def _party_invite(self, data: dict[str, Any]) -> None:
        self.invites[data["party_id"]] = data

    def _party_invite_closed(self, data: dict[str, Any]) -> None:
        self.invites.pop(data["party_id"], None)

    def _match_invite(self, data: dict[str, Any]) -> None:
        self.matches[data["room_id"]] = data

    def _match_invite_closed(self, data: dict[str, Any]) -> None:
        self.matches.pop(data["room_id"], None)
        for note in self.notes.values():
            note["is_read"] |= note["room_id"] == data["room_id"]

    def _chat_message(self, data: dict[str, Any]) -> None:
        if data["channel"] == "lobby":
            self.lines[data["id"]] = data
        else:
            self.unseen[data["from_user_id"]] = self.unseen.get(data["from_user_id"], 0) + 1

    def _notification(self, data: dict[str, Any], *, room_id: str | None) -> None:
        self.notes[data["id"]] = {**data, "is_read": False, "room_id": room_id}

    def _notification_read(self, data: dict[str, Any]) -> None:
        if data["id"] in self.notes:
            self.notes[data["id"]]["is_read"] = True

    def _announcement(self, data: dict[str, Any]) -> None:
        self.news = data

    def _whereabouts_changed(self, data: dict[str, Any]) -> None:
        self.whereabouts = data["whereabouts"]

    def _drop_requests(self, user_id: int) -> None:
        self.requests = {id_: each for id_, each in self.requests.items() if each["from_user_id"] != user_id}
