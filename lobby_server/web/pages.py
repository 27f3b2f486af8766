"""The pages that the server shows to a browser."""

from __future__ import annotations

from pathlib import Path

from lobby_server.web.base import BaseHandler

STATIC = Path(__file__).parent / "static"


class LobbyPageHandler(BaseHandler):
    """``GET /`` without an Upgrade header."""

    def get(self) -> None:
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        self.finish((STATIC / "index.html").read_bytes())
