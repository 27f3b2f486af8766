"""Who the player is, and the token that says so: the seed's AuthenticationManager.

The invariant: whoever is logged in is connected or about to be, whoever is not is not. A login, fresh or from the
stored token, connects the `ConnectionManager`; a logout disconnects it. With feature ``refresh`` the token is renewed
before it ends, in the connection's side thread.
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
    """Without a `token_file` the token lives in memory only. Errors are those of `LobbyApi`, and `TokenFileError`."""

    def __init__(
        self,
        *,
        api: LobbyApi,
        connection: LobbyConnection | None = None,
        token_file: Path | None = None,
        retry: ReconnectPolicy | None = None,
        rng: Random | None = None,
    ) -> None:
        """`retry` and `rng`: after which time a renewal that failed is tried again."""
        self.api = api
        self.connection = connection
        self.token: str | None = None
        self.user: User | None = None
        """None too while only a stored token is known; `verify` fills it in."""
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
        return self.token is not None

    def register(self, *, username: str, password: str, email: str | None = None) -> User:
        """Make an account and log in with it."""
        return self._begin(self.api.register(username=username, password=password, email=email))

    def login(self, *, username: str, password: str) -> User:
        return self._begin(self.api.login(username=username, password=password))

    def load_stored_token(self) -> TokenFileState:
        """Log in with the stored token, unverified as in the seed: the handshake shows what it is worth
        (`connection_refused` with ``invalid_token`` when nothing). Anything but ``LOADED`` changes nothing."""
        stored = self._file.load() if self._file is not None else StoredToken(TokenFileState.MISSING)
        if stored.token is None:
            log.info("no stored token: %s", stored.state.value)
        else:
            self._change_to(stored.token)
        return stored.state

    def use_token(self, token: str) -> None:
        """Log in with a token that came from elsewhere, an outside account service for one. It is not stored."""
        self._change_to(token)

    def verify(self) -> User:
        """Ask the server whether the token still holds."""
        self.user = self.api.verify(self._required_token())
        return self.user

    def refresh(self) -> None:
        """Exchange the token for one with a full life ahead. The next handshake uses it; with feature ``refresh`` the
        open socket lives on with it. A token that another login has replaced meanwhile stays replaced."""
        token = self._required_token()
        if self._exchange(token) and self.connection is not None and self.token is not None:
            self.connection.connect_to_server(self.token)  # connected already, it only takes note

    def logout(self) -> bool:
        """Disconnect, have the token revoked, forget it. False: the server could not be told, forgotten all the same.

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
