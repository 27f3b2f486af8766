"""Where the mail server is, as one URL: ``smtp://user:password@host:587``, or ``smtps://`` for TLS from the first byte.

``starttls`` in its query says what happens on ``smtp://``: ``required``, the default, sends nothing in the clear;
``offered`` does so only where the server offers no TLS; ``never`` is for a server on the same machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

STARTTLS = ("required", "offered", "never")
_PORTS = {"smtp": 587, "smtps": 465}
"""Submission, and submission over TLS (RFC 8314 section 3.3)."""


@dataclass(frozen=True, kw_only=True)
class SmtpAddress:
    host: str
    port: int
    is_tls: bool
    """TLS from the first byte."""
    starttls: str
    """One of `STARTTLS`; without a meaning where `is_tls`."""
    user: str = ""
    """Empty: nobody logs in."""
    password: str = ""

    def __repr__(self) -> str:
        """Without the password, wherever it is logged."""
        return f"SmtpAddress({self.host!r}, {self.port})"


def read_smtp_url(url: str) -> SmtpAddress:
    """Raises `ValueError` with a sentence that says what to do, and not the password."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("--smtp-url cannot be read: its port is a number, its host a name or an address.") from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("--smtp-url must look like smtp://user:password@host:587, or smtps:// for TLS at once.")
    if parts.path not in ("", "/") or parts.fragment:
        raise ValueError(
            "--smtp-url has something behind its host: write / # ? and @ of a user or a password as %2F %23 %3F %40."
        )
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    starttls = options.pop("starttls", "required")
    if options:
        raise ValueError(f"--smtp-url has {next(iter(options))!r} in its query, where only starttls has a meaning.")
    if starttls not in STARTTLS:
        raise ValueError(f"--smtp-url has starttls={starttls}, which is none of {', '.join(STARTTLS)}.")
    if parts.password and not parts.username:
        raise ValueError("--smtp-url has a password and no user.")
    return SmtpAddress(
        host=parts.hostname,
        port=port if port is not None else _PORTS[parts.scheme],
        is_tls=parts.scheme == "smtps",
        starttls=starttls,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )
