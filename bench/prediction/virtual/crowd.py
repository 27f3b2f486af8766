"""Many sessions of one process and one profile as one subscriber of the fan-out.

They are in step: all get the same bytes one after the other, and each takes as long as a write takes. Where a crowd is
written to in one call, its sessions hear from the beginning of that call to its end. Their sockets take everything, so
nobody falls behind; what a slow network does to a session is not in the forecast.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from lobby_server.service.fanout.profile import Profile
from lobby_server.service.fanout.subscriber import Subscriber
from lobby_server.service.ports import Send


class Hearing(Protocol):
    """The process, as a crowd sees it."""

    def written(self, crowd: Crowd, data: bytes | memoryview) -> None:
        """The crowd's sockets are written to."""


class _Sockets:
    """`lobby_server.service.ports.Outlet` of a crowd."""

    def __init__(self) -> None:
        self.send: Send = len

    def watch_writable(self, callback: Callable[[], None] | None) -> None:
        """They always are."""


class Crowd(Subscriber):
    """`sessions` of them."""

    __slots__ = ("has", "is_fetching", "sessions", "wants_again", "written_s")

    def __init__(self, hearing: Hearing, profile: Profile, sessions: int) -> None:
        sockets = _Sockets()

        def send(data: bytes | memoryview) -> int:
            hearing.written(self, data)
            return len(data)

        sockets.send = send
        super().__init__(sockets, profile)
        self.sessions = sessions
        self.has = 0
        """The revision of the list that they hold."""
        self.written_s = 0.0
        """When it was written to last; where that took a while, when it began."""
        self.is_fetching = self.wants_again = False

    def is_slow(self) -> None:
        """Cannot be: their sockets take everything."""
        raise AssertionError("a crowd fell behind")


def dealt(sessions: int, *, crowds: int, most: int) -> list[int]:
    """So many sessions in about so many crowds of about one size, none larger than `most`."""
    if not sessions:
        return []
    size = max(1, min(most, -(-sessions // crowds)))
    number = -(-sessions // size)
    return [sessions // number + (place < sessions % number) for place in range(number)]
