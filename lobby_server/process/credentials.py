"""The secrets of the tokens and the certificate of a running server: read at the start, and read again on SIGHUP, when
what cannot be used is told and left as it was.
"""

from __future__ import annotations

import logging
import ssl
from functools import partial
from pathlib import Path

from lobby_server.secret import lacks_secret, secret_path, secrets_of
from lobby_server.service.auth import Tokens
from lobby_server.service.watch.events import LogEvent
from lobby_server.settings import Settings, SettingsError

_MISMATCHES = frozenset({"KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED"})
"""The last is said of a key of another kind than the certificate's."""

log = logging.getLogger("lobby.server")


class Credentials:
    """Those that the settings name."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.tls: ssl.SSLContext | None = None
        """Once it was read; None: the server speaks no TLS."""

    def read_secrets(self) -> tuple[str, ...]:
        """Newest first; one is made where there is none. Raises `SettingsError`."""
        found, is_new = secrets_of(self._settings)
        if is_new:
            log.warning(
                "LOBBY_JWT_SECRET is not set: a secret was made and is kept in %s",
                secret_path(self._settings.data_dir),
                extra={"event": LogEvent.SECRET_MADE.value},
            )
        return found

    def read_certificate(self) -> None:
        """Set `tls`. Raises `SettingsError`."""
        self.tls = self._certificate() if self._settings.tls_cert else None

    def reload(self, tokens: Tokens) -> None:
        """Read both again. New connections get the new certificate; connections that stand keep theirs."""
        for what, act in (
            ("secrets", partial(self._reload_secrets, tokens)),
            ("certificate", self._reload_certificate),
        ):
            try:
                act()
            except SettingsError as fault:
                log.error(
                    "the new %s cannot be used, what there was goes on: %s",
                    what,
                    fault,
                    extra={"event": LogEvent.RELOAD_FAILED.value},
                )

    # -- private --------------------------------------------------------------------------------------------------

    def _reload_secrets(self, tokens: Tokens) -> None:
        if self._settings.jwt_secret:
            return  # of the environment, which does not change
        if not self._settings.jwt_secret_file and lacks_secret(self._settings.data_dir):
            path = secret_path(self._settings.data_dir)
            raise SettingsError(f"{path} is gone: put it back before the next start.")  # no new one behind our back
        found, _ = secrets_of(self._settings)
        tokens.use(*found)
        log.info("secrets read again: %d", len(found), extra={"event": LogEvent.RELOADED.value})

    def _reload_certificate(self) -> None:
        if self.tls is None:
            return
        self._certificate()  # looked at first: a key that does not fit must not spoil the context that is in use
        self.tls.load_cert_chain(self._settings.tls_cert, self._settings.tls_key, password="")
        log.info("certificate read again: for new connections", extra={"event": LogEvent.RELOADED.value})

    def _certificate(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(self._settings.tls_cert, self._settings.tls_key, password="")  # asks no terminal
        except OSError as fault:  # an SSLError is one
            why = fault.strerror if not isinstance(fault, ssl.SSLError) else self._what_is_wrong(fault)
            raise SettingsError(
                f"The certificate or its key cannot be read ({why}): check --tls-cert and --tls-key."
            ) from None
        context.options |= ssl.OP_NO_RENEGOTIATION  # a client could make the server work for nothing
        return context

    def _what_is_wrong(self, fault: ssl.SSLError) -> str:
        """OpenSSL says "PEM lib" of most things."""
        settings = self._settings
        try:
            certificate, key = (Path(path).read_bytes() for path in (settings.tls_cert, settings.tls_key))
        except OSError as gone:  # since they were tried
            return str(gone.strerror)
        if b"-----BEGIN CERTIFICATE-----" not in certificate:
            return f"{settings.tls_cert} holds no certificate in PEM form"
        if b"PRIVATE KEY-----" not in key:
            return f"{settings.tls_key} holds no key in PEM form"
        if b"ENCRYPTED" in key:
            return "the key is encrypted, and nobody is asked for its password"
        return "the key does not belong to the certificate" if fault.reason in _MISMATCHES else str(fault.strerror)
