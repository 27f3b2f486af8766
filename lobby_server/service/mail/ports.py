"""What mail to users needs from outside, as protocols: a mail server, which `lobby_server.mail` implements, and a place
where mails wait, which is a part of `lobby_server.service.ports.Store`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol

from lobby_server.protocol.requests import Language


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


class MailKind(str, Enum):
    RESET = "reset"
    CONFIRMATION = "confirmation"


@dataclass(frozen=True, kw_only=True)
class WaitingMail:
    """A mail that was asked for and not sent yet. Its text is written as it is sent: a link that opens an account lies
    in no database."""

    id: str
    """Another one for each, which nobody can guess."""
    kind: MailKind
    user_id: int
    to: str
    fingerprint: str
    """Of the account as the mail was asked for: nothing is sent for one that has changed since."""
    language: Language
    good_until: datetime
    """Nobody waits for it any more after that."""


class MailStore(Protocol):
    """Where mails wait, also while no server runs. Each is held by the server that sends it, for a time that it
    renews: of one that has died others take the mails over."""

    async def keep_mail(self, mail: WaitingMail, *, held_until: datetime) -> None:
        """A second time changes nothing."""

    async def hold_mails(self, leases: Mapping[str, datetime], *, until: datetime) -> set[str]:
        """Hold mails for longer, or let go of them. `leases`: until when the caller holds each, by its id. A mail that
        is held until another moment is another holder's by now, and stays so. Returns the ids of the others."""

    async def claim_mails(
        self, *, now: datetime, until: datetime, most: int, is_alone: bool = False
    ) -> list[WaitingMail]:
        """Mails that are still good and that nobody holds, held by the caller from now on `until` a moment: at most
        `most`, those that end first. No two callers get the same one. `is_alone`: no other server runs, so nobody
        holds any."""

    async def mails_of(self, user_id: int) -> list[WaitingMail]:
        """Those of a user, those that end first first."""

    async def forget_mail(self, mail_id: str) -> None:
        """It was sent, or is given up. No such mail: nothing happens."""

    async def forget_mails_until(self, now: datetime) -> None:
        """Forget those that are good no more."""
