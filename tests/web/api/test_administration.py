"""What administrators do over HTTP: kicks, bans, rooms, reports, and the record of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from lobby_server.service.administration.administration import shown_settings
from lobby_server.settings import Settings
from tests.web.conftest import Lobby, StartLobby
from tests.web.people import Person, ann_bob_eve

CALLS = [
    ("GET", "/api/admin/overview", None),
    ("POST", "/api/admin/kicks", {"username": "bob", "reason": "spam"}),
    ("GET", "/api/admin/bans", None),
    ("POST", "/api/admin/bans", {"username": "bob", "reason": "spam"}),
    ("DELETE", "/api/admin/bans/2", None),
    ("GET", "/api/admin/rooms", None),
    ("POST", "/api/admin/rooms/x/close", {"reason": "spam"}),
    ("GET", "/api/admin/reports", None),
    ("POST", "/api/admin/reports/1/close", {}),
    ("GET", "/api/admin/audit", None),
]


def boss_of(lobby: Lobby) -> Person:
    return Person(lobby, 99, "boss", role="admin")


async def deeds(boss: Person) -> list[tuple[str, str, str]]:
    return [(each["deed"], each["target"], each["detail"]) for each in (await boss.get("/api/admin/audit"))["entries"]]


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
async def test_call_of_administrators_is_for_nobody_else(lobby: Lobby, method: str, path: str, body: Any) -> None:
    assert await Person(lobby, 1, "ann").refused(method, path, body) == (403, "admin_required")
    assert (await lobby.call(method, path, body)).status == 401


async def test_banned_user_is_out_at_once_stays_out_over_a_restart_and_comes_back_when_it_is_lifted(
    start_lobby: StartLobby,
) -> None:
    lobby = await start_lobby()
    _, bob, _ = await ann_bob_eve(lobby)
    boss = boss_of(lobby)
    made = await boss.post("/api/admin/bans", {"username": "bob", "reason": "spam", "ends_in_s": 3600}, status=201)
    assert (made["username"], made["reason"], made["by_username"]) == ("bob", "spam", "boss")
    assert await bob.sockets[0].closed() == 4503
    until = f"{datetime.fromisoformat(made['until'].removesuffix('Z')):%Y-%m-%d %H:%M} UTC"
    assert bob.sockets[0].connection.close_reason == f"banned until {until}: spam"
    answer = await bob.call("GET", "/api/friends")
    assert (answer.status, answer.body["code"]) == (403, "user_banned")
    assert answer.body["error"].startswith("You are banned from this lobby until 20")
    assert answer.body["error"].endswith("Reason: spam")
    data_dir = lobby.server.settings.data_dir
    await lobby.server.drain()
    lobby = await start_lobby(data_dir=data_dir)
    boss, bob = boss_of(lobby), Person(lobby, 2, "bob")
    assert [ban["username"] for ban in (await boss.get("/api/admin/bans"))["bans"]] == ["bob"]
    plain, featured = await lobby.connect(), await lobby.connect()
    refused = await plain.handshake(bob.token)
    assert refused == {"type": "error", "data": {"reason": "invalid_token"}}, "as ever for a base client"
    await featured.command("handshake", version="1", name="P", token=bob.token, features=["rev"])
    assert "Reason: spam" in (await featured.next())["data"]["detail"]
    assert (await boss.call("DELETE", "/api/admin/bans/2")).status == 200
    assert await boss.refused("DELETE", "/api/admin/bans/2") == (404, "not_banned")
    await bob.open()


async def test_close_of_a_banned_user_says_why_as_far_as_there_is_room(lobby: Lobby) -> None:
    _, bob, eve = await ann_bob_eve(lobby)
    boss = boss_of(lobby)
    for guest, body, reason in (
        (bob, {"username": "bob", "reason": "spam"}, "banned: spam"),
        (eve, {"username": "eve", "reason": 200 * "é", "ends_in_s": 60}, "banned until 20"),
    ):
        await boss.post("/api/admin/bans", body, status=201)
        assert await guest.sockets[0].closed() == 4503
        assert guest.sockets[0].connection.close_reason.startswith(reason)
    assert 122 <= len(eve.sockets[0].connection.close_reason.encode()) <= 123


async def test_answer_to_a_banned_user_is_one_that_the_description_names(lobby: Lobby) -> None:
    account = {"username": "bob", "password": "12345678"}
    made = (await lobby.call("POST", "/api/auth/register", account)).body
    await boss_of(lobby).post("/api/admin/bans", {"username": "bob", "reason": "spam"}, status=201)
    paths = (await lobby.call("GET", "/api/openapi.json")).body["paths"]
    for method, path, body in (("POST", "/api/auth/login", account), ("GET", "/api/friends", None)):
        answer = await lobby.call(method, path, body, token=made["token"])
        assert (answer.status, answer.body["code"]) == (403, "user_banned")
        assert "user_banned" in paths[path][method.lower()]["responses"]["403"]["description"].split(", ")


async def test_ban_that_only_the_database_knows_of_yet_is_listed_and_can_be_lifted(lobby: Lobby) -> None:
    """As when the log of several nodes went away before it had the ban."""
    await ann_bob_eve(lobby)
    boss = boss_of(lobby)
    await boss.post("/api/admin/bans", {"username": "bob", "reason": "spam"}, status=201)
    lobby.server.app.replica.books.user_bans.clear()
    assert [ban["username"] for ban in (await boss.get("/api/admin/bans"))["bans"]] == ["bob"]
    assert (await boss.call("DELETE", "/api/admin/bans/2")).status == 200
    assert (await boss.get("/api/admin/bans"))["bans"] == []
    assert (await deeds(boss))[0] == ("unban", "bob", "")
    assert await boss.refused("DELETE", "/api/admin/bans/2") == (404, "not_banned")


async def test_ban_ends_by_itself(lobby: Lobby) -> None:
    _, bob, _ = await ann_bob_eve(lobby)
    boss = boss_of(lobby)
    await boss.post("/api/admin/bans", {"username": "bob", "reason": "cool down", "ends_in_s": 1}, status=201)
    answer = await bob.call("GET", "/api/friends")
    while answer.status == 403:
        assert answer.body["code"] == "user_banned"
        answer = await bob.call("GET", "/api/friends")
    assert answer.status == 200
    assert (await boss.get("/api/admin/bans"))["bans"] == []


async def test_kicked_user_is_signed_out_with_the_reason_and_may_come_back(lobby: Lobby) -> None:
    _, bob, _ = await ann_bob_eve(lobby)
    await boss_of(lobby).post("/api/admin/kicks", {"username": "bob", "reason": "wake up"})
    assert await bob.sockets[0].closed() == 4502
    assert bob.sockets[0].connection.close_reason == "kicked: wake up"
    await bob.open()


async def test_administrators_reach_only_others_who_exist_and_give_a_reason(lobby: Lobby) -> None:
    boss = boss_of(lobby)
    await boss.open()
    for path in ("/api/admin/kicks", "/api/admin/bans"):
        assert await boss.refused("POST", path, {"username": "boss", "reason": "x"}) == (400, "invalid_target")
        assert await boss.refused("POST", path, {"username": "nobody", "reason": "x"}) == (404, "user_not_found")
        answer = await boss.call("POST", path, {"username": "nobody", "reason": " "})
        assert (answer.status, list(answer.body["fields"])) == (400, ["reason"])


async def test_room_is_closed_whoever_hosts_it_and_its_members_are_told(lobby: Lobby) -> None:
    ann, _, _ = await ann_bob_eve(lobby)
    featured = await ann.open("rev")
    made = await ann.post("/api/rooms", {"gamemode": "duel"}, status=201)
    room_id = made["room"]["id"]
    boss = boss_of(lobby)
    await boss.post(f"/api/admin/rooms/{room_id}/close", {"reason": "rude name"})
    assert (await featured.expect("room_closed")) == {"roomId": room_id}
    await ann.sockets[0].expect("kicked")
    assert (await lobby.call("GET", f"/api/rooms/{room_id}")).status == 404
    assert await boss.refused("POST", f"/api/admin/rooms/{room_id}/close", {"reason": "x"}) == (404, "room_not_found")
    assert (await deeds(boss))[0] == ("close room", f"duel of ann ({room_id})", "rude name")


async def test_all_rooms_are_listed_and_private_ones_are_closed_as_well(lobby: Lobby) -> None:
    ann, bob, _ = await ann_bob_eve(lobby)
    shown = (await ann.post("/api/rooms", {"gamemode": "duel", "name": "in the list"}, status=201))["room"]
    hidden = (await bob.post("/api/rooms", {"gamemode": "race", "isPublic": False}, status=201))["room"]
    boss = boss_of(lobby)
    assert await boss.get("/api/admin/rooms") == {
        "count": 2,
        "rooms": [{**hidden, "is_public": False}, {**shown, "is_public": True}],
    }
    await boss.post(f"/api/admin/rooms/{hidden['id']}/close", {"reason": "reported"})
    await bob.sockets[0].expect("kicked")
    assert [room["id"] for room in (await boss.get("/api/admin/rooms"))["rooms"]] == [shown["id"]]
    assert (await lobby.call("GET", "/api/rooms")).body["rooms"] == [shown]


async def test_reports_reach_the_administrators_until_they_are_closed(lobby: Lobby) -> None:
    ann, _, _ = await ann_bob_eve(lobby)
    await ann.post("/api/reports", {"username": "bob", "text": "called me names", "room_id": "r"}, status=201)
    assert await ann.refused("POST", "/api/reports", {"username": "ann", "text": "x"}) == (400, "invalid_target")
    assert (await ann.call("POST", "/api/reports", {"username": "bob", "text": ""})).body["fields"].keys() == {"text"}
    boss = boss_of(lobby)
    listed = await boss.get("/api/admin/reports")
    (report,) = listed["reports"]
    assert (listed["open"], report["from_username"], report["about_username"]) == (1, "ann", "bob")
    assert (report["text"], report["room_id"], report["is_closed"]) == ("called me names", "r", False)
    await boss.post(f"/api/admin/reports/{report['id']}/close")
    assert await boss.refused("POST", "/api/admin/reports/999/close") == (404, "report_not_found")
    listed = await boss.get("/api/admin/reports")
    assert (listed["open"], listed["reports"][0]["is_closed"]) == (0, True)


async def test_reports_come_in_pages(start_lobby: StartLobby) -> None:
    lobby = await start_lobby(social_rate_per_min=0.0)
    ann, _, _ = await ann_bob_eve(lobby)
    boss = boss_of(lobby)
    for number in range(52):
        await ann.post("/api/reports", {"username": "bob", "text": f"number {number}"}, status=201)
    first = await boss.get("/api/admin/reports")
    assert (len(first["reports"]), first["has_more"], first["open"]) == (50, True, 52)
    second = await boss.get(f"/api/admin/reports?before={first['reports'][-1]['id']}")
    assert ([each["text"] for each in second["reports"]], second["has_more"]) == (["number 1", "number 0"], False)
    for report in (*first["reports"], second["reports"][0]):
        await boss.post(f"/api/admin/reports/{report['id']}/close")
    waiting = await boss.get("/api/admin/reports?open=1")
    assert ([each["text"] for each in waiting["reports"]], waiting["open"]) == (["number 0"], 1)
    assert await boss.refused("GET", "/api/admin/reports?open=yes") == (400, "invalid_request")


async def test_record_says_who_did_what_newest_first(lobby: Lobby) -> None:
    await ann_bob_eve(lobby)
    boss = boss_of(lobby)
    await boss.post("/api/admin/kicks", {"username": "bob", "reason": "spam"})
    await boss.post("/api/admin/bans", {"username": "eve", "reason": "worse"}, status=201)
    await boss.call("DELETE", "/api/admin/bans/3")
    await boss.post("/api/announcements", {"title": "hello", "body": "all"}, status=201)
    assert await deeds(boss) == [
        ("announce", "hello", "all"),
        ("unban", "eve", ""),
        ("ban", "eve", "without an end: worse"),
        ("kick", "bob", "spam"),
    ]
    (entry, *_) = (await boss.get("/api/admin/audit"))["entries"]
    assert (entry["by_user_id"], entry["by_username"]) == (99, "boss")


async def test_announcement_with_an_end_says_so_and_is_listed_until_then(lobby: Lobby) -> None:
    ann, _, _ = await ann_bob_eve(lobby)
    boss = boss_of(lobby)
    await boss.post("/api/announcements", {"title": "for good"}, status=201)
    made = await boss.post("/api/announcements", {"title": "for a second", "ends_in_s": 1}, status=201)
    assert 0 < made["until"] - made["ts"] <= 1000
    told = [data for type_, data in await ann.told() if type_ == "announcement"]
    assert [list(each) for each in told] == [["id", "title", "body", "ts"], ["id", "title", "body", "ts", "until"]]
    listed = (await ann.get("/api/announcements"))["announcements"]
    while len(listed) > 1:
        listed = (await ann.get("/api/announcements"))["announcements"]
    assert [each["title"] for each in listed] == ["for good"]


async def test_overview_has_the_settings_in_force_and_no_secret(lobby: Lobby) -> None:
    overview = await boss_of(lobby).get("/api/admin/overview")
    assert overview["uptime_s"] >= 0
    assert overview["settings"]["jwt_secret"] == "given"
    assert overview["settings"]["drain_s"] == "2.0"
    assert "secret of the tests" not in str(overview)


def test_passwords_in_urls_are_not_shown() -> None:
    shown = shown_settings(Settings(database_url="postgresql://lobby:pass@db/lobby"))
    assert shown["database_url"] == "postgresql://…@db/lobby"


def test_passwords_are_not_shown_wherever_they_stand_in_a_url() -> None:
    settings = Settings(
        database_url="postgresql://db/lobby?user=lobby&password=pass&sslmode=require",
        smtp_url="smtp://lobby:pass@word@mail.example:587",
        mail_from="lobby@play.example",
        public_url="https://play.example",
    )
    shown = shown_settings(settings)
    assert shown["smtp_url"] == "smtp://…@mail.example:587"
    assert shown["database_url"] == "postgresql://db/lobby?user=lobby&password=…&sslmode=require"
