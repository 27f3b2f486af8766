"""The mails that wait: sent in turn, tried again, given up, and never in anybody's way."""

from __future__ import annotations

import asyncio
import logging

import pytest

from lobby_server.service.mail.outbox import AT_ONCE, MAX_WAITING, RETRY_AFTER_S, MailOutbox, Write
from lobby_server.service.mail.ports import Mail, MailFailed
from tests.fakes.clock import VirtualClock


class FakeMailer:
    """Takes mails unless it is told otherwise."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.failures: list[MailFailed] = []
        """Of the next deliveries."""
        self.attempts = 0
        self.opens = asyncio.Event()
        self.opens.set()

    async def deliver(self, mail: Mail) -> None:
        self.attempts += 1
        await self.opens.wait()
        if self.failures:
            raise self.failures.pop(0)
        self.taken.append(mail.subject)


def away(*, is_final: bool = False) -> MailFailed:
    return MailFailed("the mail server answered 4", is_final=is_final)


def write(subject: str) -> Write:
    async def written() -> Mail | None:
        return Mail(to="ann@example.org", subject=subject, text="") if subject else None

    return written


async def turns() -> None:
    """All that can happen without time passing."""
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.fixture
def mailer() -> FakeMailer:
    return FakeMailer()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def outbox(mailer: FakeMailer, clock: VirtualClock) -> MailOutbox:
    return MailOutbox(mailer, clock=clock)


async def test_mails_are_sent_in_their_order_and_what_is_none_is_skipped(
    outbox: MailOutbox, mailer: FakeMailer
) -> None:
    for subject in ("one", "", "two", "three"):
        outbox.put(write(subject))
    await turns()
    assert (mailer.taken, len(outbox)) == (["one", "two", "three"], 0)


async def test_slow_delivery_holds_up_those_behind_it_only_when_all_are_slow(
    outbox: MailOutbox, mailer: FakeMailer
) -> None:
    mailer.opens.clear()
    for number in range(AT_ONCE + 2):
        outbox.put(write(str(number)))
    await turns()
    assert (mailer.attempts, len(outbox)) == (AT_ONCE, AT_ONCE + 2)
    mailer.opens.set()
    await turns()
    assert (len(mailer.taken), len(outbox)) == (AT_ONCE + 2, 0)


async def test_mail_that_is_not_taken_for_the_moment_is_tried_again(
    outbox: MailOutbox, mailer: FakeMailer, clock: VirtualClock
) -> None:
    mailer.failures = [away() for _ in RETRY_AFTER_S]
    outbox.put(write("late"))
    for delay_s in RETRY_AFTER_S:
        await turns()
        attempts = mailer.attempts
        clock.advance(delay_s - 0.5)
        await turns()
        assert (mailer.attempts, len(outbox)) == (attempts, 1)
        clock.advance(1.0)
    await turns()
    assert (mailer.taken, len(outbox)) == (["late"], 0)


async def test_mail_is_given_up_after_the_last_attempt_and_the_log_says_so(
    outbox: MailOutbox, mailer: FakeMailer, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    mailer.failures = [away() for _ in range(9)]
    outbox.put(write("never"))
    for delay_s in (*RETRY_AFTER_S, 3600.0):
        await turns()
        clock.advance(delay_s + 0.1)
    assert (mailer.taken, len(outbox), mailer.attempts) == ([], 0, 1 + len(RETRY_AFTER_S))
    (error,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert error.getMessage() == "a mail was not sent: the mail server answered 4"
    assert error.__dict__["event"] == "mail_failed"
    caplog.clear()


async def test_final_refusal_is_not_tried_again(
    outbox: MailOutbox, mailer: FakeMailer, caplog: pytest.LogCaptureFixture
) -> None:
    mailer.failures = [away(is_final=True)]
    outbox.put(write("no"))
    await turns()
    assert (len(outbox), mailer.attempts) == (0, 1)
    caplog.clear()


async def test_too_many_mails_are_left_out_and_the_log_says_so(
    outbox: MailOutbox, mailer: FakeMailer, caplog: pytest.LogCaptureFixture
) -> None:
    mailer.opens.clear()
    for _ in range(MAX_WAITING + 1):
        outbox.put(write("many"))
    assert len(outbox) == MAX_WAITING
    assert "a mail was left out" in caplog.text
    caplog.clear()
    mailer.opens.set()
    await asyncio.wait_for(_empty(outbox), 10.0)


async def _empty(outbox: MailOutbox) -> None:
    while len(outbox):
        await asyncio.sleep(0)


async def test_end_waits_for_what_is_on_its_way_and_begins_nothing(
    outbox: MailOutbox, mailer: FakeMailer, caplog: pytest.LogCaptureFixture
) -> None:
    mailer.opens.clear()
    for number in range(AT_ONCE + 1):
        outbox.put(write(str(number)))
    await turns()
    stopping = asyncio.ensure_future(outbox.stop(patience_s=10.0))
    await turns()
    mailer.opens.set()
    await stopping
    assert (len(mailer.taken), len(outbox)) == (AT_ONCE, 1)
    assert "1 mails were not sent: the server ends" in caplog.text


async def test_without_a_mailer_no_mail_is_sent() -> None:
    assert not MailOutbox(None, clock=VirtualClock()).is_on
