"""``lobby-server announce``: a message from an administrator to all clients, on the server's own machine."""

from __future__ import annotations

from lobby_server.local_calls import post
from lobby_server.settings import Settings


def announce(settings: Settings, *, title: str, body: str) -> int:
    """The id of the announcement that the running server made. Raises `LocalCallError`, `SettingsError`."""
    return int(post(settings, "/api/announcements", {"title": title, "body": body})["id"])
