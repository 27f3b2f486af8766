"""The way in: from the settings to a mailer. The library of mail is loaded here, and only where mail is sent."""

from __future__ import annotations

from lobby_server.mail.address import read_smtp_url
from lobby_server.service.mail.ports import Mailer


def open_mailer(url: str, *, sender: str) -> Mailer:
    """Nothing is connected yet. `sender`: what stands in From, with a name or without. Raises `ValueError` with a
    sentence that begins with the name of the setting."""
    address = read_smtp_url(url)
    from lobby_server.mail.smtp import SmtpMailer, read_sender

    return SmtpMailer(address, sender=read_sender(sender))
