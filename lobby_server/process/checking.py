"""Every setting is checked before anything is made on disk: here those that `Settings` cannot judge, because a file has
to be looked at, or a URL read by the part that will use it.

Nothing is made here, and nothing is connected to. What only trying can tell comes behind it, and in this order: the
port, other nodes, the database, and at last what the data folder gets.
"""

from __future__ import annotations

from lobby_server.backplane.opening import check_url
from lobby_server.mail import open_mailer
from lobby_server.process.credentials import Credentials
from lobby_server.secret import known_secrets
from lobby_server.service.mail.ports import Mailer
from lobby_server.settings import Settings, SettingsError
from lobby_server.store import check_database_url
from lobby_server.web.origin import Origins


def check_settings(settings: Settings) -> None:
    """Raises `SettingsError` or a `StoreError`, with one sentence that says what to do."""
    known_secrets(settings)
    Credentials(settings).read_certificate()
    _check_origins(settings)
    mailer_of(settings)
    check_database_url(settings.database_url, settings.data_dir)
    if settings.backplane_url:
        check_backplane_url(settings.backplane_url)


def check_backplane_url(url: str) -> None:
    """Raises `SettingsError`."""
    try:
        check_url(url)
    except ValueError as fault:
        raise SettingsError(f"--backplane-url cannot be read: {fault}.") from None


def mailer_of(settings: Settings) -> Mailer | None:
    """None: the server sends no mail. Raises `SettingsError`."""
    if not settings.smtp_url:
        return None
    try:
        return open_mailer(settings.smtp_url, sender=settings.mail_from)
    except ValueError as fault:
        raise SettingsError(str(fault)) from None


def _check_origins(settings: Settings) -> None:
    try:
        Origins(settings.origins)
    except ValueError as fault:
        raise SettingsError(
            f"--allowed-origins has {str(fault)!r}, which no browser sends: an origin is scheme://host or "
            "scheme://host:port, such as https://game.example, without wildcards and in ASCII."
        ) from None
