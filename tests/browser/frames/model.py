"""What frames add up to, as the contract has it: what the server holds, and what the page has to show of it.

`SHOWN` reads the same off the page.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.browser.frames.drawn import ME, MY_ID, name_of
from tests.browser.frames.people import People
from tests.browser.frames.rooms import Rooms
from tests.browser.test_client_rules import AT

SHOWN = """() => {
    const byId = (id) => document.getElementById(id);
    const isThere = (element) => element !== null && element.checkVisibility();
    const partOf = (row, name) => row.querySelector(`[data-part=${name}]`);
    const textOf = (row, name) => partOf(row, name).textContent;
    const rowsOf = (id) => [...document.querySelectorAll(`#${id} > li`)];
    const person = (row) => [textOf(row, "name"), partOf(row, "dot").classList.contains("on"), textOf(row, "where")];
    const line = (row) => [textOf(row, "name"), textOf(row, "text")];
    const members = rowsOf("my-room-members").map((row) => [
        textOf(row, "name"), ...["host", "ready", "lead", "kick"].map((name) => isThere(partOf(row, name))),
    ]);
    const controls = ["settings", "ready", "start", "reopen", "delete", "bans-fold"]
        .filter((name) => isThere(byId(`my-room-${name}`)));
    const rooms = rowsOf("rooms").map((row) => [
        row.dataset.id, textOf(row, "gamemode"), textOf(row, "players"), isThere(partOf(row, "join")) ?
            [textOf(row, "join"), !partOf(row, "join").disabled] : null, isThere(partOf(row, "delete")),
    ]);
    return {
        room: byId("my-room").inert ? "held" : isThere(byId("my-room"))
            ? [byId("my-room-title").textContent, members, controls, rowsOf("my-room-log").map(line)] : null,
        rooms,
        online: rowsOf("online").map(person),
        friends: rowsOf("friends").map(person),
        requests: rowsOf("requests").map((row) => [textOf(row, "name"), isThere(partOf(row, "accept"))]),
        blocks: isThere(byId("blocks-fold")) ? rowsOf("blocks").map((row) => textOf(row, "name")) : [],
        party: isThere(byId("party-in")) ? [
            rowsOf("party-members").map((row) => [
                textOf(row, "name"), partOf(row, "dot").classList.contains("on"),
                ...["leader", "lead", "kick"].map((name) => isThere(partOf(row, name))),
            ]),
            rowsOf("party-invited").map((row) => [textOf(row, "name"), isThere(partOf(row, "withdraw"))]),
        ] : null,
        questions: [...document.querySelectorAll(".question [data-part=text]")].map((text) => text.textContent).sort(),
        lines: rowsOf("chat-lines").map(line),
        unread: Object.fromEntries(rowsOf("chat-tabs").filter((tab) => isThere(partOf(tab, "unread")))
            .map((tab) => [textOf(tab, "title"), Number(textOf(tab, "unread"))])),
        notes: rowsOf("notifications-items").map((row) => [
            textOf(row, "title"), row.classList.contains("unread"), !partOf(row, "join").hidden,
        ]),
        bell: byId("notifications-count").hidden ? 0 : Number(byId("notifications-count").textContent),
        tab: document.title,
        announcement: isThere(byId("announcement")) ? byId("announcement-title").textContent : null,
        whereabouts: byId("whereabouts").value,
    };
}"""


@dataclass
class Model(Rooms, People):
    """What the frames until now add up to."""

    def take(self, type_: str, data: dict[str, Any], held: dict[str, Any]) -> None:
        if type_ not in ("pong", "player_count", "server_draining", "token_expiring", "refreshed", "room_started"):
            getattr(self, f"_{type_}")(data, **held)

    def says(self, type_: str, data: dict[str, Any]) -> bool:
        """Whether a server says that: whoever is blocked is not heard."""
        return "from_user_id" not in data or data["from_user_id"] not in self.blocks

    def answers(self) -> dict[str, dict[str, Any]]:
        """What the server answers to who asks now."""
        friends = [
            {"user_id": id_, "username": name, "is_online": id_ in self.online, "since": "2026-01-01T00:00:00.000Z"}
            for id_, name in self.friends.items()
        ]
        friend_rooms = [{"user_id": id_, "room_id": room_id} for id_, room_id in self.friend_rooms.items()]
        requests = [{**each, "to_username": ME} for each in self.requests.values()]
        invites = [{**invite, "expires_in_s": 60.0} for invite in self.invites.values()]
        return {
            "/api/users/online": {"users": _users(self.online)},
            "/api/friends": {"friends": friends, "incoming": requests},
            "/api/friends/rooms": {"rooms": friend_rooms},
            "/api/blocks": {"blocks": _users(self.blocks)},
            "/api/parties/mine": {"party": self.party, "invites": invites},
            "/api/rooms/invites": {"invites": list(self.matches.values())},
            "/api/notifications": {"notifications": sorted(self.notes.values(), key=lambda note: -note["id"])},
            "/api/chat/lobby": {"messages": sorted(self.lines.values(), key=lambda line: line["id"])},
            "/api/account": {"user": {"id": MY_ID, "username": ME, "email": None}, "is_here": True, "sends_mail": False,
                             "whereabouts": self.whereabouts},
            "/api/auth/refresh": {"token": "a token"},
        }  # fmt: skip

    def shown(self) -> dict[str, Any]:
        unread = {name_of(id_): count for id_, count in self.unseen.items() if count and id_ not in self.blocks}
        notes = [
            (note["title"], not note["is_read"], note["room_id"] in self.matches)
            for note in sorted(self.notes.values(), key=lambda note: -note["id"])
        ]
        bell = sum(is_unread for _, is_unread, _ in notes)
        waiting = bell + sum(unread.values())
        online = [(id_ not in self.friends, name, id_) for id_, name in self.online.items()]
        friends = [(id_ not in self.online, name, id_) for id_, name in self.friends.items()]
        return {
            **self.shown_rooms(set(self.blocks.values())),
            "online": [[name, True, self._place(id_)] for _, name, id_ in sorted(online)],
            "friends": [[name, not is_away, self._place(id_)] for is_away, name, id_ in sorted(friends)],
            "requests": [[each["from_username"], True] for each in self.requests.values()],
            "blocks": list(self.blocks.values()),
            "party": None if self.party is None else self._party(self.party),
            "questions": sorted(self._questions()),
            "lines": [
                [line["from_username"], line["text"]]
                for _, line in sorted(self.lines.items()) if line["from_user_id"] not in self.blocks
            ],
            "unread": unread,
            "notes": [list(note) for note in notes],
            "bell": bell,
            "tab": f"({waiting}) {ME} · Game lobby" if waiting else f"{ME} · Game lobby",
            "announcement": self.news["title"] if self.news and self.news.get("until", AT + 1) > AT else None,
            "whereabouts": self.whereabouts,
        }  # fmt: skip

    def _place(self, user_id: int) -> str:
        if user_id not in self.friend_rooms:
            return ""
        room = self.rooms.get(self.friend_rooms[user_id])
        return "in a room" if room is None else f"in {room['gamemode']}"

    def _party(self, party: dict[str, Any]) -> list[Any]:
        leads = party["leader_user_id"] == MY_ID
        members = [
            [
                each["username"],
                each["is_online"],
                each["user_id"] == party["leader_user_id"],
                *[leads and each["user_id"] != MY_ID] * 2,
            ]
            for each in party["members"]
        ]
        return [members, [[guest["username"], leads] for guest in party["invited"]]]

    def _questions(self) -> list[str]:
        return [
            *(f"{each['from_username']} wants to be your friend." for each in self.requests.values()),
            *(f"{each['from_username']} invites you into a party." for each in self.invites.values()),
            *(
                f"{each['from_username']} invites you into a room: {each['gamemode']}."
                for each in self.matches.values()
            ),
        ]


def _users(names: dict[int, str]) -> list[dict[str, Any]]:
    return [{"user_id": id_, "username": name} for id_, name in names.items()]
