"""``/`` and ``/ws``: the lobby as the endpoint of WebSockets."""

from __future__ import annotations

from lobby_server.service.app import App
from lobby_server.service.peers.peer import Peer
from lobby_server.service.session import Session


class LobbyEndpoint:
    """`lobby_server.web.websocket.connection.Endpoint`: a session per connection."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.open = app.open_session

    @property
    def refusal(self) -> str | None:
        return None if self._app.takes_sockets else "The lobby is full at the moment; try again in a few seconds."

    def end(self, peer: Peer, *, abrupt: bool) -> None:
        assert isinstance(peer, Session)
        self._app.end_session(peer, abrupt=abrupt)
