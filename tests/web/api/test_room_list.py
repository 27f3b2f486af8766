"""How the room list is served, built once a revision, and announced to those who would read it again."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from typing import Any

import pytest

from lobby_server.web.negotiation import accepts_gzip, etag_matches
from tests.web.conftest import Client, Lobby, StartLobby


async def make_rooms(lobby: Lobby, count: int, **wish: Any) -> list[str]:
    """Rooms of as many users, all at once; their ids."""
    answers = await asyncio.gather(
        *(
            lobby.call(
                "POST", "/api/rooms", {"gamemode": "ctf", **wish}, token=lobby.token(100 + number, f"host{number}")
            )
            for number in range(count)
        )
    )
    assert {answer.status for answer in answers} == {201}
    return [answer.body["room"]["id"] for answer in answers]


async def test_list_carries_its_revision_and_must_be_asked_for_again(lobby: Lobby) -> None:
    answer = await lobby.call("GET", "/api/rooms")
    assert answer.headers["ETag"].strip('"') == str(lobby.server.app.rooms.book.revision)
    assert answer.headers["Cache-Control"] == "no-cache"
    assert "Accept-Encoding" in answer.headers["Vary"]
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"


async def test_known_revision_is_304_without_a_body_until_something_changes(lobby: Lobby) -> None:
    etag = (await lobby.call("GET", "/api/rooms")).headers["ETag"]
    built = lobby.server.app.metrics.room_list_built
    for tags in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        answer = await lobby.call("GET", "/api/rooms", headers={"If-None-Match": tags})
        assert (answer.status, answer.body) == (304, b""), tags
        assert (answer.headers["ETag"], answer.headers["Cache-Control"]) == (etag, "no-cache")
        assert "Accept-Encoding" in answer.headers["Vary"]
        assert "Content-Type" not in answer.headers
    await make_rooms(lobby, 1)
    answer = await lobby.call("GET", "/api/rooms", headers={"If-None-Match": etag})
    assert answer.status == 200
    assert answer.headers["ETag"] != etag
    assert lobby.server.app.metrics.room_list_built == built + 1


async def test_gzip_goes_to_whoever_takes_it_and_holds_the_same(lobby: Lobby) -> None:
    await make_rooms(lobby, 20, mapName="<b>'; --")
    plain = await lobby.call("GET", "/api/rooms")
    packed = await lobby.call("GET", "/api/rooms", headers={"Accept-Encoding": "gzip, deflate, br"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(packed.body)) == plain.body
    assert int(packed.headers["Content-Length"]) * 4 < int(plain.headers["Content-Length"])
    filtered = await lobby.call("GET", "/api/rooms?gamemode=ctf", headers={"Accept-Encoding": "gzip"})
    assert json.loads(gzip.decompress(filtered.body)) == plain.body


async def test_list_is_built_once_a_revision_and_not_for_those_who_have_it(lobby: Lobby) -> None:
    metrics = lobby.server.app.metrics
    await make_rooms(lobby, 3)
    for headers in ({}, {"Accept-Encoding": "gzip"}):
        await asyncio.gather(*(lobby.call("GET", "/api/rooms", headers=headers) for _ in range(10)))
    assert metrics.room_list_built == 1
    await asyncio.gather(*(lobby.call("GET", "/api/rooms?gamemode=ctf") for _ in range(10)))
    assert metrics.room_list_built == 2
    await lobby.call("POST", "/api/rooms", {"gamemode": "duel", "isPublic": False}, token=lobby.token(1))
    await lobby.call("GET", "/api/rooms")
    assert metrics.room_list_built == 2  # a private room changes nothing that a reader could see
    assert metrics.room_list_served == {"full": 31}


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        (None, False),
        ("", False),
        ("gzip", True),
        ("GZIP", True),
        ("deflate, gzip;q=0.5", True),
        ("*", True),
        ("identity", False),
        ("br, deflate", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000, *", False),
        ("*;q=0", False),
        ("*;q=0, gzip", True),
        ("gzip;q=1.0", True),
        ("gzipped", False),
    ],
)
def test_accept_encoding_is_read_as_the_rfc_says(header: str | None, accepted: bool) -> None:
    assert accepts_gzip(header) is accepted


@pytest.mark.parametrize(
    ("header", "matches"),
    [
        (None, False),
        ("", False),
        ('"5"', True),
        ('W/"5"', True),
        ('"4", "5"', True),
        ('"4","5"', True),
        ("*", True),
        ('"55"', False),
        ("5", False),
        ('"4", *', False),
    ],
)
def test_if_none_match_is_read_as_the_rfc_says(header: str | None, matches: bool) -> None:
    assert etag_matches(header, '"5"') is matches


# -- announcements ------------------------------------------------------------------------------------------------


async def announcements(client: Client) -> int:
    """How many came until now; nothing else may have."""
    seen = await client.fence()
    assert all(message == {"type": "rooms_changed", "data": {}} for message in seen), seen
    return len(seen)


async def test_isolated_change_is_announced_at_once_and_a_second_one_waits(start_lobby: StartLobby) -> None:
    lobby = await start_lobby(rooms_notify_interval_ms=3_600_000)
    watcher = await lobby.connect(lobby.token(1, "ann"))
    await make_rooms(lobby, 1)
    assert await watcher.next_raw() == '{"type":"rooms_changed","data":{}}'
    await lobby.call("POST", "/api/rooms", {"gamemode": "ctf"}, token=lobby.token(2, "bob"))
    assert await announcements(watcher) == 0


async def test_burst_is_conflated_and_its_last_change_announced(start_lobby: StartLobby) -> None:
    interval_s = 1.0  # in which a slow machine makes several of them, too
    lobby = await start_lobby(rooms_notify_interval_ms=interval_s * 1000)
    watcher = await lobby.connect(lobby.token(1, "ann"))
    began_s, heard, seen = time.monotonic(), 0, []
    creating = asyncio.ensure_future(make_rooms(lobby, 30))
    while not seen or seen[-1] < 30:  # as a client does: fetch after each announcement
        await watcher.expect("rooms_changed")
        heard += 1
        seen.append((await lobby.call("GET", "/api/rooms")).body["count"])
    await creating
    assert heard <= 2 + (time.monotonic() - began_s) / interval_s
    assert heard < 30


async def test_every_change_of_a_public_room_is_announced_and_none_of_a_private_one(start_lobby: StartLobby) -> None:
    lobby = await start_lobby(rooms_notify_interval_ms=0)
    watcher = await lobby.connect(lobby.token(1, "ann"))
    for is_public in (True, False):
        token = lobby.token(2, "bob")
        body = {"gamemode": "ctf", "isPublic": is_public}
        room_id = (await lobby.call("POST", "/api/rooms", body, token=token)).body["room"]["id"]
        assert await announcements(watcher) == is_public
        await lobby.call("DELETE", f"/api/rooms/{room_id}", token=token)
        assert await announcements(watcher) == is_public


async def test_refused_calls_are_not_announced(start_lobby: StartLobby) -> None:
    lobby = await start_lobby(rooms_notify_interval_ms=0)
    room_ids = await make_rooms(lobby, 1)
    watcher = await lobby.connect(lobby.token(1, "ann"))
    for method, path, body, token in [
        ("POST", "/api/rooms", {"gamemode": ""}, lobby.token()),
        ("POST", "/api/rooms", {"gamemode": "ctf"}, lobby.token(100, "host0")),
        ("DELETE", f"/api/rooms/{room_ids[0]}", None, lobby.token()),
        ("DELETE", "/api/rooms/none", None, lobby.token()),
    ]:
        assert (await lobby.call(method, path, body, token=token)).status >= 400
    assert await announcements(watcher) == 0
