"""A call with a token knows what was answered on another node before it came, though this node has not read of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from lobby_server.core.machine import commands
from lobby_server.core.machine.deleted import mark_of
from lobby_server.core.presence import User
from lobby_server.core.rooms import Room
from tests.web.api.test_upkeep import cheap_hashes, log_in, register
from tests.web.conftest import Lobby

__all__ = ["cheap_hashes"]

ANN = User(1, "ann")
ENDS_S = 4e9


@pytest.fixture
def reads(lobby: Lobby, monkeypatch: pytest.MonkeyPatch) -> Callable[[commands.Command], None]:
    """Says what stands in the log, and is applied as soon as the node looks."""
    replica = lobby.server.app.replica

    def stands(command: commands.Command) -> None:
        async def caught_up() -> None:
            await replica.run(command)

        monkeypatch.setattr(replica, "caught_up", caught_up)

    return stands


CALLS: list[Callable[[Lobby, str], Awaitable[Any]]] = [
    lambda lobby, token: lobby.call("GET", "/api/auth/verify", token=token),
    lambda lobby, token: lobby.call("POST", "/api/auth/refresh", token=token),
    lambda lobby, token: lobby.call("POST", "/api/rooms", {"gamemode": "duel"}, token=token),
    lambda lobby, token: lobby.call("GET", "/api/users/online", token=token),
    lambda lobby, token: lobby.call("POST", "/api/account/delete", {"password": "x" * 8}, token=token),
]


@pytest.mark.parametrize("call", range(len(CALLS)))
async def test_token_that_was_signed_out_there_is_refused(
    lobby: Lobby, reads: Callable[[commands.Command], None], call: int
) -> None:
    reads(commands.SignOut(ANN, "t1", ENDS_S, 0.0))
    answer = await CALLS[call](lobby, lobby.token(1, "ann", jti="t1"))
    assert (answer.status, answer.body["code"]) == (403, "invalid_token")


async def test_user_who_was_banned_or_deleted_there_is_refused(
    lobby: Lobby, reads: Callable[[commands.Command], None]
) -> None:
    token = lobby.token(1, "ann")
    reads(commands.ForgetUser(ANN.id, mark_of(ANN.username)))
    assert (await lobby.call("GET", "/api/friends", token=token)).body["code"] == "invalid_token"
    reads(commands.BanUser(User(2, "bob"), "spam", None))
    assert (await lobby.call("GET", "/api/friends", token=lobby.token(2, "bob"))).body["code"] == "user_banned"


async def test_user_who_was_banned_there_cannot_log_in(lobby: Lobby, reads: Callable[[commands.Command], None]) -> None:
    await register(lobby, "ann")
    reads(commands.BanUser(ANN, "spam", None))
    refused = await log_in(lobby, "ann")
    assert (refused.status, refused.body["code"]) == (403, "user_banned")


async def test_stats_count_a_room_that_was_made_there(lobby: Lobby, reads: Callable[[commands.Command], None]) -> None:
    made = Room(
        id="r1", host=ANN, gamemode="duel", map_name=None, max_players=2, is_public=True, version=None,
        created_at=lobby.server.app.clock.utc_now(),
    )  # fmt: skip
    reads(commands.CreateRoom(made))
    assert (await lobby.call("GET", "/api/stats")).body["rooms"] == 1


async def test_health_and_files_do_not_wait_for_other_nodes(lobby: Lobby, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy may send credentials of its own with everything."""

    async def caught_up() -> None:
        raise AssertionError("it waits")

    monkeypatch.setattr(lobby.server.app.replica, "caught_up", caught_up)
    for path in ("/healthz", "/readyz", "/metrics", "/static/style.css"):
        answer = await lobby.call("GET", path, headers={"Authorization": "Basic YWRhOmFkYQ=="})
        assert answer.status == 200, path
