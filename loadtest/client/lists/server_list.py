"""The list of open rooms, kept current in two ways: fetched when the socket announces a change, or polled every 3 s.

`ServerList` is GlobalServerList of the specification after its migration to the socket, `PollingServerList` before it:
the baseline. `DeltaServerList`, in a module of its own, fetches nothing.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from random import Random
from typing import Any

from loadtest.client.api import LobbyApi, RoomsAnswer
from loadtest.client.errors import ClientError, RateLimited
from loadtest.client.lists.fetching import CoalescedFetch, Fetching, RoomsHeld
from loadtest.client.reconnect import JitterReconnect, ReconnectPolicy
from loadtest.client.signals import Signal
from loadtest.client.sockets.lobby_connection import LobbyConnection
from lobby_server.protocol.messages import RoomsChangedRev, ServerMessage
from lobby_server.protocol.resources import Room

POLL_INTERVAL_S = 3.0
"""The timer of the specification."""
_REVISION = re.compile(r'(?:W/)?"(\d+)"')
"""The entity tag of the room list: its revision."""


class ServerList:
    """Fetches the list when the connection is established and whenever it announces a change.

    The fetch runs in the connection's side thread: in the reader it would hold up heartbeats and further
    announcements. A fetch that fails is tried again after a jittered delay while connected; not while disconnected,
    for the next connection fetches anyway.

    With feature ``rev`` an announcement names the list's revision and a window: the fetch comes at a random point of
    the window, and is left out where that revision has arrived by then.

    Never two fetches at once; an older answer never replaces a newer one.
    """

    def __init__(
        self,
        *,
        api: LobbyApi,
        connection: LobbyConnection,
        retry: ReconnectPolicy | None = None,
        rng: Random | Callable[[], Random] | None = None,
        new_signal: Callable[[str], Signal[Any]] = Signal,
    ) -> None:
        """Starts to listen, and fetches at once where `connection` is established. `retry` is the back-off after a
        failed fetch, by default jitter from 1 s up to 10 s; `rng` draws its delays and the points in the windows, and
        may be a function that makes it when it is needed."""
        self.list_updated: Signal[[tuple[Room, ...]]] = new_signal("list_updated")
        """The rooms after every successful fetch, newest first; in the connection's side thread."""
        self.fetch_failed: Signal[[ClientError]] = new_signal("fetch_failed")
        """The error of every failed fetch. The list stays as it is."""
        self.fetch_count = 0
        """Requests sent."""
        self._api = api
        self._connection = connection
        self._retry = retry or JitterReconnect(first_s=1.0, cap_s=10.0)
        self._rng = rng or Random
        self._held = RoomsHeld()
        self._failures = 0
        self._is_closed = False
        self._fetching = self._new_fetching()
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

    def _new_fetching(self) -> Fetching:
        """How fetches are made, one at a time; another client may have another way."""
        return CoalescedFetch(self._fetch, side=self._connection.side)

    def _on_announcement(self, message: ServerMessage) -> None:
        if not isinstance(message, RoomsChangedRev):
            self.refresh()
            return
        with self._lock:
            self._announced_revision = message.rev
            if message.rev == self._held_revision:
                return
        self._fetching.request(in_s=self._drawing().uniform(0.0, message.fetch_within_ms / 1000))

    def _is_fetch_needed(self) -> bool:
        """Asked again when the fetch begins: the wait may have made it superfluous."""
        with self._lock:
            is_asked, self._is_asked = self._is_asked, False
            is_behind = self._announced_revision != self._held_revision
        return is_asked or (is_behind and self._connection.is_connected)

    def _fetch(self) -> float | None:
        ticket = self._begin_fetch()
        if ticket is None:
            return None
        try:
            answer = self._api.rooms()
        except ClientError as error:
            return self._fetch_has_failed(error)
        self._take_answer(ticket, answer)
        return None

    def _begin_fetch(self) -> int | None:
        """The ticket of a fetch that begins now; None where none is needed any more."""
        if not self._is_fetch_needed():
            return None
        self.fetch_count += 1
        return self._held.take_ticket()

    def _take_answer(self, ticket: int, answer: RoomsAnswer) -> None:
        self._failures = 0
        if not self._is_closed and answer.rooms is not None and self._held.show(ticket, answer.rooms):
            with self._lock:
                self._held_revision = _revision_of(answer.etag)
            self.list_updated.emit(answer.rooms)

    def _fetch_has_failed(self, error: ClientError) -> float | None:
        """Returns the seconds after which to try again."""
        self.fetch_failed.emit(error)
        if not self._connection.is_connected:
            return None
        delay_s = self._retry.delay_s(self._failures, self._drawing())
        self._failures += 1
        with self._lock:
            self._is_asked = True
        return max(delay_s, error.retry_after_s) if isinstance(error, RateLimited) else delay_s

    def _drawing(self) -> Random:
        if not isinstance(self._rng, Random):
            self._rng = self._rng()
        return self._rng


class PollingServerList:
    """Polls on a fixed grid from a random point of the first interval on. No socket, one thread, no account.

    A slow answer makes the next poll late, not the ones after it. Nothing is retried between two polls; after a 429 the
    polls pause as long as the server asks.
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
        """Nothing happens before `start`. `interval_s` is 3 s by default. `is_conditional` sends ``If-None-Match``, so
        that an unchanged list costs no body; `list_updated` then comes only with a changed one."""
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
        """Newest first, as of the last successful poll; empty before the first."""
        return self._held.rooms

    def start(self) -> None:
        """Start polling and return at once. A second call has no effect; a list that was closed stays closed."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._poll_for_ever, name="lobby-poll", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop polling. A poll under way may still finish; its answer is dropped."""
        self._stopped.set()

    def _poll_for_ever(self) -> None:
        due_s = self._clock() + self._rng.uniform(0.0, self._interval_s)
        while not self._stopped.wait(max(0.0, due_s - self._clock())):
            pause_s = self._poll()
            due_s += self._interval_s
            behind = (self._clock() + pause_s - due_s) // self._interval_s + 1
            due_s += max(0.0, behind) * self._interval_s

    def _poll(self) -> float:
        """Returns the seconds for which the server asked not to be polled."""
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
