"""Chat over the socket and its history over HTTP: who hears a line, who does not, and what is refused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from lobby_server.service.ports import StoreUnavailable
from tests.web.conftest import Lobby, StartLobby
from tests.web.people import Person, ann_bob_eve
from tests.web.websocket.test_socket import wait_until


async def say(person: Person, channel: str, text: str, *, socket: int = 0) -> None:
    await person.sockets[socket].command("chat_message", channel=channel, text=text)


async def heard(person: Person, *, socket: int = 0) -> list[tuple[str, str, str]]:
    """Channel, sender and text of the lines that a socket was told since the last time."""
    return [
        (data["channel"], data["from_username"], data["text"])
        for type_, data in await person.told(socket=socket)
        if type_ == "chat_message"
    ]


async def reply(person: Person, channel: Any, text: Any) -> str:
    """The reason with which a line is refused."""
    await person.sockets[0].command("chat_message", channel=channel, text=text)
    ((type_, data),) = await person.told()
    assert type_ == "error"
    reason: str = data["reason"]
    return reason


async def history(person: Person, channel: str, query: str = "") -> list[str]:
    return [line["text"] for line in (await person.get(f"/api/chat/{channel}{query}"))["messages"]]


async def take_part(*people: Person) -> None:
    """What a page does when it opens: read what was said."""
    for person in people:
        await person.get("/api/chat/lobby")


# The lobby


async def test_line_in_the_lobby_goes_to_all_who_take_part_in_order(lobby: Lobby) -> None:
    ann, bob, eve = await ann_bob_eve(lobby)
    await bob.open("presence_batch")
    await take_part(eve)
    for number in range(5):
        await say(ann, "lobby", f"line {number}")
    await lobby.clients[0].fence()
    expected = [("lobby", "ann", f"line {number}") for number in range(5)]
    assert await history(ann, "lobby") == [text for _, _, text in expected]
    assert await heard(bob, socket=1) == await heard(eve) == expected
    assert await heard(bob) == []  # the same user's base client, which never asked for any of it


async def test_base_client_of_somebody_who_takes_part_hears_the_lobby_on_every_socket(lobby: Lobby) -> None:
    ann, bob, _ = await ann_bob_eve(lobby)
    await say(ann, "lobby", "first")
    assert await heard(ann) == [("lobby", "ann", "first")]
    assert await bob.told() == []
    await take_part(bob)
    await bob.open()
    await say(ann, "lobby", "second")
    await heard(ann)
    for socket in range(2):
        assert await heard(bob, socket=socket) == [("lobby", "ann", "second")]


async def test_event_has_the_fields_of_the_contract(lobby: Lobby) -> None:
    ann, *_ = await ann_bob_eve(lobby)
    await say(ann, "lobby", "<b>hé</b>")
    ((_, event),) = await ann.told()
    assert list(event) == ["id", "channel", "from_user_id", "from_username", "text", "ts"]
    assert event["text"] == "<b>hé</b>"
    page = await ann.get("/api/chat/lobby")
    assert page == {"channel": "lobby", "messages": [event], "has_more": False}


# Direct and party


async def test_direct_line_goes_to_both_ends_and_each_can_answer_in_its_channel(lobby: Lobby) -> None:
    ann, bob, eve = await ann_bob_eve(lobby)
    await bob.open("rooms_delta")
    await ann.open()
    await say(ann, "user:2", "psst")
    for socket in range(2):
        assert await heard(ann, socket=socket) == [("user:2", "ann", "psst")]
        assert await heard(bob, socket=socket) == [("user:1", "ann", "psst")]
    await say(bob, "user:1", "yes?")
    assert await heard(ann) == [("user:2", "bob", "yes?")]
    assert await eve.told() == []
    assert await history(ann, "user:2") == await history(bob, "user%3A1") == ["psst", "yes?"]
    assert await history(eve, "user:1") == []


async def test_direct_line_of_somebody_blocked_does_not_arrive_and_its_sender_cannot_tell(lobby: Lobby) -> None:
    ann, bob, _ = await ann_bob_eve(lobby)
    await bob.post("/api/blocks", {"user_id": 1}, status=201)
    await say(ann, "user:2", "hello?")
    assert await heard(ann) == [("user:2", "ann", "hello?")]
    assert await bob.told() == []
    assert await history(ann, "user:2") == ["hello?"]
    assert await history(bob, "user:1") == []
    assert await reply(bob, "user:1", "no") == "blocked_by_you"
    await bob.call("DELETE", "/api/blocks/1")
    assert await history(bob, "user:1") == []  # what was withheld stays so
    await say(ann, "user:2", "friends again?")
    assert await heard(bob) == [("user:1", "ann", "friends again?")]


async def test_direct_line_to_who_is_offline_is_notified_once_until_it_is_read(lobby: Lobby) -> None:
    account = {"username": "grace", "password": "correct horse"}
    grace = Person(lobby, (await lobby.call("POST", "/api/auth/register", account)).body["user"]["id"], "grace")
    ann = Person(lobby, 50, "ann")
    await ann.open()
    for text in ("x" * 200, "second"):
        await say(ann, f"user:{grace.id}", text)
        await heard(ann)
    await grace.open()
    ((type_, data),) = await grace.told()
    assert (type_, data["kind"], data["title"]) == ("notification", "direct_message", "Message from ann")
    assert data["body"] == "x" * 99 + "…"
    assert await history(grace, "user:50") == ["x" * 200, "second"]


async def test_party_line_goes_to_its_members(lobby: Lobby) -> None:
    ann, bob, eve = await ann_bob_eve(lobby)
    assert await reply(ann, "party", "anybody?") == "not_in_party"
    assert await ann.refused("GET", "/api/chat/party") == (403, "not_in_party")
    party_id = (await ann.post("/api/parties", status=201))["party"]["id"]
    await ann.post(f"/api/parties/{party_id}/invites", {"to_user_id": 2}, status=201)
    await bob.post(f"/api/parties/{party_id}/join")
    await say(bob, "party", "ready")
    assert await heard(ann) == await heard(bob) == [("party", "bob", "ready")]
    assert await heard(eve) == []
    assert await history(ann, "party") == ["ready"]
    await ann.post(f"/api/parties/{party_id}/leave")
    await ann.post("/api/parties", status=201)
    assert await history(ann, "party") == []  # another party, another talk


# Limits


@pytest.mark.parametrize(
    ("channel", "text", "reason"),
    [
        ("lobby", "", "invalid_chat_message"),
        ("lobby", " \n ", "invalid_chat_message"),
        ("lobby", "nul \0", "invalid_chat_message"),
        ("lobby", 7, "invalid_chat_message"),
        (None, "text", "invalid_chat_message"),
        ("room", "text", "invalid_channel"),
        ("user:", "text", "invalid_channel"),
        ("user:-2", "text", "invalid_channel"),
        ("user:02", "text", "invalid_channel"),
        ("user:1", "text", "invalid_target"),
        ("user:77", "text", "user_not_found"),
    ],
)
async def test_line_that_cannot_go_anywhere_is_refused(lobby: Lobby, channel: Any, text: Any, reason: str) -> None:
    ann, *_ = await ann_bob_eve(lobby)
    assert await reply(ann, channel, text) == reason


async def test_long_line_is_cut(start_lobby: StartLobby) -> None:
    lobby = await start_lobby(chat_max_characters=10)
    ann, *_ = await ann_bob_eve(lobby)
    await say(ann, "lobby", "12345678901234")
    assert await heard(ann) == [("lobby", "ann", "1234567890")]


async def test_who_talks_too_much_is_told_on_all_sockets_together_and_others_go_on(start_lobby: StartLobby) -> None:
    lobby = await start_lobby(chat_rate_per_min=12)
    ann, bob, _ = await ann_bob_eve(lobby)
    await ann.open()
    await say(ann, "lobby", "one")
    await say(ann, "user:2", "two", socket=1)
    assert [data for type_, data in await ann.told(socket=1) if type_ == "error"] == []
    await heard(ann)
    assert await reply(ann, "lobby", "three") == "rate_limited"
    await say(bob, "lobby", "mine")
    assert ("lobby", "bob", "mine") in await heard(bob)


async def test_history_comes_in_pages_and_outlives_the_server(start_lobby: StartLobby) -> None:
    lobby = await start_lobby(chat_rate_per_min=0, command_rate_per_s=0)
    ann = Person(lobby, 1, "ann")
    await ann.open()
    for number in range(60):
        await say(ann, "lobby", str(number))
    await ann.told()
    await lobby.server.drain()
    ann = Person(await start_lobby(), 1, "ann")
    last = await ann.get("/api/chat/lobby")
    assert [line["text"] for line in last["messages"]] == [str(number) for number in range(10, 60)]
    assert last["has_more"]
    first = await ann.get(f"/api/chat/lobby?before={last['messages'][0]['id']}")
    assert [line["text"] for line in first["messages"]] == [str(number) for number in range(10)]
    assert not first["has_more"]


async def test_history_of_no_channel_and_of_nobody_is_refused(lobby: Lobby) -> None:
    ann = Person(lobby, 1, "ann")
    assert await ann.refused("GET", "/api/chat/room") == (404, "invalid_channel")
    assert await ann.refused("GET", "/api/chat/user:77") == (404, "user_not_found")
    assert (await lobby.call("GET", "/api/chat/lobby")).status == 401


async def test_line_that_cannot_be_kept_is_refused_and_told_to_nobody(
    lobby: Lobby, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ann, bob, _ = await ann_bob_eve(lobby)
    await take_part(bob)

    async def away(lines: object) -> None:
        raise StoreUnavailable("The database cannot be reached.")

    assert lobby.server.app is not None
    with monkeypatch.context() as patch:
        patch.setattr(lobby.server.app.store, "add_chat_lines", away)
        assert await reply(ann, "lobby", "lost") == "try_again_later"
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == [
        "the database takes no writes, they wait until it does: The database cannot be reached."
    ]
    caplog.clear()
    writer = lobby.server.app.writer
    await wait_until(lambda: not writer.is_away)
    await say(ann, "lobby", "again")
    assert await heard(ann) == await heard(bob) == [("lobby", "ann", "again")]
    assert await history(ann, "lobby") == ["again"]


async def test_lines_that_come_while_the_database_writes_are_kept_together_in_order(
    lobby: Lobby, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob, _ = await ann_bob_eve(lobby)
    await take_part(bob)
    assert lobby.server.app is not None
    store, batches = lobby.server.app.store, list[int]()
    keep, is_free = store.add_chat_lines, asyncio.Event()

    async def slowly(lines: Any) -> Any:
        batches.append(len(lines))
        await is_free.wait()
        return await keep(lines)

    monkeypatch.setattr(store, "add_chat_lines", slowly)
    for number in range(5):
        await say(ann, "lobby", str(number))
        await ann.sockets[0].fence()
    assert await bob.sockets[0].fence() == []  # nobody hears what is not kept
    is_free.set()
    assert [text for _, _, text in await heard(bob)] == ["0", "1", "2", "3", "4"]
    assert batches == [1, 4]


async def test_base_client_that_uses_none_of_it_hears_what_it_always_heard(lobby: Lobby) -> None:
    """While others talk, make friends and parties, and are counted."""
    ann, bob, eve = await ann_bob_eve(lobby)
    await bob.open("presence_friends", "player_count", "ack", "rooms_delta")
    await eve.sockets[0].fence()
    request = await ann.post("/api/friends/requests", {"to_user_id": 2}, status=201)
    await bob.post(f"/api/friends/requests/{request['request']['request_id']}/accept")
    party_id = (await ann.post("/api/parties", status=201))["party"]["id"]
    await ann.post(f"/api/parties/{party_id}/invites", {"to_user_id": 2}, status=201)
    await bob.post(f"/api/parties/{party_id}/join")
    for channel in ("lobby", "party", "user:2"):
        await say(ann, channel, "hi")
    await ann.post("/api/blocks", {"user_id": 2}, status=201)
    await lobby.written()
    assert await eve.sockets[0].fence() == []
