"""The mails that wait for the mail server. Nobody waits for them: a call is answered before its mail is decided on, so
that the answer takes as long whether there is something to send or not.

What the server does not take for the moment is tried again for as long as the mail would help. Until it is sent or
given up a mail stands in the store: the next start sends those that wait as this one ends, and another node those of a
node that has died, or that stands still. So each attempt begins with the question whether the mail is held by this
server yet. A mail may come twice, when the end comes between its delivery and the word of it; none is lost.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
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


@dataclass(eq=False, kw_only=True)
class _Held:
    """A mail that is this server's to send."""

    mail: WaitingMail
    until: datetime
    """As the store has it, to the microsecond: a server that has taken the mail over has written another moment."""
    is_kept: bool
    """Whether it stands in the store already."""
    failures: int = 0


class MailOutbox:
    """One per server. `restore` it where nobody else runs, then `start` it."""

    def __init__(self, mailer: Mailer | None, *, write: Write, store: Store, writer: StoreWriter, clock: Clock) -> None:
        """`mailer`: None where the server sends no mail."""
        self._mailer = mailer
        self._write = write
        self._store = store
        self._writer = writer
        self._clock = clock
        self._held: dict[str, _Held] = {}
        """Those that have neither been sent nor given up, by id."""
        self._waiting: deque[_Held] = deque()
        """Of the held ones: those whose turn comes next. The others are under way, or put off, or not kept yet."""
        self._renewing = asyncio.Lock()
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
            self._let_go()
            log.info("%d mails wait for the next start", len(self._held), extra={"event": LogEvent.MAILS_KEPT.value})
        if self._deciding:
            lost = len(self._deciding)
            log.error("%d mails were lost: the server ends", lost, extra={"event": LogEvent.MAIL_FAILED.value})
        for task in (*self._deciding, *self._sending):
            task.cancel()

    # -- private --------------------------------------------------------------------------------------------------

    async def _decide(self, decide: Decide) -> None:
        mail = await decide()
        if mail is not None:
            held = self._held[mail.id] = _Held(mail=mail, until=self._new_end(), is_kept=False)
            self._writer.keep(KeepMail(mail=mail, held_until=held.until), then=lambda: self._kept(held))

    async def _kept(self, held: _Held) -> None:
        held.is_kept = True
        self._queue(held)

    def _new_end(self) -> datetime:
        return self._clock.utc_now() + timedelta(seconds=HELD_FOR_S)

    async def _sweep(self) -> None:
        if not self._is_stopped:
            await self._renew([held for held in self._held.values() if held.is_kept])
            await self._claim()
        if self._is_stopped:  # perhaps since a moment, and what was claimed in it waits for others
            self._let_go()

    async def _renew(self, those: Sequence[_Held]) -> None:
        """Hold mails for longer. Those that another server has taken over are not held any more. Raises
        `StoreUnavailable`."""
        async with self._renewing:  # two at once would each take the other for another server
            until = self._new_end()
            ours = await self._store.hold_mails({held.mail.id: held.until for held in those}, until=until)
            for held in those:
                if held.mail.id in ours:
                    held.until = until
                elif self._is_ours(held):
                    del self._held[held.mail.id]
                    log.info(
                        "a mail is another server's to send by now", extra={"event": LogEvent.MAIL_TAKEN_OVER.value}
                    )

    async def _claim(self, *, is_alone: bool = False) -> None:
        until, room = self._new_end(), MAX_WAITING - len(self)
        now = self._clock.utc_now()
        for mail in await self._store.claim_mails(now=now, until=until, most=max(0, room), is_alone=is_alone):
            held = self._held[mail.id] = _Held(mail=mail, until=until, is_kept=True)
            self._queue(held)

    def _let_go(self) -> None:
        leases = {mail_id: held.until for mail_id, held in self._held.items()}
        self._writer.keep(HoldMails(leases=leases, until=self._clock.utc_now()))

    def _is_ours(self, held: _Held) -> bool:
        """Whether it is held yet, and has not been claimed anew since."""
        return self._held.get(held.mail.id) is held

    def _queue(self, held: _Held) -> None:
        if self._is_ours(held):
            self._waiting.append(held)
            self._next()

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

    async def _send(self, held: _Held) -> None:
        assert self._mailer is not None
        try:
            await self._renew([held])
            if not self._is_ours(held):
                return
            letter = await self._write(held.mail)
            if letter is not None:
                await self._mailer.deliver(letter)
                log.info("a mail was sent", extra={"event": LogEvent.MAIL_SENT.value})
        except (MailFailed, StoreUnavailable) as fault:
            if self._is_put_off(held, fault):
                return
        except Exception:
            self._done(held)  # it would end the same way each time
            raise
        self._done(held)

    def _is_put_off(self, held: _Held, fault: MailFailed | StoreUnavailable) -> bool:
        """Whether a mail that was not sent is tried again; otherwise it is given up."""
        event = {"event": LogEvent.MAIL_FAILED.value}
        held.failures += 1
        delay_s = RETRY_AFTER_S[min(held.failures, len(RETRY_AFTER_S)) - 1]
        is_too_late = self._clock.utc_now() + timedelta(seconds=delay_s) >= held.mail.good_until
        if is_too_late or (isinstance(fault, MailFailed) and fault.is_final):
            log.error("a mail was not sent: %s", fault, extra=event)
            return False
        log.warning("a mail was not sent, next attempt in %g s: %s", delay_s, fault, extra=event)
        self._clock.call_later(delay_s, self._queue, held)
        return True

    def _done(self, held: _Held) -> None:
        if self._is_ours(held):
            del self._held[held.mail.id]
        self._writer.keep(ForgetMail(mail_id=held.mail.id))
