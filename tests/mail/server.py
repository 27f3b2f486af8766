"""A real SMTP server on loopback (aiosmtpd), on a thread of its own: it keeps what it takes, refuses it, or waits."""

from __future__ import annotations

import asyncio
import email
import email.policy
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.patience import PATIENCE_S

LINK = re.compile(r"https?://\S+")


class Postbox:
    """All mails that were taken, and how the next ones are answered."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.were_encrypted: list[bool] = []
        self.answer_to_rcpt = ""
        """Instead of 250."""
        self.answer_to_data = ""
        self.is_slow = False
        """No mail is answered before this is False again."""
        self.asked = 0
        self.port = 0

    # -- what aiosmtpd calls --------------------------------------------------------------------------------------

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.asked += 1
        if self.answer_to_rcpt:
            return self.answer_to_rcpt
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        while self.is_slow:
            await asyncio.sleep(0.02)
        if self.answer_to_data:
            return self.answer_to_data
        assert isinstance(envelope.content, bytes)
        mail = email.message_from_bytes(envelope.content.replace(b"\r\n", b"\n"), policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self.recipients.append(list(envelope.rcpt_tos))
        self.were_encrypted.append(session.ssl is not None)
        self.mails.append(mail)
        return "250 taken"

    # -- what tests ask -------------------------------------------------------------------------------------------

    def text_of(self, number: int = -1) -> str:
        return str(self.mails[number].get_content())

    def token_of(self, number: int = -1) -> str:
        """That of the link in a mail."""
        (link,) = [found for found in LINK.findall(self.text_of(number)) if "#" in found]
        return str(link.partition("=")[2])

    def wait_for(self, count: int) -> None:
        """For so many mails, in a test without a loop."""
        deadline_s = time.monotonic() + PATIENCE_S
        while len(self.mails) < count:
            assert time.monotonic() < deadline_s, f"{len(self.mails)} of {count} mails came"
            time.sleep(0.02)


async def wait_for(condition: Callable[[], Any]) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline_s, "waited in vain"
        await asyncio.sleep(0.01)


@contextmanager
def smtp_server(
    *,
    port: int = 0,
    starttls: ssl.SSLContext | None = None,
    tls: ssl.SSLContext | None = None,
    login: tuple[str, str] | None = None,
) -> Iterator[Postbox]:
    """`tls` from the first byte; `starttls` is offered; `login`: who may send, nobody else then."""
    postbox = Postbox()

    def authenticate(
        server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: LoginPassword
    ) -> AuthResult:
        is_right = login is not None and (given.login.decode(), given.password.decode()) == login
        return AuthResult(success=is_right, handled=False)

    def protocol() -> SMTP:
        return SMTP(
            postbox,
            hostname="mail.test",
            tls_context=starttls,
            authenticator=authenticate if login else None,
            auth_required=login is not None,
            auth_require_tls=starttls is not None,
            loop=loop,
        )

    async def begin() -> asyncio.Server:
        return await loop.create_server(protocol, "127.0.0.1", port, ssl=tls)

    async def end() -> None:
        server.close()
        rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        server = asyncio.run_coroutine_threadsafe(begin(), loop).result(PATIENCE_S)
        postbox.port = server.sockets[0].getsockname()[1]
        try:
            yield postbox
        finally:
            asyncio.run_coroutine_threadsafe(end(), loop).result(PATIENCE_S)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
