"""Log in, log out, and keep the token: AuthenticationManager of the specification.

The invariant: a user who is logged in is connected or about to be; one who is logged out is not. A login, by password
or by the stored token, connects the `ConnectionManager`; a logout disconnects it. With feature ``refresh`` the token
is renewed before it expires, in the connection's side thread.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from random import Random

from loadtest.client.accounts.token_file import StoredToken, TokenFile, TokenFileState
from loadtest.client.api import LobbyApi
from loadtest.client.errors import ApiError, ClientError, RateLimited, ServerAway, TokenFileError, UnexpectedAnswer
from loadtest.client.reconnect import JitterReconnect, ReconnectPolicy
from loadtest.client.sockets.lobby_connection import LobbyConnection
from lobby_server.protocol.resources import Session, User

log = logging.getLogger(__name__)


class AuthenticationManager:
    """The account of one player. All methods may be called from any thread; those that ask the server block.

    They raise what the same call of `LobbyApi` raises, and `TokenFileError`. A `register` or `login` that raised has
    changed nothing here; after `TokenFileError` from `refresh` or `logout` the new token is in use, or the user is
    logged out, and only the file is not up to date.
    """

    def __init__(
        self,
        *,
        api: LobbyApi,
        connection: LobbyConnection | None = None,
        token_file: Path | None = None,
        retry: ReconnectPolicy | None = None,
        rng: Random | None = None,
    ) -> None:
        """`connection` follows the log-in; without one only the token is kept. `token_file` keeps the token between
        runs, readable by its owner only; without one it is in memory only. `retry` is the back-off after a renewal
        that failed, by default jitter from 1 s up to 10 s, which `rng` draws.
        """
        self.api = api
        self.connection = connection
        self.token: str | None = None
        self.user: User | None = None
        """None while logged out, and after `load_stored_token` until `verify`."""
        self._file = TokenFile(token_file) if token_file is not None else None
        self._retry = retry or JitterReconnect(first_s=1.0, cap_s=10.0)
        self._rng = rng or Random()
        self._failures = 0
        self._lock = threading.Lock()
        """Held while the token and its file change together."""
        if connection is not None:
            connection.token_expiring.connect(self._on_expiring)

    @property
    def is_logged_in(self) -> bool:
        """There is a token. Whether the server still accepts it shows at the handshake."""
        return self.token is not None

    def register(self, *, username: str, password: str, email: str | None = None) -> User:
        """Create an account and log in with it. Raises as `LobbyApi.register` does."""
        return self._begin(self.api.register(username=username, password=password, email=email))

    def login(self, *, username: str, password: str) -> User:
        """Log in; a user who was logged in before is disconnected first. Raises as `LobbyApi.login` does."""
        return self._begin(self.api.login(username=username, password=password))

    def load_stored_token(self) -> TokenFileState:
        """Log in with the token in `token_file`, without asking the server: a token that it does not accept shows as
        `connection_refused` with ``invalid_token``. Any result but ``LOADED`` has changed nothing. Never raises."""
        stored = self._file.load() if self._file is not None else StoredToken(TokenFileState.MISSING)
        if stored.token is None:
            log.info("no stored token: %s", stored.state.value)
        else:
            self._change_to(stored.token)
        return stored.state

    def use_token(self, token: str) -> None:
        """Log in with a token from elsewhere, such as an external account service. It is not stored."""
        self._change_to(token)

    def verify(self) -> User:
        """Ask the server for the user of the token. Raises `ApiError`, `is_about_the_token`, where it is not valid."""
        self.user = self.api.verify(self._required_token())
        return self.user

    def refresh(self) -> None:
        """Exchange the token for one with a full lifetime. The next handshake uses it, with feature ``refresh``
        also the open socket. Where another login happened meanwhile, its token stays."""
        token = self._required_token()
        if self._exchange(token) and self.connection is not None and self.token is not None:
            self.connection.connect_to_server(self.token)  # connected already, it only takes note

    def logout(self) -> bool:
        """Disconnect, forget the token and have the server revoke it. False: the server could not be reached, so the
        token stays valid there until it expires; it is forgotten here all the same.

        The socket is closed first, so that the server's own close (4502) does not look like a refusal.
        """
        with self._lock:
            token, self.token, self.user = self.token, None, None
        if self.connection is not None:
            self.connection.disconnect_from_server()
        if self._file is not None:
            self._file.forget()
        if token is None:
            return True
        try:
            self.api.logout(token)
        except ApiError as error:
            return error.is_about_the_token  # it was worth nothing already
        except (ServerAway, UnexpectedAnswer) as error:
            log.warning("logged out here, but the server does not know: %s", error)
            return False
        return True

    def _begin(self, session: Session) -> User:
        self._change_to(session.token, user=session.user, is_stored=True)
        return session.user

    def _change_to(self, token: str, *, user: User | None = None, is_stored: bool = False) -> None:
        """The user may be another one: an old connection must not go on under the new name."""
        with self._lock:
            if is_stored and self._file is not None:
                self._file.save(token)
            self.token, self.user = token, user
        if self.connection is not None:
            self.connection.disconnect_from_server()
            self.connection.connect_to_server(token)

    def _required_token(self) -> str:
        if self.token is None:
            raise ApiError(status=401, code="authentication_required", sentence="Nobody is logged in.")
        return self.token

    # -- renewal --------------------------------------------------------------------------------------------------

    def _on_expiring(self, in_s: int) -> None:
        if self.connection is not None:
            self.connection.side.put(self._renew)

    def _renew(self) -> float | None:
        """Returns the seconds after which to try again. None too when it failed for good or the connection is gone:
        the next one is told of the end of its token again."""
        token = self.token
        if token is None or self.connection is None:
            return None
        try:
            self._exchange(token)
        except TokenFileError as error:
            log.warning("the token was renewed, but not stored: %s", error)
        except ClientError as error:
            if (isinstance(error, ApiError) and error.is_about_the_token) or not self.connection.is_connected:
                log.warning("the token was not renewed: %s", error)
                return None
            delay_s = self._retry.delay_s(self._failures, self._rng)
            self._failures += 1
            return max(delay_s, error.retry_after_s) if isinstance(error, RateLimited) else delay_s
        self._failures = 0
        return None

    def _exchange(self, token: str) -> bool:
        """A fresh token in the place of `token`, everywhere. False: somebody logged in or out meanwhile."""
        fresh = self.api.refresh(token)
        with self._lock:
            if self.token != token:
                return False
            self.token = fresh
            try:
                if self._file is not None:
                    self._file.save(fresh)
            finally:  # a token that cannot be stored is worth as much to the open connection
                if self.connection is not None:
                    self.connection.renew_token(fresh, instead_of=token)
        return True
