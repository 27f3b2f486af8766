"""Sends mail by SMTP (RFC 5321), one connection per mail, on a thread: the library blocks, and a slow mail server must
hold up neither the loop nor the threads that hash passwords.

The threads are daemons: one that hangs on a mail server keeps no process from ending.
"""

from __future__ import annotations

import asyncio
import smtplib
import ssl
import threading
from collections.abc import Callable
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, localtime, make_msgid, parseaddr

from lobby_server.mail.address import SmtpAddress
from lobby_server.service.mail.ports import Mail, MailFailed

STEP_TIMEOUT_S = 15.0
"""For each answer of the mail server."""
LIMIT_S = 60.0
"""For all of a delivery."""
MAX_THREADS = 8
_BAD_ADDRESS = (ValueError, IndexError, MessageError, UnicodeError)
"""What the library raises for an address that is none."""


def read_sender(text: str) -> Address:
    """``Lobby <lobby@play.example>``, or the address alone. Raises `ValueError` with a sentence."""
    name, address = parseaddr(text)
    try:
        sender = Address(display_name=name, addr_spec=address)
        is_whole = bool(sender.username) and bool(sender.domain)
    except _BAD_ADDRESS:
        is_whole = False
    if not is_whole:
        raise ValueError("--mail-from must be an address as lobby@play.example, or Lobby <lobby@play.example>.")
    return sender


class SmtpMailer:
    """`lobby_server.service.mail.ports.Mailer`."""

    def __init__(
        self,
        address: SmtpAddress,
        *,
        sender: Address,
        step_timeout_s: float = STEP_TIMEOUT_S,
        limit_s: float = LIMIT_S,
    ) -> None:
        self._address = address
        self._sender = sender
        self._step_timeout_s = step_timeout_s
        self._limit_s = limit_s
        self._threads = 0

    async def deliver(self, mail: Mail) -> None:
        message = self._message(mail)
        if self._threads >= MAX_THREADS:
            raise MailFailed("the mail server has not answered several mails yet", is_final=False)
        self._threads += 1
        done = _on_a_thread(lambda: self._send(message, mail.to), self._thread_ended)
        try:
            await asyncio.wait_for(done, self._limit_s)
        except asyncio.TimeoutError:
            raise MailFailed(f"the mail server took more than {self._limit_s:g} s", is_final=False) from None

    # -- private --------------------------------------------------------------------------------------------------

    def _thread_ended(self) -> None:
        self._threads -= 1

    def _message(self, mail: Mail) -> EmailMessage:
        message = EmailMessage()
        try:
            message["To"] = Address(addr_spec=mail.to)
        except _BAD_ADDRESS:
            raise MailFailed("the recipient's address cannot be written in a mail", is_final=True) from None
        message["From"] = self._sender
        message["Subject"] = mail.subject
        message["Date"] = format_datetime(localtime())
        message["Message-ID"] = make_msgid(domain=self._sender.domain)
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday note comes back
        message.set_content(mail.text)
        return message

    def _send(self, message: EmailMessage, to: str) -> None:
        """On a thread. Raises `MailFailed`."""
        try:
            with self._connected() as smtp:
                smtp.send_message(message, from_addr=self._sender.addr_spec, to_addrs=[to])
        except smtplib.SMTPRecipientsRefused as fault:
            code = next(iter(fault.recipients.values()))[0]
            raise MailFailed(f"the mail server refused the recipient ({code})", is_final=code >= 500) from None
        except smtplib.SMTPNotSupportedError as fault:
            raise MailFailed(f"the mail server cannot do that: {fault}", is_final=True) from None
        except smtplib.SMTPAuthenticationError as fault:
            what = f"the mail server refused the user or the password of --smtp-url ({fault.smtp_code})"
            raise MailFailed(what, is_final=fault.smtp_code >= 500) from None
        except smtplib.SMTPResponseException as fault:
            what = f"the mail server answered {fault.smtp_code}"
            raise MailFailed(what, is_final=fault.smtp_code >= 500) from None
        except ssl.SSLCertVerificationError as fault:
            what = f"the certificate of the mail server does not hold ({fault.verify_message})"
            raise MailFailed(what, is_final=True) from None
        except (smtplib.SMTPException, OSError) as fault:
            why = getattr(fault, "strerror", None) or str(fault) or type(fault).__name__
            raise MailFailed(f"the mail server cannot be reached ({why})", is_final=False) from None

    def _connected(self) -> smtplib.SMTP:
        """Greeted, encrypted as the address says, logged in."""
        address = self._address
        if address.is_tls:
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                address.host, address.port, timeout=self._step_timeout_s, context=ssl.create_default_context()
            )
        else:
            smtp = smtplib.SMTP(address.host, address.port, timeout=self._step_timeout_s)
        try:
            smtp.ehlo_or_helo_if_needed()
            is_offered = smtp.has_extn("starttls")
            if not address.is_tls and (
                address.starttls == "required" or (address.starttls == "offered" and is_offered)
            ):
                if not is_offered:
                    raise smtplib.SMTPNotSupportedError("it offers no STARTTLS, which --smtp-url requires")
                smtp.starttls(context=ssl.create_default_context())
                smtp.ehlo_or_helo_if_needed()
            if address.user:
                smtp.login(address.user, address.password)
        except BaseException:
            smtp.close()
            raise
        return smtp


def _on_a_thread(call: Callable[[], None], ended: Callable[[], None]) -> asyncio.Future[None]:
    """What a call on a thread of its own came to. `ended` is called on the loop, also when nobody waits any more."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()

    def finish(fault: Exception | None) -> None:
        ended()
        if future.done():
            return
        if fault is None:
            future.set_result(None)
        else:
            future.set_exception(fault)

    def run() -> None:
        fault: Exception | None = None
        try:
            call()
        except Exception as raised:
            fault = raised
        try:
            loop.call_soon_threadsafe(finish, fault)
        except RuntimeError:
            pass  # the loop has ended, and with it all who waited

    threading.Thread(target=run, name="mail", daemon=True).start()
    return future
