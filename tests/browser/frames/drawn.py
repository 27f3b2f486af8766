"""Frames as a server might say them, drawn by Hypothesis: of every type that the contract has.

A frame comes with what the server holds from then on, where the page asks for that: the party, and the list of rooms.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from lobby_server.protocol.codes import ErrorReason
from tests.browser.test_client_rules import AT

ME = "ann"
MY_ID = 7
USER_IDS = range(1, 5)
ROOM_IDS = ("r1", "r2", "r3")
PARTIES = ("p1", "p2")
REQUESTS = range(1, 4)
NOTES = range(1, 5)
Frame = tuple[str, dict[str, Any], dict[str, Any]]
"""Type, data, and what the server holds with it."""
Frames = dict[str, st.SearchStrategy[Frame]]

room_ids = st.sampled_from(ROOM_IDS)
peer_ids = st.integers(1, 4)
user_ids = st.sampled_from(USER_IDS)
modes = st.sampled_from(["duel", "siege"])
maps = st.sampled_from([None, "dust"])
texts = st.sampled_from(["hello", "gg", "wp"])
revisions = st.integers(1, 3)


def name_of(user_id: int) -> str:
    return f"u{user_id}x"


names = st.sampled_from(["bob", "cat", name_of(1), name_of(2)])
users = user_ids.map(lambda id_: {"user_id": id_, "username": name_of(id_)})
by_any_name = st.builds(
    lambda id_, alias: {"user_id": id_, "username": f"u{id_}{alias}"}, user_ids, st.sampled_from("xy")
)
some_users = st.lists(by_any_name, unique_by=lambda user: user["user_id"], max_size=2)


def frame(type_: str, **data: st.SearchStrategy[Any]) -> Frames:
    return {type_: st.fixed_dictionaries(data).map(lambda drawn: (type_, drawn, {}))}


def of_user(type_: str, **data: st.SearchStrategy[Any]) -> Frames:
    """With a user under the names of an invitation."""
    sender = user_ids.map(lambda id_: {"from_user_id": id_, "from_username": name_of(id_)})
    return {type_: st.builds(lambda known, drawn: (type_, {**known, **drawn}, {}), sender, st.fixed_dictionaries(data))}


# -- rooms --------------------------------------------------------------------------------------------------------


@st.composite
def room_joined(draw: st.DrawFn) -> Frame:
    """With the user among the members."""
    own = draw(peer_ids)
    members = [{"peerId": at, "name": ME if at == own else draw(names), "isHost": False} for at in range(1, 5)]
    members = [each for each in members if each["peerId"] == own or draw(st.booleans())]
    draw(st.sampled_from(members))["isHost"] = True
    data = {"roomId": draw(room_ids), "peerId": own, "members": members, "gamemode": draw(modes), "mapName": None}
    return "room_joined", data, {}


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
    gone = [id_ for id_ in ROOM_IDS if draw(st.booleans()) and all(room["id"] != id_ for room in changed)]
    return "rooms_delta", {"base": draw(revisions), "rev": draw(revisions), "set": changed, "gone": gone}, {}


def _of_room(rev: int) -> list[dict[str, Any]]:
    """A list has one content per revision."""
    return [
        {
            "id": id_, "host_username": ME if at == rev else "bob", "gamemode": "duel", "map_name": None, "name": None,
            "current_players": rev - 1, "max_players": 2, "is_full": rev == 3, "is_started": at + rev == 4,
            "created_at": f"2026-01-01T00:00:0{at}.000Z",
        }
        for at, id_ in enumerate(ROOM_IDS, 1) if (rev + at) % 3
    ]  # fmt: skip


AT_FIRST: Frames = {
    "handshake_accepted": st.just(("handshake_accepted", {}, {})),
}
"""Is said to a connection of its own: the one before is lost."""

OF_ROOMS: Frames = {
    "room_joined": room_joined(),
    **frame("room_created", roomId=room_ids, peerId=peer_ids, gamemode=modes, mapName=maps),
    **frame("peer_joined", peerId=peer_ids, name=names),
    **frame("peer_left", peerId=peer_ids),
    **frame("host_changed", newHostPeerId=peer_ids, newHostName=names),
    "chat": st.builds(
        lambda peer, name, text: ("chat", {"from": peer, "fromName": name, "text": text}, {}), peer_ids, names, texts
    ),
    **frame("kicked", reason=st.just("host_kick")),
    **frame("error", reason=st.sampled_from([reason.value for reason in ErrorReason])),
    **frame("pong", ts=st.just(AT)),
}
OF_FEATURES: Frames = {
    **frame("room_closed", roomId=room_ids),
    **frame(
        "room_state",
        roomId=room_ids,
        code=st.just("ABC234"),
        name=st.sampled_from([None, "Friday"]),
        gamemode=modes,
        mapName=maps,
        maxPlayers=st.just(8),
        isPublic=st.booleans(),
        isStarted=st.booleans(),
        hostPeerId=peer_ids,
        ready=st.lists(peer_ids, unique=True),
    ),
    **frame("room_started", roomId=room_ids),
    **frame("room_unbanned", roomId=room_ids),
    **frame("player_count", online=st.integers(1, 9)),
    **frame("server_draining", reconnect_after_ms=st.integers(0, 3000)),
    **frame("token_expiring", in_s=st.just(60)),
    **frame("refreshed", token_ttl_s=st.just(3600)),
    **frame("friend_room", user_id=user_ids, room_id=st.sampled_from([None, *ROOM_IDS])),
    **frame("user_unblocked", user_id=user_ids),
    **frame("notification_read", id=st.sampled_from(NOTES)),
    **frame("whereabouts_changed", whereabouts=st.sampled_from(["everybody", "friends", "nobody"])),
    "user_blocked": users.map(lambda user: ("user_blocked", user, {})),
    "presence_changed": st.builds(
        lambda came, went: ("presence_changed", {"online": came, "offline": went}, {}), some_users, some_users
    ),
}
SINGLE: Frames = {
    "user_online": by_any_name.map(lambda user: ("user_online", user, {})),
    "user_offline": by_any_name.map(lambda user: ("user_offline", user, {})),
}
LISTED: Frames = {
    **frame("rooms_snapshot", rev=revisions, rooms=rooms),
    "rooms_delta": rooms_delta(),
}
CHANGED: Frames = {"rooms_changed": revisions.map(lambda rev: ("rooms_changed", {}, {"rooms": _of_room(rev)}))}
CHANGED_TO: Frames = {
    "rooms_changed": revisions.map(
        lambda rev: ("rooms_changed", {"rev": rev, "fetch_within_ms": 50}, {"rooms": _of_room(rev)})
    )
}


# -- people -------------------------------------------------------------------------------------------------------


@st.composite
def party_news(draw: st.DrawFn, type_: str, **data: Any) -> Frame:
    """Whatever it says, the page asks what the party is like."""
    others = [
        {**user, "is_online": draw(st.booleans())}
        for user in draw(st.lists(users, unique_by=lambda user: user["user_id"], max_size=2))
    ]
    members = [{"user_id": MY_ID, "username": ME, "is_online": True}, *others]
    guests = [id_ for id_ in USER_IDS if all(each["user_id"] != id_ for each in others) and draw(st.booleans())]
    party = {
        "id": draw(st.sampled_from(PARTIES)),
        "leader_user_id": draw(st.sampled_from(members))["user_id"],
        "max_members": 8,
        "members": members,
        "invited": [{"user_id": id_, "username": name_of(id_), "expires_in_s": 60.0} for id_ in guests],
    }
    return type_, {"party_id": party["id"], **draw(users), **data}, {"party": draw(st.sampled_from([None, party]))}


@st.composite
def notification(draw: st.DrawFn) -> Frame:
    id_ = draw(st.sampled_from(NOTES))
    is_invite = draw(st.booleans())
    kind, title = ("match_invite", "Match invitation") if is_invite else ("friend_request", "Friend request")
    room_id = ROOM_IDS[id_ % 3] if is_invite else None
    return "notification", {"id": id_, "kind": kind, "title": title, "body": "", "ts": AT}, {"room_id": room_id}


@st.composite
def announcement(draw: st.DrawFn) -> Frame:
    number = draw(st.integers(1, 3))
    until = draw(st.sampled_from([{}, {"until": AT - 1}, {"until": AT + 10**9}]))
    return "announcement", {"id": number, "title": f"News {number}", "body": "of the day", "ts": AT, **until}, {}


OF_PEOPLE: Frames = {
    **of_user("friend_request", request_id=st.sampled_from(REQUESTS), to_user_id=st.just(MY_ID)),
    **frame("friend_request_closed", request_id=st.sampled_from(REQUESTS)),
    "friend_accepted": users.map(lambda user: ("friend_accepted", user, {})),
    **frame("friend_removed", user_id=user_ids),
    **of_user("party_invite", party_id=st.sampled_from(PARTIES)),
    **frame("party_invite_closed", party_id=st.sampled_from(PARTIES), reason=st.just("withdrawn")),
    "party_joined": party_news("party_joined"),
    "party_left": party_news("party_left", reason="left"),
    "party_leader_changed": party_news("party_leader_changed"),
    "party_member_status": party_news("party_member_status", is_online=True),
    **of_user("match_invite", room_id=room_ids, gamemode=modes),
    **frame("match_invite_closed", room_id=room_ids, reason=st.just("gone")),
    **of_user("chat_message", channel=st.sampled_from(["lobby", "user"]), text=texts),
    "notification": notification(),
    "announcement": announcement(),
}

CLIENTS: dict[tuple[str, ...], Frames] = {
    ("rooms_delta", "presence_batch", "room_state", "friend_rooms", "own_changes", "drain", "refresh"): {
        **AT_FIRST, **OF_ROOMS, **OF_FEATURES, **LISTED, **OF_PEOPLE,
    },
    ("rev", "room_state", "own_changes"): {**AT_FIRST, **OF_ROOMS, **OF_FEATURES, **SINGLE, **CHANGED_TO},
    (): {**AT_FIRST, **OF_ROOMS, **SINGLE, **CHANGED, **OF_PEOPLE},
}  # fmt: skip
"""What a client hears, by the features that it asks for."""
