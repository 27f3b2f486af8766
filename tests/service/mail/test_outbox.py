"""The mails that wait: sent in turn, tried again, given up, kept over an end, and never in anybody's way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bench.simulation.outside.memory_store import MemoryStore
from lobby_server.service.mail.outbox import (
    AT_ONCE,
    HELD_FOR_S,
    MAX_WAITING,
    RETRY_AFTER_S,
    SWEEP_EVERY_S,
    Decide,
    MailOutbox,
)
from lobby_server.service.mail.ports import Mail, MailFailed, MailKind, WaitingMail
from lobby_server.service.writes.writer import StoreWriter
from tests.fakes.clock import VirtualClock
from tests.patience import PATIENCE_S

GOOD_FOR_S = 3600.0


class FakeMailer:
    """Takes mails unless it is told otherwise."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.failures: list[MailFailed] = []
        """Of the next deliveries."""
        self.is_away = False
        self.refuses: set[str] = set()
        self.attempts = 0
        self.opens = asyncio.Event()
        self.opens.set()

    async def deliver(self, mail: Mail) -> None:
        self.attempts += 1
        await self.opens.wait()
        if self.is_away or mail.subject in self.refuses:
            raise away()
        if self.failures:
            raise self.failures.pop(0)
        self.taken.append(mail.subject)


def away(*, is_final: bool = False) -> MailFailed:
    return MailFailed("the mail server answered 4", is_final=is_final)


async def turns() -> None:
    """All that can happen without time passing."""
    for _ in range(40):
        await asyncio.sleep(0)


class Post:
    """An outbox with all that it needs; another one on the same store is another server, or a later life."""

    def __init__(self, store: MemoryStore, clock: VirtualClock) -> None:
        self.mailer = FakeMailer()
        self.clock = clock
        self.writer = StoreWriter(store)
        self.writer.start()
        self.unwritable: set[str] = set()
        self.outbox = MailOutbox(self.mailer, write=self.write, store=store, writer=self.writer, clock=clock)

    async def write(self, mail: WaitingMail) -> Mail | None:
        return None if mail.id in self.unwritable else Mail(to=mail.to, subject=mail.id, text="")

    def wish(self, name: str) -> Decide:
        async def decide() -> WaitingMail | None:
            return self.mail(name) if name else None

        return decide

    def mail(self, name: str) -> WaitingMail:
        return WaitingMail(
            id=name,
            kind=MailKind.RESET,
            user_id=1,
            to="ann@example.org",
            fingerprint="f",
            language="en",
            good_until=self.clock.utc_now() + timedelta(seconds=GOOD_FOR_S),
        )

    async def ask(self, *names: str) -> None:
        for name in names:
            self.outbox.ask(self.wish(name))
        await turns()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
async def post(store: MemoryStore, clock: VirtualClock) -> AsyncIterator[Post]:
    post = Post(store, clock)
    yield post
    await post.writer.stop(patience_s=PATIENCE_S)


@pytest.fixture
async def other(store: MemoryStore, clock: VirtualClock) -> AsyncIterator[Post]:
    post = Post(store, clock)
    yield post
    await post.writer.stop(patience_s=PATIENCE_S)


async def kept(store: MemoryStore, clock: VirtualClock) -> list[str]:
    """Mails that wait in the store."""
    now = clock.utc_now()
    return [mail.id for mail in await store.claim_mails(now=now, until=now, most=999, is_alone=True)]


async def test_mails_are_sent_in_their_order_and_what_is_none_is_skipped(
    post: Post, store: MemoryStore, clock: VirtualClock
) -> None:
    post.unwritable.add("void")
    await post.ask("one", "", "two", "void", "three")
    assert (post.mailer.taken, len(post.outbox)) == (["one", "two", "three"], 0)
    assert await kept(store, clock) == []


async def test_slow_delivery_holds_up_those_behind_it_only_when_all_are_slow(post: Post) -> None:
    post.mailer.opens.clear()
    await post.ask(*(str(number) for number in range(AT_ONCE + 2)))
    assert (post.mailer.attempts, len(post.outbox)) == (AT_ONCE, AT_ONCE + 2)
    post.mailer.opens.set()
    await turns()
    assert (len(post.mailer.taken), len(post.outbox)) == (AT_ONCE + 2, 0)


async def test_mail_that_is_not_taken_for_the_moment_is_tried_again(post: Post, clock: VirtualClock) -> None:
    post.mailer.failures = [away() for _ in (*RETRY_AFTER_S, 0)]
    await post.ask("late")
    for delay_s in (*RETRY_AFTER_S, RETRY_AFTER_S[-1]):
        await turns()
        attempts = post.mailer.attempts
        clock.advance(delay_s - 0.5)
        await turns()
        assert (post.mailer.attempts, len(post.outbox)) == (attempts, 1)
        clock.advance(1.0)
    await turns()
    assert (post.mailer.taken, len(post.outbox)) == (["late"], 0)


async def test_mail_is_tried_again_while_the_database_cannot_be_read(
    post: Post, store: MemoryStore, clock: VirtualClock
) -> None:
    post.mailer.failures = [away()]
    await post.ask("late")
    store.is_away = True
    clock.advance(RETRY_AFTER_S[0] + 0.1)
    await turns()
    assert (post.mailer.attempts, len(post.outbox)) == (1, 1)
    store.is_away = False
    clock.advance(RETRY_AFTER_S[1] + 0.1)
    await turns()
    assert (post.mailer.taken, len(post.outbox)) == (["late"], 0)
    await asyncio.wait_for(post.writer.idle(), PATIENCE_S)
    assert await kept(store, clock) == []


async def test_mail_asked_for_while_the_database_is_away_is_sent_once_it_is_back(
    post: Post, store: MemoryStore, clock: VirtualClock
) -> None:
    store.is_away = True
    await post.ask("later")
    assert (post.mailer.taken, len(post.outbox)) == ([], 1)
    store.is_away = False
    await asyncio.wait_for(post.writer.idle(), PATIENCE_S)
    await turns()
    assert (post.mailer.taken, await kept(store, clock)) == (["later"], [])


async def test_mail_is_given_up_when_nobody_waits_for_it_any_more_and_the_log_says_so(
    post: Post, store: MemoryStore, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    post.mailer.is_away = True
    await post.ask("never")
    for _ in range(int(2 * GOOD_FOR_S / 10.0)):
        clock.advance(10.0)
        await turns()
    in_time = 1 + sum(1 for each in (10, 70, 370, 1270, 2170, 3070) if each < GOOD_FOR_S)
    assert (post.mailer.taken, len(post.outbox), post.mailer.attempts) == ([], 0, in_time)
    (error,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert error.getMessage() == "a mail was not sent: the mail server answered 4"
    assert error.__dict__["event"] == "mail_failed"
    assert await kept(store, clock) == []
    caplog.clear()


async def test_final_refusal_is_not_tried_again(
    post: Post, store: MemoryStore, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    post.mailer.failures = [away(is_final=True)]
    await post.ask("no")
    assert (len(post.outbox), post.mailer.attempts) == (0, 1)
    assert await kept(store, clock) == []
    caplog.clear()


async def test_too_many_mails_are_left_out_and_the_log_says_so(post: Post, caplog: pytest.LogCaptureFixture) -> None:
    post.mailer.opens.clear()
    await post.ask(*(f"many {number}" for number in range(MAX_WAITING + 1)))
    assert len(post.outbox) == MAX_WAITING
    assert "a mail was left out" in caplog.text
    caplog.clear()
    post.mailer.opens.set()
    await asyncio.wait_for(_empty(post.outbox), PATIENCE_S)


async def _empty(outbox: MailOutbox) -> None:
    while len(outbox):
        await asyncio.sleep(0)


async def test_end_waits_for_what_is_on_its_way_and_leaves_the_rest_to_the_next_start(
    post: Post, other: Post, store: MemoryStore, clock: VirtualClock
) -> None:
    post.mailer.opens.clear()
    await post.ask(*(str(number) for number in range(AT_ONCE + 1)))
    stopping = asyncio.ensure_future(post.outbox.stop(patience_s=PATIENCE_S))
    await turns()
    post.mailer.opens.set()
    await stopping
    await post.writer.idle()
    assert (len(post.mailer.taken), await kept(store, clock)) == (AT_ONCE, [str(AT_ONCE)])
    await other.outbox.restore()
    await turns()
    assert other.mailer.taken == [str(AT_ONCE)]
    assert await kept(store, clock) == []


async def test_mail_asked_for_right_before_the_end_is_sent_by_the_next_start(
    post: Post, other: Post, store: MemoryStore, clock: VirtualClock
) -> None:
    post.outbox.ask(post.wish("at the last moment"))
    await post.outbox.stop(patience_s=PATIENCE_S)
    await post.writer.idle()
    assert post.mailer.taken == []
    await other.outbox.restore()
    await turns()
    assert other.mailer.taken == ["at the last moment"]


async def test_mails_of_a_life_that_was_killed_are_sent_by_the_next_one(
    post: Post, other: Post, clock: VirtualClock
) -> None:
    post.mailer.is_away = True
    await post.ask("killed")
    await other.outbox.restore()
    await turns()
    assert (post.mailer.taken, other.mailer.taken) == ([], ["killed"])


async def test_mails_of_a_node_that_died_are_sent_by_another_and_those_of_a_live_one_are_not(
    post: Post, other: Post, store: MemoryStore, clock: VirtualClock
) -> None:
    dead = Post(store, VirtualClock())  # for which no time passes any more
    dead.mailer.is_away = True
    for living in (post, other):
        living.mailer.refuses = {"of the living"}
    await dead.ask("of the dead")
    await post.ask("of the living")
    post.outbox.start()
    other.outbox.start()
    for _ in range(int(HELD_FOR_S / SWEEP_EVERY_S) + 2):
        clock.advance(SWEEP_EVERY_S)
        await post.writer.idle()
        await other.writer.idle()
        await turns()
    assert post.mailer.taken + other.mailer.taken == ["of the dead"]
    assert (len(post.outbox), len(other.outbox)) == (1, 0)
    await dead.writer.stop(patience_s=PATIENCE_S)


@pytest.mark.parametrize("is_sent", [True, False])
async def test_node_that_stood_still_sends_no_mail_that_another_node_has_taken_over(
    other: Post, store: MemoryStore, clock: VirtualClock, is_sent: bool
) -> None:
    """As one does whose machine was paused, or whose database did not answer, for minutes."""
    late = VirtualClock()
    paused = Post(store, late)
    paused.mailer.failures = [away()]
    await paused.ask("once")
    other.mailer.is_away = not is_sent
    clock.advance(HELD_FOR_S)
    other.outbox.start()
    await other.writer.idle()
    await turns()
    paused.outbox.start()
    late.advance(HELD_FOR_S + RETRY_AFTER_S[1])
    await paused.writer.idle()
    await turns()
    assert (paused.mailer.taken, len(paused.outbox)) == ([], 0)
    other.mailer.is_away = False
    clock.advance(RETRY_AFTER_S[0])
    await turns()
    assert (other.mailer.taken, len(other.outbox)) == (["once"], 0)
    await paused.writer.stop(patience_s=PATIENCE_S)


async def test_node_that_ends_lets_go_of_no_mail_that_another_node_has_taken_over(
    other: Post, store: MemoryStore, clock: VirtualClock
) -> None:
    paused = Post(store, VirtualClock())
    paused.mailer.is_away = other.mailer.is_away = True
    await paused.ask("once")
    clock.advance(HELD_FOR_S)
    other.outbox.start()
    await other.writer.idle()
    await paused.outbox.stop(patience_s=PATIENCE_S)
    await paused.writer.stop(patience_s=PATIENCE_S)
    assert await store.claim_mails(now=clock.utc_now(), until=clock.utc_now(), most=9) == []


async def test_without_a_mailer_no_mail_is_sent(store: MemoryStore, clock: VirtualClock, post: Post) -> None:
    outbox = MailOutbox(None, write=post.write, store=store, writer=post.writer, clock=clock)
    await store.keep_mail(post.mail("of other days"), held_until=clock.utc_now())
    await outbox.restore()
    outbox.start()
    await turns()
    assert (outbox.is_on, len(outbox), await kept(store, clock)) == (False, 0, ["of other days"])
