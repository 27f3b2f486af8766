"""The mails that wait for the mail server. Nobody waits for them: a call is answered before its mail is written, so
that the answer takes as long whether there is something to send or not.

What the server does not take for the moment is tried again. Mails are kept in memory: one that still waits when the
process ends is lost, and its user asks again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable

from lobby_server.service.mail.ports import Mail, Mailer, MailFailed
from lobby_server.service.ports import Clock
from lobby_server.service.watch.events import LogEvent

log = logging.getLogger("lobby.mail")

MAX_WAITING = 500
"""Of them all; a mail server that is away for minutes is no reason to keep more."""
AT_ONCE = 2
"""Deliveries: one that is slow holds up no other."""
RETRY_AFTER_S = (10.0, 60.0, 300.0)
"""After the first, second and third failure. Together less than a tenth of an hour, which a reset link holds."""

Write = Callable[[], Awaitable[Mail | None]]
"""Writes the mail when its turn comes; None: there is nothing to send after all."""


class MailOutbox:
    """One per server."""

    def __init__(self, mailer: Mailer | None, *, clock: Clock) -> None:
        """`mailer`: None where the server sends no mail."""
        self._mailer = mailer
        self._clock = clock
        self._waiting: deque[tuple[Write, int]] = deque()
        """With the failures that each has had."""
        self._put_off = 0
        self._running: dict[asyncio.Task[None], None] = {}
        self._is_stopped = False

    @property
    def is_on(self) -> bool:
        """Whether the server sends mail at all."""
        return self._mailer is not None

    def __len__(self) -> int:
        """Mails that have neither been sent nor given up."""
        return len(self._waiting) + self._put_off + len(self._running)

    def put(self, write: Write) -> None:
        """Have a mail written and sent. When too many wait already, it is left out, and the log says so."""
        if len(self) >= MAX_WAITING:
            log.error("a mail was left out: %d wait already", len(self), extra={"event": LogEvent.MAIL_FAILED.value})
            return
        self._waiting.append((write, 0))
        self._next()

    async def stop(self, *, patience_s: float) -> None:
        """Begin no delivery any more, and wait for those that run for so long."""
        self._is_stopped = True
        if self._running:
            await asyncio.wait(self._running, timeout=patience_s)
        if left := len(self):
            log.warning("%d mails were not sent: the server ends", left, extra={"event": LogEvent.MAIL_FAILED.value})
        for task in self._running:
            task.cancel()

    # -- private --------------------------------------------------------------------------------------------------

    def _next(self) -> None:
        while self._waiting and len(self._running) < AT_ONCE and not self._is_stopped:
            write, failures = self._waiting.popleft()
            task = asyncio.ensure_future(self._send(write, failures))
            self._running[task] = None
            task.add_done_callback(self._sent)

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task, None)
        if not task.cancelled() and (fault := task.exception()) is not None:
            log.error("a mail could not be written", exc_info=fault, extra={"event": LogEvent.MAIL_FAILED.value})
        self._next()

    async def _send(self, write: Write, failures: int) -> None:
        assert self._mailer is not None
        mail = await write()
        if mail is None:
            return
        try:
            await self._mailer.deliver(mail)
        except MailFailed as fault:
            event = {"event": LogEvent.MAIL_FAILED.value}
            if fault.is_final or failures >= len(RETRY_AFTER_S):
                log.error("a mail was not sent: %s", fault, extra=event)
                return
            delay_s = RETRY_AFTER_S[failures]
            log.warning("a mail was not sent, next attempt in %g s: %s", delay_s, fault, extra=event)
            self._put_off += 1
            self._clock.call_later(delay_s, self._again, mail, failures + 1)
        else:
            log.info("a mail was sent", extra={"event": LogEvent.MAIL_SENT.value})

    def _again(self, mail: Mail, failures: int) -> None:
        async def write() -> Mail:
            return mail

        self._put_off -= 1
        self._waiting.append((write, failures))
        self._next()
