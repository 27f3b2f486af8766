"""Whatever frames come, in whatever order, the page shows the state that they add up to: a model of it, in Python, is
compared with the page.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.browser.conftest import Crowd
from tests.browser.test_client_rules import ACCEPTED, PlayedServer, wait_until_page

ME = "ann"
FEATURES = ["rooms_delta", "presence_batch", "room_state"]
Frame = tuple[str, dict[str, Any]]

SHOWN = """() => {
    const isThere = (element) => element !== null && element.checkVisibility();
    const partOf = (row, name) => row.querySelector(`[data-part=${name}]`);
    const textOf = (row, name) => partOf(row, name).textContent;
    const room = document.getElementById("my-room");
    const members = [...document.querySelectorAll("#my-room-members li")].map((row) => [
        textOf(row, "name"), ...["host", "ready", "lead", "kick"].map((name) => isThere(partOf(row, name))),
    ]);
    const controls = ["settings", "ready", "start", "reopen", "delete", "bans-fold"]
        .filter((name) => isThere(document.getElementById(`my-room-${name}`)));
    const rooms = [...document.querySelectorAll("#rooms li")].map((row) => [
        row.dataset.id, textOf(row, "gamemode"), textOf(row, "players"), isThere(partOf(row, "join")) ?
            [textOf(row, "join"), !partOf(row, "join").disabled] : null, isThere(partOf(row, "delete")),
    ]);
    return {
        room: isThere(room) ? [document.getElementById("my-room-title").textContent, members, controls] : null,
        rooms,
        online: [...document.querySelectorAll("#online [data-part=name]")].map((name) => name.textContent),
    };
}"""


# -- frames -------------------------------------------------------------------------------------------------------

room_ids = st.sampled_from(["r1", "r2", "r3"])
peer_ids = st.integers(1, 4)
names = st.sampled_from(["bob", "cat", "dan", "eve"])
modes = st.sampled_from(["duel", "siege"])
users = st.builds(
    lambda id_, alias: {"user_id": id_, "username": f"u{id_}{alias}"}, st.integers(1, 4), st.sampled_from("xy")
)
revisions = st.integers(1, 3)


@st.composite
def room_joined(draw: st.DrawFn) -> Frame:
    """With the user among the members."""
    own = draw(peer_ids)
    members = [{"peerId": at, "name": ME if at == own else draw(names), "isHost": False} for at in range(1, 5)]
    members = [each for each in members if each["peerId"] == own or draw(st.booleans())]
    draw(st.sampled_from(members))["isHost"] = True
    data = {"roomId": draw(room_ids), "peerId": own, "members": members, "gamemode": draw(modes), "mapName": None}
    return "room_joined", data


@st.composite
def room_state(draw: st.DrawFn) -> Frame:
    return "room_state", {
        "roomId": draw(room_ids), "code": "ABC234", "name": draw(st.sampled_from([None, "Friday"])),
        "gamemode": draw(modes), "mapName": draw(st.sampled_from([None, "dust"])), "maxPlayers": 8,
        "isPublic": draw(st.booleans()), "isStarted": draw(st.booleans()), "hostPeerId": draw(peer_ids),
        "ready": draw(st.lists(peer_ids, unique=True)),
    }  # fmt: skip


@st.composite
def listed(draw: st.DrawFn) -> dict[str, Any]:
    id_, players = draw(room_ids), draw(st.integers(0, 2))
    return {
        "id": id_, "host_username": draw(st.sampled_from([ME, "bob"])), "gamemode": draw(modes), "map_name": None,
        "name": None, "current_players": players, "max_players": 2, "is_full": players == 2,
        "is_started": draw(st.booleans()), "created_at": f"2026-01-01T00:00:0{id_[1]}.000Z",
    }  # fmt: skip


rooms = st.lists(listed(), unique_by=lambda room: room["id"])


@st.composite
def rooms_delta(draw: st.DrawFn) -> Frame:
    changed = draw(rooms)
    gone = [id_ for id_ in ("r1", "r2", "r3") if draw(st.booleans()) and all(room["id"] != id_ for room in changed)]
    return "rooms_delta", {"base": draw(revisions), "rev": draw(revisions), "set": changed, "gone": gone}


frames = st.one_of(
    room_joined(),
    room_state(),
    st.builds(lambda peer, name: ("peer_joined", {"peerId": peer, "name": name}), peer_ids, names),
    st.builds(lambda peer: ("peer_left", {"peerId": peer}), peer_ids),
    st.builds(lambda peer, name: ("host_changed", {"newHostPeerId": peer, "newHostName": name}), peer_ids, names),
    st.just(("kicked", {"reason": "host_kick"})),
    st.builds(lambda id_: ("room_closed", {"roomId": id_}), room_ids),
    st.builds(lambda id_: ("room_unbanned", {"roomId": id_}), room_ids),
    st.builds(lambda rev, found: ("rooms_snapshot", {"rev": rev, "rooms": found}), revisions, rooms),
    rooms_delta(),
    st.builds(lambda user: ("user_online", user), users),
    st.builds(lambda user: ("user_offline", user), users),
    st.builds(
        lambda came, went: ("presence_changed", {"online": came, "offline": went}),
        st.lists(users, unique_by=lambda user: user["user_id"], max_size=2),
        st.lists(users, unique_by=lambda user: user["user_id"], max_size=2),
    ),
)


# -- the model ----------------------------------------------------------------------------------------------------


@dataclass
class Model:
    """What the frames until now add up to, as the contract has it."""

    room_id: str | None = None
    own_id: int = 0
    game: dict[str, Any] = field(default_factory=dict)
    state: dict[str, Any] | None = None
    members: dict[int, dict[str, Any]] = field(default_factory=dict)
    barred: set[str] = field(default_factory=set)
    rev: int | None = None
    rooms: dict[str, dict[str, Any]] = field(default_factory=dict)
    online: dict[int, str] = field(default_factory=dict)

    def take(self, type_: str, data: dict[str, Any]) -> None:
        if type_ in ("peer_joined", "peer_left", "host_changed", "room_state") and self.room_id is None:
            return
        getattr(self, f"_{type_}")(data)

    def _room_joined(self, data: dict[str, Any]) -> None:
        if (self.room_id, self.own_id) != (data["roomId"], data["peerId"]):
            self.state = None
        self.room_id, self.own_id, self.game = data["roomId"], data["peerId"], data
        self.members = {each["peerId"]: dict(each) for each in data["members"]}

    def _room_state(self, data: dict[str, Any]) -> None:
        if data["roomId"] == self.room_id:
            self.state = data

    def _peer_joined(self, data: dict[str, Any]) -> None:
        self.members[data["peerId"]] = {**data, "isHost": False}

    def _peer_left(self, data: dict[str, Any]) -> None:
        if data["peerId"] == self.own_id:
            self._leave()
        else:
            self.members.pop(data["peerId"], None)

    def _host_changed(self, data: dict[str, Any]) -> None:
        for member in self.members.values():
            member["isHost"] = False
        self.members[data["newHostPeerId"]] = {"name": data["newHostName"], "isHost": True}

    def _kicked(self, data: dict[str, Any]) -> None:
        if self.room_id is not None:
            self.barred.add(self.room_id)
        self._leave()

    def _room_closed(self, data: dict[str, Any]) -> None:
        self._leave()

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

    def _user_online(self, data: dict[str, Any]) -> None:
        self.online[data["user_id"]] = data["username"]

    def _user_offline(self, data: dict[str, Any]) -> None:
        self.online.pop(data["user_id"], None)

    def _presence_changed(self, data: dict[str, Any]) -> None:
        for user in data["online"]:
            self._user_online(user)
        for user in data["offline"]:
            self._user_offline(user)

    def _leave(self) -> None:
        self.room_id, self.own_id, self.state, self.members = None, 0, None, {}

    # -- as the page shows it -------------------------------------------------------------------------------------

    def shown(self) -> dict[str, Any]:
        newest_first = sorted(self.rooms.values(), key=lambda room: room["created_at"], reverse=True)
        return {
            "room": None if self.room_id is None else self._own_room(),
            "rooms": [self._row(room) for room in newest_first],
            "online": sorted(self.online.values()),
        }

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
            else "In game" if room["is_started"]
            else "Full" if room["is_full"]
            else "Join"
        )  # fmt: skip
        join = None if room["id"] == self.room_id else [label, label == "Join"]
        players = f"{room['current_players']}/{room['max_players']}"
        return [room["id"], room["gamemode"], players, join, room["host_username"] == ME]


def test_page_shows_the_state_that_any_frames_add_up_to(crowd: Crowd) -> None:
    played = PlayedServer(crowd, f"/?features={','.join(FEATURES)}")
    accepted = {**ACCEPTED, "features": FEATURES}
    played.answer_handshake = lambda socket: played.say(socket, "handshake_accepted", accepted)
    played.page.reload()
    wait_until_page(played.page, lambda: len(played.sockets) == 2)
    played.is_connected()
    model = Model()

    def hears(type_: str, data: dict[str, Any]) -> None:
        played.say(played.sockets[1], type_, data)
        model.take(type_, data)

    @settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.lists(frames, min_size=1, max_size=14))
    def any_frames(said: list[Frame]) -> None:
        hears("kicked", {"reason": "host_kick"})  # from here on every example is alike
        for id_ in ("r1", "r2", "r3"):
            hears("room_unbanned", {"roomId": id_})
        hears("rooms_snapshot", {"rev": 1, "rooms": []})
        hears("presence_changed", {"online": [], "offline": [{"user_id": at, "username": ""} for at in range(1, 5)]})
        for type_, data in said:
            hears(type_, data)
        found: dict[str, Any] = {}

        def is_shown() -> bool:
            played.pass_s(0.1)
            found.update(played.page.evaluate(SHOWN))
            return found == model.shown()

        try:
            wait_until_page(played.page, is_shown)
        except AssertionError:
            assert found == model.shown()

    any_frames()
