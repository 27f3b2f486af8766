"""Announcements of administrators, and how many are playing."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from lobby_server import cli
from tests.nobody import refusing_port
from tests.web.conftest import SECRET, Lobby
from tests.web.people import Person, ann_bob_eve


async def test_announcement_of_an_administrator_reaches_everybody_once(lobby: Lobby) -> None:
    people = await ann_bob_eve(lobby)
    await people[0].open("rooms_delta", "presence_batch")
    stranger = await lobby.connect()
    root = Person(lobby, 9, "root", role="admin")
    made = await root.post("/api/announcements", {"title": "Maintenance", "body": "At noon."}, status=201)
    assert (made["title"], made["body"]) == ("Maintenance", "At noon.")
    for person in people:
        assert await person.told() == [("announcement", made)]
    assert ("announcement", made) in await people[0].told(socket=1)
    assert await stranger.fence() == []
    assert await people[1].get("/api/announcements") == {"announcements": [made]}


@pytest.mark.parametrize("role", [None, "user", True])
async def test_announcement_of_anybody_else_is_refused(lobby: Lobby, role: Any) -> None:
    ann = Person(lobby, 1, "ann", role=role)
    assert await ann.refused("POST", "/api/announcements", {"title": "x", "body": "y"}) == (403, "admin_required")
    assert await ann.get("/api/announcements") == {"announcements": []}
    assert (await lobby.call("POST", "/api/announcements", {"title": "x", "body": "y"})).status == 401


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"body": "b"}, "title"),
        ({"title": " "}, "title"),
        ({"title": "x" * 101}, "title"),
        ({"title": "x", "body": 1}, "body"),
    ],
)
async def test_announcement_that_says_nothing_is_refused(lobby: Lobby, body: Any, field: str) -> None:
    root = Person(lobby, 9, "root", role="admin")
    answer = await root.call("POST", "/api/announcements", body)
    assert (answer.status, answer.body["code"], list(answer.body["fields"])) == (400, "invalid_request", [field])


async def test_stats_are_for_everybody_and_count_users(lobby: Lobby) -> None:
    async def stats() -> Any:
        return (await lobby.call("GET", "/api/stats")).body

    assert await stats() == {"online": 0, "rooms": 0, "players_in_rooms": 0}
    ann, *_ = await ann_bob_eve(lobby)
    await ann.open()
    await ann.post("/api/rooms", {"gamemode": "duel"}, status=201)
    assert await stats() == {"online": 3, "rooms": 1, "players_in_rooms": 1}


async def test_player_count_comes_to_who_asks_for_it_beside_presence(lobby: Lobby) -> None:
    ann, bob = Person(lobby, 1, "ann"), Person(lobby, 2, "bob")
    ear = await ann.open("player_count")
    assert await ear.expect("player_count") == {"online": 1}
    await bob.open()
    assert (await ear.expect("user_online"))["user_id"] == 2
    assert await ear.expect("player_count") == {"online": 2}


# From the command line


async def run(*arguments: str) -> tuple[int, str]:
    """Exit code and output of the command line, run in a thread so that the server can answer."""
    result = await asyncio.to_thread(CliRunner().invoke, cli.main, arguments, env={"LOBBY_JWT_SECRET": SECRET})
    return result.exit_code, result.output


async def test_command_announces_to_everybody(lobby: Lobby) -> None:
    ann, *_ = await ann_bob_eve(lobby)
    port = str(lobby.server.port)
    assert await run("--port", port, "announce", "Back in ten minutes.") == (0, "announced\n")
    ((_, event),) = await ann.told()
    assert (event["title"], event["body"]) == ("Announcement", "Back in ten minutes.")
    assert await run("--port", port, "--address", "0.0.0.0", "announce", "x", "--title", "T") == (0, "announced\n")
    ((_, event),) = await ann.told()
    assert event["title"] == "T"


async def test_command_says_what_to_do_when_it_does_not_get_through(lobby: Lobby, tmp_path: Path) -> None:
    port = str(lobby.server.port)
    assert await run("--port", port, "announce", " \n") == (
        2, "lobby-server: There is nothing to announce: give a text that is not blank.\n",
    )  # fmt: skip
    code, output = await run("--port", port, "announce", "x" * 2001)
    assert code == 1
    assert output.endswith("refused: body is text of at most 2000 characters.\n")
    with refusing_port() as nobodys:
        code, output = await run("--port", str(nobodys), "announce", "x")
    assert code == 1
    assert output.startswith(f"lobby-server: No lobby-server answers at http://127.0.0.1:{nobodys}: ")
    code, output = await run("--port", "0", "announce", "x")
    assert (code, "--port is 0" in output) == (2, True)
    arguments = ["--port", port, "--data-dir", str(tmp_path / "none"), "announce", "x"]
    result = await asyncio.to_thread(CliRunner().invoke, cli.main, arguments, env={"LOBBY_JWT_SECRET": ""})
    assert (result.exit_code, "does not exist" in result.output) == (2, True)
    assert not (tmp_path / "none").exists()
    result = await asyncio.to_thread(CliRunner().invoke, cli.main, arguments, env={"LOBBY_JWT_SECRET": "another" * 9})
    assert (result.exit_code, "has another secret" in result.output) == (1, True)
