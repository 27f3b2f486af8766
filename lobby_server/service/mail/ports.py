"""What the service needs of a mail server, as a protocol. `lobby_server.mail` implements it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Mail:
    """Plain text to one user."""

    to: str
    """An address, without a name."""
    subject: str
    text: str


class MailFailed(Exception):
    """A mail was not taken. The sentence names no recipient: it goes into the log.

    `is_final`: another attempt would end the same way.
    """

    def __init__(self, sentence: str, *, is_final: bool) -> None:
        super().__init__(sentence)
        self.is_final = is_final


class Mailer(Protocol):
    async def deliver(self, mail: Mail) -> None:
        """Return when a mail server has taken the mail, which may be delivered later still. Raises `MailFailed`."""
