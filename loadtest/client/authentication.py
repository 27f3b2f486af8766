"""Who the player is, and the token that says so: the seed's AuthenticationManager.

The invariant: whoever is logged in is connected or about to be, whoever is not is not. A login, fresh or from the
stored token, connects the `ConnectionManager`; a logout disconnects it.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from loadtest.client.api import LobbyApi
from loadtest.client.connection import ConnectionManager
from loadtest.client.errors import ApiError, ServerAway, UnexpectedAnswer
from loadtest.client.token_file import StoredToken, TokenFile, TokenFileState
from lobby_server.protocol.resources import Session, User

log = logging.getLogger(__name__)


class AuthenticationManager:
    """Without a `token_file` the token lives in memory only. Errors are those of `LobbyApi`, and `TokenFileError`."""

    def __init__(
        self, *, api: LobbyApi, connection: ConnectionManager | None = None, token_file: Path | None = None
    ) -> None:
        self.api = api
        self.connection = connection
        self.token: str | None = None
        self.user: User | None = None
        """None too while only a stored token is known; `verify` fills it in."""
        self._file = TokenFile(token_file) if token_file is not None else None
        self._lock = threading.Lock()

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
            self.user = None
            self._change_to(stored.token)
        return stored.state

    def use_token(self, token: str) -> None:
        """Log in with a token that came from elsewhere, an outside account service for one. It is not stored."""
        self.user = None
        self._change_to(token)

    def verify(self) -> User:
        """Ask the server whether the token still holds."""
        self.user = self.api.verify(self._required_token())
        return self.user

    def refresh(self) -> None:
        """Exchange the token for one with a full life ahead; the next handshake uses it."""
        token = self.api.refresh(self._required_token())
        self._store(token)
        self.token = token
        if self.connection is not None:
            self.connection.connect_to_server(token)  # connected already, it only takes note

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
        self._store(session.token)
        self.user = session.user
        self._change_to(session.token)
        return session.user

    def _store(self, token: str) -> None:
        if self._file is not None:
            self._file.save(token)

    def _change_to(self, token: str) -> None:
        """The user may be another one: an old connection must not go on under the new name."""
        self.token = token
        if self.connection is not None:
            self.connection.disconnect_from_server()
            self.connection.connect_to_server(token)

    def _required_token(self) -> str:
        if self.token is None:
            raise ApiError(status=401, code="authentication_required", sentence="Nobody is logged in.")
        return self.token
