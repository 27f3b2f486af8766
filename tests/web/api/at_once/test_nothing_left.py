"""Nothing stays of a user who is deleted: not what waited to be written as they went, and not what was under way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, func, or_, select

from lobby_server.service.mail.ports import MailKind, WaitingMail
from lobby_server.service.writes.kept import KeepMail
from lobby_server.store import SqlStore
from lobby_server.store.sql.account_data import _OF_USER
from lobby_server.store.tables import rooms, users
from tests.store.postgres import Postgres
from tests.web.api.at_once.test_no_longer import Step, during
from tests.web.api.test_upkeep import PASSWORD, cheap_hashes, log_in, register
from tests.web.conftest import Client, Lobby, StartLobby

__all__ = ["cheap_hashes"]


@pytest.fixture(params=["sqlite", "postgresql"])
async def lobby(request: pytest.FixtureRequest, start_lobby: StartLobby) -> Lobby:
    kept: dict[str, Any] = {}
    if request.param == "postgresql":
        postgres: Postgres = request.getfixturevalue("postgres")
        kept["database_url"] = postgres.url(await postgres.database_without_rows())
    started: Lobby = await start_lobby(auth_rate_per_min=0.0, social_rate_per_min=0.0, **kept)
    return started


class Somebody:
    """A user with an account, and a socket once it is asked for."""

    def __init__(self, lobby: Lobby, made: Any) -> None:
        self.lobby = lobby
        self.id: int = made["user"]["id"]
        self.name: str = made["user"]["username"]
        self.token: str = made["token"]
        self._socket: Client | None = None

    async def socket(self) -> Client:
        if self._socket is None:
            self._socket = await self.lobby.connect(self.token)
        return self._socket

    async def call(self, method: str, path: str, body: Any = None, *, status: int = 0) -> Any:
        answer = await self.lobby.call(method, path, body, token=self.token)
        assert status in (0, answer.status), answer.body
        assert answer.status < 500, answer.body
        return answer.body

    async def room(self, **wish: Any) -> str:
        made = await self.call("POST", "/api/rooms", {"gamemode": "duel", **wish}, status=201)
        socket = await self.socket()
        await socket.command("create_room")
        await socket.expect("room_created")
        return str(made["room"]["id"])

    async def join(self, room_id: str) -> int:
        socket = await self.socket()
        await socket.command("join_room", roomId=room_id, version="13020", name="P")
        return int((await socket.expect("room_joined"))["peerId"])

    async def delete(self) -> None:
        await self.call("POST", "/api/account/delete", {"password": PASSWORD}, status=200)


async def people(lobby: Lobby) -> tuple[Somebody, Somebody]:
    """Ann, who is to be deleted, and Bob."""
    first, second = await register(lobby, "bob"), await register(lobby, "ann")
    return Somebody(lobby, second), Somebody(lobby, first)


async def left_of(lobby: Lobby, user_id: int) -> dict[str, int]:
    """The tables in which the user stands, and how often."""
    store = lobby.server.app.store
    assert isinstance(store, SqlStore)
    places = [*_OF_USER, (users, ("id",)), (rooms, ("host_user_id",))]

    def count(connection: Connection) -> dict[str, int]:
        found = {}
        for table, columns in places:
            of_user = or_(*(table.c[name] == user_id for name in columns))
            found[table.name] = int(connection.scalar(select(func.count()).select_from(table).where(of_user)) or 0)
        return {name: number for name, number in found.items() if number}

    return await store._run(count)


# -- what waits in the queue of writes --------------------------------------------------------------------------------


async def a_ban_from_a_room(ann: Somebody, bob: Somebody) -> None:
    peer_id = await ann.join(await bob.room())
    await (await bob.socket()).command("kick", peerId=peer_id)
    await (await ann.socket()).expect("kicked")


async def a_place_in_a_private_room(ann: Somebody, bob: Somebody) -> None:
    room_id = await bob.room(isPublic=False)
    code = (await bob.call("GET", f"/api/rooms/{room_id}/state"))["code"]
    await ann.call("POST", f"/api/codes/{code}", status=200)


async def a_notification_for_them(ann: Somebody, bob: Somebody) -> None:
    party = (await bob.call("POST", "/api/parties", {}, status=201))["party"]
    await bob.call("POST", f"/api/parties/{party['id']}/invites", {"to_user_id": ann.id}, status=201)


async def a_notification_from_them(ann: Somebody, bob: Somebody) -> None:
    await a_notification_for_them(bob, ann)


async def a_line_of_theirs(ann: Somebody, bob: Somebody) -> None:
    socket = await ann.socket()
    await socket.command("chat_message", channel="lobby", text="remember me")
    await socket.fence()


async def a_mail_to_them(ann: Somebody, bob: Somebody) -> None:
    app = ann.lobby.server.app
    until = app.clock.utc_now() + timedelta(hours=1)
    mail = WaitingMail(
        id="m1",
        kind=MailKind.RESET,
        user_id=ann.id,
        to="ann@example.org",
        fingerprint="x",
        language="en",
        good_until=until,
    )
    app.writer.keep(KeepMail(mail=mail, held_until=until))


async def a_game_that_started_with_them(ann: Somebody, bob: Somebody) -> None:
    room_id = await bob.room()
    await ann.join(room_id)
    await bob.call("POST", f"/api/rooms/{room_id}/start", {"force": True}, status=200)


async def a_room_that_they_lead(ann: Somebody, bob: Somebody) -> None:
    room_id = await bob.room()
    peer_id = await ann.join(room_id)
    await bob.call("POST", f"/api/rooms/{room_id}/host", {"peerId": peer_id}, status=200)


WAITING: list[Callable[[Somebody, Somebody], Awaitable[None]]] = [
    a_ban_from_a_room, a_place_in_a_private_room, a_notification_for_them, a_notification_from_them, a_line_of_theirs,
    a_mail_to_them, a_game_that_started_with_them, a_room_that_they_lead,
]  # fmt: skip


@pytest.mark.parametrize("act", WAITING, ids=lambda act: act.__name__)
async def test_what_waits_to_be_written_of_a_deleted_user_is_not_left(
    lobby: Lobby, act: Callable[[Somebody, Somebody], Awaitable[None]]
) -> None:
    ann, bob = await people(lobby)
    (await ann.socket(), await bob.socket())
    await lobby.written()
    goes_on = asyncio.Event()

    async def held() -> None:
        await goes_on.wait()

    writer = lobby.server.app.writer
    writer.attempt(held)
    await act(ann, bob)
    assert writer.waiting > 1
    await ann.delete()
    goes_on.set()
    await lobby.written()
    assert await left_of(lobby, ann.id) == {}
    started = [room.player_ids for room in await lobby.server.app.store.rooms() if room.player_ids is not None]
    assert not any(ann.id in each for each in started)


# -- what is on its way to the store ----------------------------------------------------------------------------------


async def a_private_invitation(ann: Somebody, bob: Somebody) -> None:
    room_id = await bob.room(isPublic=False)
    await bob.call("POST", f"/api/rooms/{room_id}/invites", {"to_user_id": ann.id})


async def an_acceptance(ann: Somebody, bob: Somebody) -> None:
    asked = await ann.call("POST", "/api/friends/requests", {"to_user_id": bob.id}, status=201)
    await bob.call("POST", f"/api/friends/requests/{asked['request']['request_id']}/accept", {})


UNDER_WAY: dict[str, tuple[str, Callable[[Somebody, Somebody], Awaitable[Any]]]] = {
    "a line": ("add_chat_lines", a_line_of_theirs),
    "whereabouts": ("set_whereabouts", lambda ann, bob: ann.call("PATCH", "/api/account", {"whereabouts": "nobody"})),
    "their request": (
        "add_friend_request",
        lambda ann, bob: ann.call("POST", "/api/friends/requests", {"to_user_id": bob.id}),
    ),
    "a request to them": (
        "add_friend_request",
        lambda ann, bob: bob.call("POST", "/api/friends/requests", {"to_user_id": ann.id}),
    ),
    "a friendship": ("add_friendship", an_acceptance),
    "their block": ("add_block", lambda ann, bob: ann.call("POST", "/api/blocks", {"user_id": bob.id})),
    "a block of them": ("add_block", lambda ann, bob: bob.call("POST", "/api/blocks", {"user_id": ann.id})),
    "a private invitation": ("invite_to_room", a_private_invitation),
    "their room": ("add_room", lambda ann, bob: ann.call("POST", "/api/rooms", {"gamemode": "duel"})),
    "a report": ("add_report", lambda ann, bob: ann.call("POST", "/api/reports", {"username": "bob", "text": "spam"})),
    "a log-in": ("add_sign_in", lambda ann, bob: log_in(ann.lobby, "ann")),
    "a notification": ("add_notification", a_notification_for_them),
    "a notification of theirs": ("add_notification", a_notification_from_them),
    "a ban": ("ban", a_ban_from_a_room),
    "a place": ("invite_to_room", a_place_in_a_private_room),
}


CALLER_IS_TOLD = ("whereabouts", "their request", "their block", "their room", "a report")
"""What is answered: that the token holds no more. The others are no calls of theirs, or are over by then."""


@pytest.mark.parametrize("what", UNDER_WAY)
async def test_what_is_written_just_after_a_deletion_is_not_left(lobby: Lobby, what: str) -> None:
    ann, bob = await people(lobby)
    (await ann.socket(), await bob.socket())
    name, act = UNDER_WAY[what]
    step: Step = (name, 1, False)
    deleted = asyncio.Event()

    async def delete() -> None:
        await ann.delete()
        deleted.set()

    stop_watching = during(lobby, step, delete)
    answer = await act(ann, bob)
    await deleted.wait()
    stop_watching()
    if what in CALLER_IS_TOLD:
        assert answer["code"] == "invalid_token"
    await lobby.written()
    assert await left_of(lobby, ann.id) == {}
    app = lobby.server.app
    assert app.social.friends.overview(_user(bob)).count == 0
    assert app.social.blocks.overview(_user(bob)).blocks == []


def _user(somebody: Somebody) -> Any:
    return type("Known", (), {"id": somebody.id, "username": somebody.name})
