"""A command that the rules of the social side do not allow; nothing changed."""

from __future__ import annotations

from lobby_server.protocol.codes import ApiCode


class NotAllowed(Exception):
    """`code` says why, in the words of the HTTP API; what can also be said over the socket has the same name there."""

    def __init__(self, code: ApiCode) -> None:
        super().__init__(code.value)
        self.code = code
