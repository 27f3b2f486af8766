"""Base clients fetch the list of rooms after each announcement: over the shared reader, without a greenlet.

`FetchedList` keeps the rules of the client's `ServerList`, of which it is one; only how a request is made differs. The
answer that another player had, too, is decoded once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from urllib.parse import urlsplit

from loadtest.client import ClientError, HttpAnswer, LobbyConnection, RoomsAnswer, ServerAway, ServerList
from loadtest.client.lists.fetching import Fetching
from loadtest.measure.recorder import Recorder
from loadtest.players.locust_http import THROTTLED, TOO_MANY_REQUESTS, SwarmApi, moved
from loadtest.players.request_table import RequestTable
from loadtest.wire.direct_signal import DirectSignal
from loadtest.wire.messages.answers import Answer
from loadtest.wire.messages.heads import BadAnswer, host_header
from loadtest.wire.outgoing.http import HttpPool
from loadtest.wire.places import Place
from loadtest.wire.timers import Timer, Timers

PATH = "/api/rooms"
Done = Callable[["RoomsAnswer | ClientError", float], None]
"""Gets the list, or why there is none, and when that arrived."""


class ListFetcher:
    """For all players of a process. Every fetch is in Locust's table, as those of Locust's own session are."""

    def __init__(
        self,
        pools: Mapping[str, HttpPool],
        *,
        api: SwarmApi,
        paths: Mapping[str, str],
        recorder: Recorder,
        table: RequestTable,
    ) -> None:
        """`pools`: by the address of the node; the first one is that of players without a place."""
        self._pools, self._api = pools, api
        self._recorder, self._table = recorder, table
        self._requests = {host: _request(host, paths) for host in pools}
        self._first = next(iter(pools))
        self._last: tuple[Answer, RoomsAnswer] | None = None
        self.timers = pools[self._first].timers
        self.clock = self.timers.clock

    def fetch(self, done: Done, place: Place | None = None) -> None:
        """At the node where the player is. `done` is never called from within this call."""
        host = self._first if place is None else place.host
        self._pools[host].ask(self._requests[host], _Fetch(self, done, host, place, self.clock()))

    def close(self) -> None:
        for pool in self._pools.values():
            pool.close()

    def take(self, answer: Answer, duration_s: float) -> RoomsAnswer | ClientError:
        status, length = answer.head.status, len(answer.body)
        self._recorder.count(f"body bytes in of GET {PATH}", length)
        if status == TOO_MANY_REQUESTS:
            self._recorder.count(THROTTLED)
        elif status >= 400:
            self._table.told("GET", PATH, duration_s, f"HTTP {status}", length=length)
        else:
            self._table.good("GET", PATH, duration_s, length=length)
        last = self._last
        if last is not None and last[0] is answer:
            return last[1]
        try:
            found = self._api.read_rooms(HttpAnswer(status=status, headers=answer.head.headers, body=answer.decoded()))
        except ClientError as error:
            return error
        except BadAnswer as bad:
            return ServerAway(self._api.http.url, str(bad))
        self._last = answer, found
        return found

    def has_failed(self, host: str, why: str, duration_s: float) -> ClientError:
        self._table.told("GET", PATH, duration_s, why)
        return ServerAway(host, why)


def _request(host: str, paths: Mapping[str, str]) -> bytes:
    target = urlsplit(host).path.rstrip("/") + moved(PATH, paths)
    return f"GET {target} HTTP/1.1\r\nHost: {host_header(host)}\r\nAccept-Encoding: gzip\r\n\r\n".encode()


class _Fetch:
    """An `Asker`. Its time counts as `Asker.begins` says, to the arrival of the answer."""

    __slots__ = ("_asked_s", "_done", "_fetcher", "_host", "_place")

    def __init__(self, fetcher: ListFetcher, done: Done, host: str, place: Place | None, asked_s: float) -> None:
        self._fetcher, self._done, self._asked_s = fetcher, done, asked_s
        self._host, self._place = host, place

    def begins(self, at_s: float) -> None:
        self._asked_s = at_s

    def answered(self, answer: Answer, arrived_s: float) -> None:
        self._done(self._fetcher.take(answer, max(0.0, arrived_s - self._asked_s)), arrived_s)

    def unanswered(self, why: str) -> None:
        now_s = self._fetcher.clock()
        if self._place is not None:
            self._place.leave(self._host)
        self._done(self._fetcher.has_failed(self._host, why, now_s - self._asked_s), now_s)


class FetchedList(ServerList):
    """A `ServerList` of a swarm's player."""

    def __init__(
        self,
        fetcher: ListFetcher,
        *,
        api: SwarmApi,
        connection: LobbyConnection,
        rng: Random | Callable[[], Random],
        place: Place | None = None,
    ) -> None:
        self._fetcher = fetcher
        self._place = place
        self.arrived_s = 0.0
        """When the list that is held arrived."""
        super().__init__(api=api, connection=connection, rng=rng, new_signal=DirectSignal)

    def _new_fetching(self) -> Fetching:
        return _FetchInTurns(self._fetcher.timers, self._start)

    def _start(self, ended: Callable[[float | None], None]) -> bool:
        """Begin a fetch that calls `ended`, with the seconds to the next try if any; False: none is needed."""
        ticket = self._begin_fetch()
        if ticket is None:
            return False

        def done(found: RoomsAnswer | ClientError, arrived_s: float) -> None:
            if isinstance(found, RoomsAnswer):
                self.arrived_s = arrived_s
                self._take_answer(ticket, found)
                ended(None)
            else:
                ended(self._fetch_has_failed(found))

        self._fetcher.fetch(done, self._place)
        return True


class _FetchInTurns:
    """The rules of `CoalescedFetch`: one at a time, and a request while one is under way leads to exactly one more."""

    __slots__ = ("_is_busy", "_is_closed", "_is_due", "_start", "_timer", "_timers")

    def __init__(self, timers: Timers, start: Callable[[Callable[[float | None], None]], bool]) -> None:
        self._timers = timers
        self._start = start
        self._timer: Timer | None = None
        self._is_busy = self._is_due = self._is_closed = False

    def request(self, *, in_s: float = 0.0) -> None:
        if self._is_closed or self._is_due:
            return
        if self._timer is not None:
            if self._timer.at_s <= self._timers.clock() + in_s:
                return
            self._timer.cancel()
            self._timer = None
        if in_s > 0:
            self._timer = self._timers.put(self._timers.clock() + in_s, self._come_due)
        else:
            self._come_due(0.0)

    def close(self) -> None:
        self._is_closed, self._is_due = True, False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _come_due(self, _at_s: float) -> None:
        self._timer = None
        if self._is_busy:
            self._is_due = True
        else:
            self._begin()

    def _begin(self) -> None:
        self._is_due = False
        self._is_busy = self._start(self._ended)

    def _ended(self, again_in_s: float | None) -> None:
        self._is_busy = False
        if self._is_closed:
            return
        if self._is_due:
            self._begin()
        elif again_in_s is not None:
            self.request(in_s=max(again_in_s, 1e-6))
