"""What `lobby_server.service.mail.ports.MailStore` promises, on every store there is."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta, timezone

from lobby_server.service.mail.ports import MailKind, WaitingMail
from lobby_server.service.ports import Store

NOON = datetime(2026, 5, 17, 12, 0, 0, 123_456, tzinfo=timezone.utc)
HELD = NOON + timedelta(minutes=3)
LATER = NOON + timedelta(minutes=4)
RESET = WaitingMail(
    id="m1",
    kind=MailKind.RESET,
    user_id=2**53 - 1,
    to="Ann.O'Hara@example.org",
    fingerprint="0f" * 16,
    language="de",
    good_until=NOON + timedelta(hours=1),
)
CONFIRMATION = replace(
    RESET, id="m2", kind=MailKind.CONFIRMATION, user_id=2, language="en", good_until=NOON + timedelta(days=1)
)


async def claim(store: Store, now: datetime, *, most: int = 9, is_alone: bool = False) -> list[WaitingMail]:
    return await store.claim_mails(now=now, until=now + timedelta(minutes=3), most=most, is_alone=is_alone)


async def test_kept_mail_is_its_holders_until_the_moment_is_over_and_comes_as_it_was_given(store: Store) -> None:
    await store.keep_mail(CONFIRMATION, held_until=HELD)
    await store.keep_mail(RESET, held_until=HELD)
    await store.keep_mail(replace(RESET, to="other@example.org"), held_until=NOON)  # a second time changes nothing
    assert await claim(store, NOON) == []
    assert await claim(store, HELD) == [RESET, CONFIRMATION], "the one that ends first comes first"
    assert await claim(store, HELD) == [], "they have another holder now"


async def test_lone_server_gets_all_whoever_holds_them_and_never_more_than_it_asks_for(store: Store) -> None:
    await store.keep_mail(RESET, held_until=HELD)
    await store.keep_mail(CONFIRMATION, held_until=HELD)
    assert await claim(store, NOON, most=0, is_alone=True) == []
    assert await claim(store, NOON, most=1, is_alone=True) == [RESET]
    assert await claim(store, NOON, is_alone=True) == [RESET, CONFIRMATION]


async def test_mail_that_is_held_for_longer_waits_for_longer_and_one_that_is_let_go_of_is_free(store: Store) -> None:
    await store.keep_mail(RESET, held_until=HELD)
    await store.keep_mail(CONFIRMATION, held_until=HELD)
    assert await store.hold_mails({RESET.id: HELD, "gone": HELD}, until=LATER) == {RESET.id}
    assert await store.hold_mails({CONFIRMATION.id: HELD}, until=NOON) == {CONFIRMATION.id}
    assert await store.hold_mails({}, until=NOON) == set()
    assert await claim(store, NOON) == [CONFIRMATION]
    assert await claim(store, HELD) == [CONFIRMATION]
    assert await claim(store, LATER) == [RESET]


async def test_mail_that_another_holder_has_claimed_is_neither_held_for_longer_nor_let_go_of(store: Store) -> None:
    await store.keep_mail(RESET, held_until=NOON)
    await store.keep_mail(CONFIRMATION, held_until=HELD)
    assert await claim(store, NOON) == [RESET]
    assert await store.hold_mails({RESET.id: NOON, CONFIRMATION.id: HELD}, until=LATER) == {CONFIRMATION.id}
    assert await store.hold_mails({RESET.id: NOON, CONFIRMATION.id: HELD}, until=NOON) == set()
    assert await claim(store, HELD) == [RESET]
    assert await claim(store, LATER) == [CONFIRMATION]


async def test_mails_of_a_user_are_found_whoever_holds_them(store: Store) -> None:
    later = replace(RESET, id="m3", good_until=RESET.good_until + timedelta(hours=1))
    for mail in (later, RESET, CONFIRMATION):
        await store.keep_mail(mail, held_until=HELD)
    assert await store.mails_of(RESET.user_id) == [RESET, later]
    assert await store.mails_of(3) == []


async def test_mail_that_was_sent_or_that_nobody_waits_for_is_gone(store: Store) -> None:
    await store.keep_mail(RESET, held_until=NOON)
    await store.keep_mail(CONFIRMATION, held_until=NOON)
    assert await claim(store, RESET.good_until, most=9) == [CONFIRMATION]
    await store.forget_mails_until(RESET.good_until)
    assert await claim(store, NOON, is_alone=True) == [CONFIRMATION]
    for _ in range(2):
        await store.forget_mail(CONFIRMATION.id)
    assert await claim(store, NOON, is_alone=True) == []


async def test_mails_of_an_account_go_with_it(store: Store) -> None:
    await store.keep_mail(RESET, held_until=NOON)
    await store.keep_mail(CONFIRMATION, held_until=NOON)
    await store.delete_account(RESET.user_id)
    assert await claim(store, NOON) == [CONFIRMATION]


async def test_two_that_claim_at_once_get_no_mail_both(store: Store) -> None:
    for number in range(20):
        await store.keep_mail(replace(RESET, id=f"m{number}"), held_until=NOON)
    claims = await asyncio.gather(*(claim(store, NOON) for _ in range(5)))
    ids = [mail.id for each in claims for mail in each]
    assert len(ids) == len(set(ids))
    assert {*ids, *(mail.id for mail in await claim(store, NOON, most=20))} == {f"m{number}" for number in range(20)}
