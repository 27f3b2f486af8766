"""What administrators have done while the log was away takes effect by itself: all that belongs to it is done, and it
is noted, though they are told to try again."""

from __future__ import annotations

from typing import Any

import pytest

from lobby_server.core.machine import commands
from lobby_server.core.machine.commands import Command
from lobby_server.core.refusal import Refusal, RefusalCode
from tests.web.api.test_administration import boss_of, deeds
from tests.web.api.test_upkeep import cheap_hashes, holds, register
from tests.web.conftest import Lobby

__all__ = ["cheap_hashes"]

BAN = ("POST", "/api/admin/bans", {"username": "bob", "reason": "spam"})
DEEDS: dict[str, tuple[type[Command], str, str, Any, tuple[str, str, str]]] = {
    "a ban": (commands.BanUser, *BAN, ("ban", "bob", "without an end: spam")),
    "a ban's sign-ins": (commands.SignOut, *BAN, ("ban", "bob", "without an end: spam")),
    "a kick": (
        commands.SignOut, "POST", "/api/admin/kicks", {"username": "bob", "reason": "spam"}, ("kick", "bob", "spam"),
    ),
    "a role": (commands.SignOut, "POST", "/api/admin/roles", {"username": "bob"}, ("role", "bob", "none")),
}  # fmt: skip


def refuse_once(lobby: Lobby, kind: type[Command], monkeypatch: pytest.MonkeyPatch) -> None:
    log = lobby.server.app.replica.log
    append = log.append

    def append_or_refuse(command: Command, request: Any = None) -> None:
        if isinstance(command, kind):
            monkeypatch.setattr(log, "append", append)
            raise Refusal(RefusalCode.TRY_AGAIN_LATER)
        append(command, request)

    monkeypatch.setattr(log, "append", append_or_refuse)


@pytest.mark.parametrize("what", DEEDS)
async def test_deed_that_is_told_late_is_done_whole_and_noted(
    lobby: Lobby, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    bob, boss = await register(lobby, "bob"), boss_of(lobby)
    kind, method, path, body, noted = DEEDS[what]
    refuse_once(lobby, kind, monkeypatch)
    assert await boss.refused(method, path, body) == (503, "try_again_later")
    await lobby.written()
    assert not await holds(lobby, bob["token"])
    assert (await deeds(boss))[0] == noted
    app = lobby.server.app
    assert await app.store.sign_ins(bob["user"]["id"], app.clock.utc_now()) == []
    assert bool((await boss.get("/api/admin/bans"))["bans"]) == (noted[0] == "ban")


async def test_lifted_ban_that_is_told_late_is_lifted_and_noted(lobby: Lobby, monkeypatch: pytest.MonkeyPatch) -> None:
    bob, boss = await register(lobby, "bob"), boss_of(lobby)
    await boss.post(*BAN[1:], status=201)
    refuse_once(lobby, commands.UnbanUser, monkeypatch)
    assert await boss.refused("DELETE", f"/api/admin/bans/{bob['user']['id']}") == (503, "try_again_later")
    await lobby.written()
    assert (await deeds(boss))[0] == ("unban", "bob", "")
    assert lobby.server.app.replica.books.user_bans == {}
