"""What `BanStore` and `AdminStore` of `lobby_server.service.administration.ports` promise, on every store there is."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

from lobby_server.core.presence import User
from lobby_server.service.administration.ports import NewAuditEntry, NewReport, StoredUserBan
from lobby_server.service.ports import Store

NOON = datetime(2026, 5, 17, 12, 0, 0, 123_456, tzinfo=timezone.utc)
ANN, BOB, BOSS = User(1, "ann"), User(2**53 - 1, "bob"), User(9, "boss")
BAN = StoredUserBan(user=BOB, reason='it\'s "why"', until=NOON + timedelta(days=1), created_at=NOON, by=BOSS)


async def test_a_ban_is_kept_as_it_is_given_and_replaced_by_the_next_one(store: Store) -> None:
    other = replace(BAN, user=ANN, until=None, created_at=NOON + timedelta(hours=1))
    await store.keep_user_ban(BAN)
    await store.keep_user_ban(other)
    assert await store.user_bans() == [other, BAN]
    longer = replace(BAN, reason="again", until=None)
    await store.keep_user_ban(longer)
    assert await store.user_bans() == [other, longer]


async def test_a_lifted_ban_is_gone(store: Store) -> None:
    await store.keep_user_ban(BAN)
    await store.delete_user_ban(ANN.id)
    assert await store.user_bans() == [BAN]
    await store.delete_user_ban(BOB.id)
    assert await store.user_bans() == []


async def test_bans_that_are_over_by_a_moment_go_and_no_others(store: Store) -> None:
    later, for_ever = replace(BAN, user=ANN, until=NOON + timedelta(hours=3)), replace(BAN, user=BOSS, until=None)
    over = replace(BAN, until=NOON + timedelta(hours=2))
    for ban in (over, later, for_ever):
        await store.keep_user_ban(ban)
    await store.forget_user_bans_until(NOON + timedelta(hours=1))
    assert len(await store.user_bans()) == 3
    await store.forget_user_bans_until(NOON + timedelta(hours=2))
    assert {ban.user for ban in await store.user_bans()} == {ANN, BOSS}


async def test_reports_come_newest_first_in_pages_and_are_closed(store: Store) -> None:
    new = NewReport(sender=ANN, about=BOB, text="first", room_id=None, created_at=NOON)
    first = await store.add_report(new)
    second = await store.add_report(replace(new, text="second", room_id="r1"))
    assert (first.text, first.room_id, first.is_closed) == ("first", None, False)
    assert await store.reports(before=None, most=9) == [second, first]
    assert await store.reports(before=None, most=1) == [second]
    assert await store.reports(before=second.id, most=9) == [first]
    assert await store.open_reports() == 2
    assert await store.close_report(first.id)
    assert await store.close_report(first.id)
    assert not await store.close_report(second.id + 1)
    assert await store.open_reports() == 1
    assert await store.reports(before=None, most=9, is_open=True) == [second]
    assert await store.reports(before=second.id, most=9, is_open=True) == []
    assert (await store.reports(before=None, most=9))[1] == replace(first, is_closed=True)


async def test_reports_of_a_user_go_with_their_account_and_those_about_them_stay(store: Store) -> None:
    new = NewReport(sender=ANN, about=BOB, text="of ann", room_id=None, created_at=NOON)
    mine = await store.add_report(new)
    about = await store.add_report(replace(new, sender=BOB, about=ANN, text="about ann"))
    assert await store.reports_by(ANN.id) == [mine]
    await store.delete_account(ANN.id)
    assert await store.reports_by(ANN.id) == []
    assert await store.reports(before=None, most=9) == [about]
    assert (await store.add_report(replace(new, sender=BOB))).id > about.id


async def test_what_administrators_did_comes_newest_first_in_pages(store: Store) -> None:
    for number in range(3):
        await store.add_audit_entry(NewAuditEntry(at=NOON, by=BOSS, deed="kick", target=f"t{number}", detail="why"))
    entries = await store.audit_entries(before=None, most=2)
    assert [entry.target for entry in entries] == ["t2", "t1"]
    assert (entries[0].by, entries[0].at, entries[0].detail) == (BOSS, NOON, "why")
    assert [entry.target for entry in await store.audit_entries(before=entries[1].id, most=2)] == ["t0"]


async def test_an_announcement_keeps_its_end(store: Store) -> None:
    ends_at = NOON + timedelta(hours=1)
    made = await store.add_announcement(title="t", body="b", author=BOSS, created_at=NOON, ends_at=ends_at)
    plain = await store.add_announcement(title="t", body="b", author=BOSS, created_at=NOON)
    assert await store.announcements(most=9) == [plain, made]
    assert (made.ends_at, plain.ends_at) == (ends_at, None)
