"""A player's account on one device: the client library's own, which renews a token that ends soon. Some clients do
not, and whose token ends in a run logs in again.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from bench.simulation.nodes.calls import Answer
from loadtest.client.accounts.authentication import AuthenticationManager
from loadtest.client.api import LobbyApi
from loadtest.client.reconnect import JitterReconnect
from loadtest.client.sockets.lobby_connection import LobbyConnection
from lobby_server.protocol.codes import ApiCode
from lobby_server.protocol.features import Feature


class PlayerAccount(AuthenticationManager):
    """`AuthenticationManager`, which may be told to let tokens end."""

    connection: LobbyConnection

    def __init__(self, api: LobbyApi, connection: LobbyConnection, *, random: Random, token: str) -> None:
        super().__init__(api=api, connection=connection, retry=JitterReconnect(first_s=0.5, cap_s=2.0), rng=random)
        self.token = self.first_token = token
        self.renews = True
        self.log_in: Callable[[], str] | None = None
        """Where tokens end: a token of another login."""

    @property
    def shown(self) -> str:
        """The token for whatever the player does now."""
        return self._required_token()

    def lets_end(self, log_in: Callable[[], str], *, knows_fresh: bool, renews: bool) -> None:
        """From the next login on, tokens end within the run. `knows_fresh`: the client asks to be told so, and takes a
        fresh one on the open socket; `renews`: it does, by the rules of the library."""
        self.log_in, self.renews = log_in, renews
        features, of_refresh = self.connection.features, frozenset({Feature.REFRESH})
        self.connection.features = features | of_refresh if knows_fresh else features - of_refresh

    def has_ended(self, token: str | None, answer: Answer) -> bool:
        """Whether an answer says that the token is worth nothing any more, with which was asked: only another login
        helps. None is tried where tokens outlive the run."""
        is_refused = answer.status == 401 and answer.code == ApiCode.INVALID_TOKEN.value
        return is_refused and self.log_in is not None and token == self.token

    def log_in_again(self) -> None:
        """If that is what the player does."""
        if self.log_in is not None:
            self.token = self.log_in()

    def _on_expiring(self, in_s: int) -> None:
        if self.renews:
            super()._on_expiring(in_s)
