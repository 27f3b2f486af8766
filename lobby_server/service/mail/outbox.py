"""The mails that wait for the mail server. Nobody waits for them: a call is answered before its mail is decided on, so
that the answer takes as long whether there is something to send or not.

What the server does not take for the moment is tried again for as long as the mail would help. Until it is sent or
given up a mail stands in the store: the next start sends those that wait as this one ends, and another node those of a
node that has died. A mail may come twice, when the end comes between its delivery and the word of it; none is lost.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from typing import Any

from lobby_server.service.mail.ports import Mail, Mailer, MailFailed, WaitingMail
from lobby_server.service.ports import Clock, Store, StoreUnavailable
from lobby_server.service.watch.events import LogEvent
from lobby_server.service.writes.kept import ForgetMail, HoldMails, KeepMail
from lobby_server.service.writes.writer import StoreWriter

log = logging.getLogger("lobby.mail")

MAX_WAITING = 500
"""Of them all; a mail server that is away for hours is no reason to keep more."""
AT_ONCE = 2
"""Deliveries: one that is slow holds up no other."""
RETRY_AFTER_S = (10.0, 60.0, 300.0, 900.0)
"""After the first, second and third failure, and after each later one."""
SWEEP_EVERY_S = 60.0
HELD_FOR_S = 3 * SWEEP_EVERY_S
"""What a node that has died was to send is sent by another one after so long."""

Decide = Callable[[], Awaitable[WaitingMail | None]]
"""Decides whether a mail is sent at all, once its asker has the answer."""
Write = Callable[[WaitingMail], Awaitable[Mail | None]]
"""Writes the mail as it is sent; None: there is nothing to send any more. Raises `StoreUnavailable`."""


class MailOutbox:
    """One per server. `restore` it where nobody else runs, then `start` it."""

    def __init__(self, mailer: Mailer | None, *, write: Write, store: Store, writer: StoreWriter, clock: Clock) -> None:
        """`mailer`: None where the server sends no mail."""
        self._mailer = mailer
        self._write = write
        self._store = store
        self._writer = writer
        self._clock = clock
        self._held: dict[str, WaitingMail] = {}
        """Those that have neither been sent nor given up."""
        self._failures: dict[str, int] = {}
        self._waiting: deque[WaitingMail] = deque()
        """Of the held ones: those whose turn comes next. The others are under way, or put off."""
        self._deciding: dict[asyncio.Task[None], None] = {}
        self._sending: dict[asyncio.Task[None], None] = {}
        self._is_stopped = False

    @property
    def is_on(self) -> bool:
        """Whether the server sends mail at all."""
        return self._mailer is not None

    def __len__(self) -> int:
        """Mails that have neither been sent nor given up."""
        return len(self._held) + len(self._deciding)

    def ask(self, decide: Decide) -> None:
        """Have a mail sent. When too many wait already, it is left out, and the log says so."""
        if len(self) >= MAX_WAITING:
            log.error("a mail was left out: %d wait already", len(self), extra={"event": LogEvent.MAIL_FAILED.value})
            return
        self._run(self._decide(decide), self._deciding)

    async def restore(self) -> None:
        """Take up the mails of an earlier life, where no other server runs. Raises `StoreUnavailable`."""
        if self.is_on:
            await self._claim(is_alone=True)

    def start(self) -> None:
        """Send, and look for mails of nodes that have died."""
        if self.is_on and not self._is_stopped:
            self._clock.call_later(SWEEP_EVERY_S, self.start)
            self._writer.attempt(self._sweep)  # what is missed is done a minute later

    async def stop(self, *, patience_s: float) -> None:
        """Begin no delivery any more, and wait for those that run for so long. What is left waits in the store."""
        self._is_stopped = True
        if running := [*self._deciding, *self._sending]:
            await asyncio.wait(running, timeout=patience_s)
        if self._held:
            self._writer.keep(HoldMails(mail_ids=tuple(self._held), until=self._clock.utc_now()))
            log.info("%d mails wait for the next start", len(self._held))
        if self._deciding:
            lost = len(self._deciding)
            log.error("%d mails were lost: the server ends", lost, extra={"event": LogEvent.MAIL_FAILED.value})
        for task in (*self._deciding, *self._sending):
            task.cancel()

    # -- private --------------------------------------------------------------------------------------------------

    async def _decide(self, decide: Decide) -> None:
        mail = await decide()
        if mail is not None:
            self._writer.keep(KeepMail(mail=mail, held_until=self._clock.utc_now() + timedelta(seconds=HELD_FOR_S)))
            self._hold(mail)

    def _hold(self, mail: WaitingMail) -> None:
        self._held[mail.id] = mail
        self._waiting.append(mail)
        self._next()

    async def _sweep(self) -> None:
        if self._is_stopped:
            return
        until = self._clock.utc_now() + timedelta(seconds=HELD_FOR_S)
        if self._held:
            await self._store.hold_mails(list(self._held), until=until)
        await self._claim()

    async def _claim(self, *, is_alone: bool = False) -> None:
        now = self._clock.utc_now()
        until, room = now + timedelta(seconds=HELD_FOR_S), MAX_WAITING - len(self)
        for mail in await self._store.claim_mails(now=now, until=until, most=max(0, room), is_alone=is_alone):
            if mail.id not in self._held:  # which it may be after the database was away for long
                self._hold(mail)

    def _next(self) -> None:
        while self._waiting and len(self._sending) < AT_ONCE and not self._is_stopped:
            self._run(self._send(self._waiting.popleft()), self._sending)

    def _run(self, work: Coroutine[Any, Any, None], among: dict[asyncio.Task[None], None]) -> None:
        def ended(task: asyncio.Task[None]) -> None:
            among.pop(task, None)
            if not task.cancelled() and (fault := task.exception()) is not None:
                event = {"event": LogEvent.MAIL_FAILED.value}
                log.error("a mail could not be written", exc_info=fault, extra=event)
            self._next()

        task = asyncio.ensure_future(work)
        among[task] = None
        task.add_done_callback(ended)

    async def _send(self, mail: WaitingMail) -> None:
        assert self._mailer is not None
        try:
            letter = await self._write(mail)
            if letter is not None:
                await self._mailer.deliver(letter)
                log.info("a mail was sent", extra={"event": LogEvent.MAIL_SENT.value})
        except (MailFailed, StoreUnavailable) as fault:
            if self._is_put_off(mail, fault):
                return
        except Exception:
            self._done(mail)  # it would end the same way each time
            raise
        self._done(mail)

    def _is_put_off(self, mail: WaitingMail, fault: MailFailed | StoreUnavailable) -> bool:
        """Whether a mail that was not sent is tried again; otherwise it is given up."""
        event = {"event": LogEvent.MAIL_FAILED.value}
        failures = self._failures[mail.id] = self._failures.get(mail.id, 0) + 1
        delay_s = RETRY_AFTER_S[min(failures, len(RETRY_AFTER_S)) - 1]
        is_too_late = self._clock.utc_now() + timedelta(seconds=delay_s) >= mail.good_until
        if is_too_late or (isinstance(fault, MailFailed) and fault.is_final):
            log.error("a mail was not sent: %s", fault, extra=event)
            return False
        log.warning("a mail was not sent, next attempt in %g s: %s", delay_s, fault, extra=event)
        self._clock.call_later(delay_s, self._again, mail)
        return True

    def _again(self, mail: WaitingMail) -> None:
        self._waiting.append(mail)
        self._next()

    def _done(self, mail: WaitingMail) -> None:
        self._held.pop(mail.id, None)
        self._failures.pop(mail.id, None)
        self._writer.keep(ForgetMail(mail_id=mail.id))
