"""What is kept for a time only, under a virtual clock."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from bench.simulation.outside.memory_store import MemoryStore
from lobby_server.core.bans import PAST_BANS_S, UserBan
from lobby_server.core.machine import commands
from lobby_server.core.machine.image import dump
from lobby_server.core.presence import User
from lobby_server.service.accounts import revocations
from lobby_server.service.ports import SignIn
from lobby_server.service.retention import (
    NEXT_PASS_S,
    PAST_SIGN_INS_S,
    SIGN_INS_PER_PASS,
    SWEEP_EVERY_S,
    Retention,
)
from lobby_server.service.social.ports import NewLine
from lobby_server.service.writes.writer import StoreWriter
from lobby_server.settings import Settings
from tests.fakes.clock import VirtualClock
from tests.patience import PATIENCE_S
from tests.service.house import ANN, BOB, CLEO, House

BOSS = User(9, "boss")
KEPT_S = Settings().token_ttl_s + PAST_SIGN_INS_S


async def kept_after(seconds: float, *, chat_s: float, notifications_s: float) -> tuple[int, int]:
    """How many lines and notifications of now are left when that time has passed."""
    clock, store = VirtualClock(), MemoryStore()
    writer = StoreWriter(store)
    writer.start()
    Retention(
        store=store,
        writer=writer,
        clock=clock,
        chat_s=chat_s,
        notifications_s=notifications_s,
        token_ttl_s=3600.0,
        leads=lambda: True,
        forget_past_bans=lambda: None,
    ).start()
    await writer.idle()
    await store.add_chat_lines([NewLine(channel="lobby", sender=ANN, text="x", sent_at=clock.utc_now())])
    await store.add_notification(
        user_id=1, kind="k", title="t", body="b", from_user_id=2, created_at=clock.utc_now(), is_delivered=True
    )
    clock.advance(seconds)
    await writer.idle()
    await writer.stop(patience_s=PATIENCE_S)
    lines = await store.chat_lines("lobby", reader_id=1, before=None, most=9)
    return len(lines), len(await store.notifications(1, before=None, most=9))


async def test_each_goes_at_the_first_sweep_after_its_time() -> None:
    hours = SWEEP_EVERY_S
    assert await kept_after(2.5 * hours, chat_s=1.5 * hours, notifications_s=9 * hours) == (0, 1)
    assert await kept_after(1.2 * hours, chat_s=1.5 * hours, notifications_s=0.5 * hours) == (1, 0)


async def test_nothing_goes_where_it_is_kept_for_ever() -> None:
    assert await kept_after(100 * SWEEP_EVERY_S, chat_s=0.0, notifications_s=0.0) == (1, 1)


# Sign-ins


async def sign_in(house: House, number: int, *, for_s: float) -> None:
    now = house.clock.utc_now()
    await house.store.add_sign_in(
        SignIn(
            id=f"s{number}",
            user_id=number,
            client="",
            created_at=now,
            used_at=now,
            expires_at=now + timedelta(seconds=for_s),
        )
    )


def signed_in(house: House) -> set[str]:
    return set(house.store._sign_ins)


async def hours_later(house: House, hours: float) -> None:
    """One sweep at the end, and what it writes."""
    house.clock.suspend((hours - 1) * 3600.0)
    house.clock.advance(SWEEP_EVERY_S)
    await house.settle()


async def test_sign_in_goes_once_no_token_of_it_can_hold_though_its_user_never_comes_back(house: House) -> None:
    """Nor one that was refreshed at its end, while the database was away: the row knows nothing of that."""
    await sign_in(house, 1, for_s=3600.0)
    await sign_in(house, 2, for_s=7 * 24 * 3600.0)
    await hours_later(house, KEPT_S / 3600.0)
    assert signed_in(house) == {"s1", "s2"}
    await hours_later(house, 2)
    assert signed_in(house) == {"s2"}


async def test_sign_ins_go_so_many_at_a_time(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(2 * SIGN_INS_PER_PASS + 5):
        await sign_in(house, number, for_s=1.0)
    house.clock._start += timedelta(seconds=KEPT_S + 1.0)
    calls: list[Any] = []
    forget = house.store.forget_sign_ins_until

    async def noted(*args: Any, **named: Any) -> int:
        calls.append(await forget(*args, **named))
        return int(calls[-1])

    monkeypatch.setattr(house.store, "forget_sign_ins_until", noted)
    house.app.retention.start()
    await house.app.writer.idle()
    assert calls == [SIGN_INS_PER_PASS], "the rest waits"
    for _ in range(5):
        house.clock.advance(NEXT_PASS_S)
        await house.app.writer.idle()
    assert calls == [SIGN_INS_PER_PASS, SIGN_INS_PER_PASS, 5]
    assert signed_in(house) == set()


async def test_node_that_does_not_lead_sweeps_nothing_until_it_does(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sign_in(house, 1, for_s=1.0)
    house.app.replica.submit(commands.NodeUp("another"))
    await hours_later(house, KEPT_S / 3600.0 + 2)
    assert signed_in(house) == {"s1"}
    house.app.replica.submit(commands.NodeLost("another"))
    await hours_later(house, 1)
    assert signed_in(house) == set()


# Bans


async def test_name_and_reason_of_a_ban_are_in_no_books_a_day_after_its_end(house: House) -> None:
    administration, books = house.app.administration, house.app.replica.books
    for user, ends_in_s in ((ANN, 3600), (BOB, 30 * 24 * 3600), (CLEO, None)):
        await administration.ban(BOSS, user.username, reason=f"for {user.username}", ends_in_s=ends_in_s)
    await hours_later(house, PAST_BANS_S / 3600.0)
    assert set(books.user_bans) == {ANN.id, BOB.id, CLEO.id}, "a clock may be wrong for a moment"
    await hours_later(house, 3)
    assert set(books.user_bans) == {BOB.id, CLEO.id}
    assert b"for ann" not in dump(house.app.replica.state), "which nodes that follow begin with"


async def test_user_who_was_banned_anew_meanwhile_stays_out(house: House) -> None:
    administration, books = house.app.administration, house.app.replica.books
    await administration.ban(BOSS, ANN.username, reason="at first", ends_in_s=3600)
    await hours_later(house, 10)
    await administration.ban(BOSS, ANN.username, reason="again", ends_in_s=None)
    past_s = house.clock.utc_now().timestamp() - PAST_BANS_S - 1.0
    books.user_bans[ANN.id] = UserBan(ANN, "at first", past_s)  # what the store has is not here yet
    house.app.retention.start()
    await house.settle()
    assert books.user_bans[ANN.id].reason == "again"


async def test_many_bans_that_are_over_go_in_parts_between_which_others_have_their_turn(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocations, "LIFTED_PER_HOLD", 3)
    books, bans = house.app.replica.books, house.app.revocations.gated_bans
    past_s = house.clock.utc_now().timestamp() - PAST_BANS_S - 1.0
    for number in range(1, 9):
        books.user_bans[number] = UserBan(User(number, f"user{number}"), "", past_s)
    left: list[int] = []
    hold = bans.hold

    @contextlib.asynccontextmanager
    async def noted() -> AsyncIterator[Any]:
        left.append(len(books.user_bans))
        async with hold() as held:
            yield held

    monkeypatch.setattr(bans, "hold", noted)
    house.app.retention.start()
    await house.settle()
    assert left == [8, 5, 2]
    assert not books.user_bans
