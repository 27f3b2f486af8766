"""The short way to the room list answers as the long one does."""

from __future__ import annotations

import pytest

from tests.web.conftest import Lobby


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Accept-Encoding": "gzip"},
        {"If-None-Match": "*"},
        {"If-None-Match": '"0"', "Accept-Encoding": "gzip;q=0"},
        {"Connection": "close"},
    ],
    ids=str,
)
async def test_list_without_a_filter_is_the_same_from_both(lobby: Lobby, headers: dict[str, str]) -> None:
    for user_id in (1, 2):
        token = lobby.token(user_id, f"user{user_id}")
        assert (await lobby.call("POST", "/api/rooms", {"gamemode": "ffa"}, token=token)).status == 201
    short = await lobby.call("GET", "/api/rooms", headers=headers)
    long = await lobby.call("GET", "/api/rooms?gamemode=", headers=headers)

    def told(answer: object) -> dict[str, str]:
        fields = dict(answer.headers.get_all())  # type: ignore[attr-defined]
        return {name: value for name, value in fields.items() if name not in ("Date", "Server")}

    assert (short.status, short.body, told(short)) == (long.status, long.body, told(long))


async def test_request_with_a_body_is_answered_and_the_connection_goes_on(lobby: Lobby) -> None:
    for _ in range(2):
        assert (await lobby.call("GET", "/api/rooms", raw=b"x" * 100)).status == 200
