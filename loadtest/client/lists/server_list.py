"""The list of open rooms, kept fresh in two ways: told by the socket when to fetch, or by asking every 3 seconds.

`ServerList` is the seed's GlobalServerList as it became, `PollingServerList` as it was before: the baseline. A third
way, which fetches nothing, is `DeltaServerList` in a module of its own.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from random import Random
from typing import Any

from loadtest.client.api import LobbyApi
from loadtest.client.errors import ClientError, RateLimited
from loadtest.client.lists.fetching import CoalescedFetch, RoomsHeld
from loadtest.client.reconnect import JitterReconnect, ReconnectPolicy
from loadtest.client.signals import Signal
from loadtest.client.sockets.lobby_connection import LobbyConnection
from lobby_server.protocol.messages import RoomsChangedRev, ServerMessage
from lobby_server.protocol.resources import Room

POLL_INTERVAL_S = 3.0
"""The seed's timer."""
_REVISION = re.compile(r'(?:W/)?"(\d+)"')
"""The entity tag of the room list: its revision."""


class ServerList:
    """Fetches when the connection is established and whenever it says that the rooms changed.

    The fetch runs in the connection's side thread: in the reader it would hold up heartbeats and further
    announcements. A fetch that fails is tried again after a jittered delay while connected; not while disconnected,
    for the next connection fetches anyway.

    With feature ``rev`` an announcement names the list's revision and a window: what is held already is not fetched,
    not even when another fetch brought it during the wait, and the fetch comes at a random point of the window.
    """

    def __init__(
        self,
        *,
        api: LobbyApi,
        connection: LobbyConnection,
        retry: ReconnectPolicy | None = None,
        rng: Random | None = None,
        new_signal: Callable[[str], Signal[Any]] = Signal,
    ) -> None:
        """`rng` draws the delays; they are waited for by the connection's clock."""
        self.list_updated: Signal[[tuple[Room, ...]]] = new_signal("list_updated")
        """After every successful fetch, in the fetching thread."""
        self.fetch_failed: Signal[[ClientError]] = new_signal("fetch_failed")
        self.fetch_count = 0
        self._api = api
        self._connection = connection
        self._retry = retry or JitterReconnect(first_s=1.0, cap_s=10.0)
        self._rng = rng or Random()
        self._held = RoomsHeld()
        self._failures = 0
        self._is_closed = False
        self._fetching = CoalescedFetch(self._fetch, side=connection.side)
        self._lock = threading.Lock()
        self._is_asked = False
        """A fetch is wanted whatever is held."""
        self._announced_revision: int | None = None
        self._held_revision: int | None = None
        connection.connection_established.connect(self.refresh)
        connection.rooms_announced.connect(self._on_announcement)
        if connection.is_connected:
            self.refresh()

    @property
    def rooms(self) -> tuple[Room, ...]:
        """Newest first, as of the last successful fetch."""
        return self._held.rooms

    def refresh(self) -> None:
        """Fetch once more, begun after this call. Returns at once; `list_updated` follows."""
        with self._lock:
            self._is_asked = True
        self._fetching.request()

    def close(self) -> None:
        """Stop listening. A fetch under way may still finish; it is not shown."""
        self._is_closed = True
        self._connection.connection_established.disconnect(self.refresh)
        self._connection.rooms_announced.disconnect(self._on_announcement)
        self._fetching.close()

    def _on_announcement(self, message: ServerMessage) -> None:
        if not isinstance(message, RoomsChangedRev):
            self.refresh()
            return
        with self._lock:
            self._announced_revision = message.rev
            if message.rev == self._held_revision:
                return
        self._fetching.request(in_s=self._rng.uniform(0.0, message.fetch_within_ms / 1000))

    def _is_fetch_needed(self) -> bool:
        """Asked again when the fetch begins: the wait may have made it superfluous."""
        with self._lock:
            is_asked, self._is_asked = self._is_asked, False
            is_behind = self._announced_revision != self._held_revision
        return is_asked or (is_behind and self._connection.is_connected)

    def _fetch(self) -> float | None:
        if not self._is_fetch_needed():
            return None
        self.fetch_count += 1
        ticket = self._held.take_ticket()
        try:
            answer = self._api.rooms()
        except ClientError as error:
            self.fetch_failed.emit(error)
            if not self._connection.is_connected:
                return None
            delay_s = self._retry.delay_s(self._failures, self._rng)
            self._failures += 1
            with self._lock:
                self._is_asked = True
            return max(delay_s, error.retry_after_s) if isinstance(error, RateLimited) else delay_s
        self._failures = 0
        if not self._is_closed and answer.rooms is not None and self._held.show(ticket, answer.rooms):
            with self._lock:
                self._held_revision = _revision_of(answer.etag)
            self.list_updated.emit(answer.rooms)
        return None


class PollingServerList:
    """Asks every `interval_s`, starting at a random point of the first interval. No socket, one thread.

    Polls keep to their grid: a slow answer makes the next poll late, not the ones after it. `is_conditional` sends
    ``If-None-Match``, so that an unchanged list costs no body; `list_updated` then comes only with a changed one.
    """

    def __init__(
        self,
        *,
        api: LobbyApi,
        interval_s: float = POLL_INTERVAL_S,
        is_conditional: bool = False,
        rng: Random | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.list_updated: Signal[[tuple[Room, ...]]] = Signal("list_updated")
        self.fetch_failed: Signal[[ClientError]] = Signal("fetch_failed")
        self.fetch_count = 0
        self._api = api
        self._interval_s = interval_s
        self._is_conditional = is_conditional
        self._rng = rng or Random()
        self._clock = clock
        self._held = RoomsHeld()
        self._etag: str | None = None
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()

    @property
    def rooms(self) -> tuple[Room, ...]:
        return self._held.rooms

    def start(self) -> None:
        """Once; a list that was closed stays closed."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._poll_for_ever, name="lobby-poll", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop. A poll under way may still finish; it is not shown."""
        self._stopped.set()

    def _poll_for_ever(self) -> None:
        due_s = self._clock() + self._rng.uniform(0.0, self._interval_s)
        while not self._stopped.wait(max(0.0, due_s - self._clock())):
            pause_s = self._poll()
            due_s += self._interval_s
            behind = (self._clock() + pause_s - due_s) // self._interval_s + 1
            due_s += max(0.0, behind) * self._interval_s

    def _poll(self) -> float:
        """Returns the seconds that the server asked to be left alone."""
        self.fetch_count += 1
        ticket = self._held.take_ticket()
        try:
            answer = self._api.rooms(etag=self._etag if self._is_conditional else None)
        except ClientError as error:
            self.fetch_failed.emit(error)
            return error.retry_after_s if isinstance(error, RateLimited) else 0.0
        if not self._stopped.is_set() and answer.rooms is not None and self._held.show(ticket, answer.rooms):
            self._etag = answer.etag
            self.list_updated.emit(answer.rooms)
        return 0.0


def _revision_of(etag: str | None) -> int | None:
    found = _REVISION.fullmatch(etag) if etag is not None else None
    return int(found[1]) if found is not None else None
