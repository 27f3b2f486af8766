"""One run of the swarm in one process: what all its players share. Made at each start of a run, held by Locust's
environment; nothing of it outlives the run.
"""

from __future__ import annotations

import heapq
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from locust.env import Environment

from loadtest.client import ReconnectPolicy, ServerTimers, Timing, socket_url
from loadtest.client.sockets.arrival import HAS_STAMPS
from loadtest.measure.freshness import Marks
from loadtest.measure.ledger import EVENTS, Ledger
from loadtest.measure.recorder import LATENESS, Recorder
from loadtest.measure.run_facts import RunFacts
from loadtest.players.list_fetching import ListFetcher
from loadtest.players.locust_http import TIMEOUT_S, LocustHttp, SwarmApi, new_session
from loadtest.players.pausing import RolePauses
from loadtest.players.profiled_api import ProfiledApi
from loadtest.players.request_table import RequestTable
from loadtest.players.shared_lists import SharedLists
from loadtest.players.together import Together
from loadtest.players.wire_http import WireHttp
from loadtest.wire.outgoing.http import HttpPool
from loadtest.wire.places import Place, Places
from loadtest.wire.profiles.connection import ProfileMemo
from loadtest.wire.profiles.profile import Profile
from loadtest.wire.shared import Wire
from loadtest.workload.arrivals import Arrivals, arrival_times_s
from loadtest.workload.identities import Share, Tokens
from loadtest.workload.options import SwarmOptions
from loadtest.workload.plan import SwarmPlan
from loadtest.workload.roles.book import ROLES

_ATTRIBUTE = "lobby_swarm"

log = logging.getLogger("loadtest")


@dataclass
class Swarm:
    environment: Environment
    options: SwarmOptions
    share: Share
    tokens: Tokens | None
    """None: players create accounts over the API."""
    recorder: Recorder
    facts: RunFacts
    plan: SwarmPlan
    places: Places
    wire: Wire
    requests: RequestTable
    """For what the shared reader answers: Locust's table, told in aggregates."""
    api: SwarmApi
    poll_api: SwarmApi
    """The same API under other names, to tell polls from fetches in the table."""
    conditional_poll_api: SwarmApi
    fetcher: ListFetcher | None
    """None over TLS, and for servers of other protocols: there players fetch with `api`."""
    lists: SharedLists
    profile: Profile | None
    """None: the server speaks the lobby's protocol."""
    timing: Timing
    reconnect: ReconnectPolicy
    arrivals: Arrivals | None
    """None: a closed workload."""
    is_called_off: bool = False
    """The run was called off before it began; users leave at once."""
    marks: Marks = field(default_factory=Marks)
    was_late: Callable[[float], object] = lambda late_s: None
    """Takes how late this process acted: one function for all players."""
    arriving: set[object] = field(default_factory=set)
    """Players and their connections that are not there yet, though they have begun to come."""
    pauses: RolePauses = field(default_factory=RolePauses)
    role_faults: Counter[str] = field(default_factory=Counter)
    """In the code of roles, by what they are."""
    _free_numbers: list[int] = field(default_factory=list)
    _next_local: int = 0
    _said: set[str] = field(default_factory=set)

    @property
    def ledger(self) -> Ledger:
        return self.recorder.ledger

    def api_at(self, api: SwarmApi, place: Place) -> SwarmApi:
        """`api` for a player who is there. With one node all players share one."""
        return api if self.places.is_one else api.at(place)

    def take_number(self) -> int:
        """The number, in the whole swarm, of this process's next seat: the lowest free one."""
        if self._free_numbers:
            return heapq.heappop(self._free_numbers)
        self._next_local += 1
        return self.share.number(self._next_local - 1)

    def give_number_back(self, number: int) -> None:
        heapq.heappush(self._free_numbers, number)

    def say_once(self, kind: str, sentence: str) -> None:
        """Log a sentence that every player has cause to log, once per run and `kind`."""
        if kind not in self._said:
            self._said.add(kind)
            log.warning(sentence)

    def close(self) -> None:
        """Close what is left after the last player: sockets, greenlets, HTTP connections."""
        self.requests.flush()
        if self.fetcher is not None:
            self.fetcher.close()
        self.wire.close()
        self.api.http.close()


def new_swarm(
    environment: Environment,
    options: SwarmOptions,
    *,
    share: Share,
    tokens: Tokens | None,
    recorder: Recorder,
    facts: RunFacts,
    timers: ServerTimers,
    is_called_off: bool = False,
) -> Swarm:
    """What a run needs in this process, ready and idle."""
    hosts = [host.strip().rstrip("/") for host in (environment.host or "").split(",") if host.strip()] or [""]
    places, profile = Places(hosts, seed=options.seed), options.profile
    socket_path = options.ws_path if profile is None else profile.common_path
    wire = Wire(
        socket_url(places.host_for_sources, socket_path),
        path=socket_path,
        first_source=share.process * 64,
        heartbeat_timeout_s=timers.heartbeat_timeout_s,
    )
    if profile is not None:
        wire.memo = ProfileMemo(profile)
        profile.own_types = ROLES.own_types
        recorder.ledger.untold = EVENTS - profile.tells
    wire.memo.own_types = ROLES.own_types
    lists, requests = SharedLists(), RequestTable(environment, record=recorder.record_requests)
    if profile is None:
        wire.group.together = Together(
            recorder=recorder, lists=lists, chunks=wire.chunks, group=wire.group, requests=requests
        )  # fmt: skip

    is_over_the_wire = profile is None and all(host.startswith("http:") for host in hosts)
    recorder.calls_are_stamped = is_over_the_wire and HAS_STAMPS
    if is_over_the_wire:
        http: LocustHttp = WireHttp(_pools(hosts, options, wire), recorder, requests, paths=options.paths)
    else:
        session = new_session(environment, host=hosts[0], connections=options.http_connections)
        http = LocustHttp(session, recorder, paths=options.paths)

    def api(**names: str) -> SwarmApi:
        named = http.named(names)
        return SwarmApi(named, lists) if profile is None else ProfiledApi(named, lists, profile)

    plain_api = api()
    return Swarm(
        environment=environment,
        options=options,
        share=share,
        tokens=tokens,
        recorder=recorder,
        facts=facts,
        plan=SwarmPlan(options),
        places=places,
        wire=wire,
        requests=requests,
        api=plain_api,
        poll_api=api(**{"/api/rooms": "/api/rooms (poll)"}),
        conditional_poll_api=api(**{"/api/rooms": "/api/rooms (poll, ETag)"}),
        fetcher=_fetcher(hosts, options, wire, plain_api, recorder, requests) if is_over_the_wire else None,
        lists=lists,
        profile=profile,
        timing=Timing(heartbeat_s=options.heartbeat_s),
        reconnect=options.new_reconnect_policy(),
        arrivals=_arrivals(options, share, wire, recorder, run_s=_run_s(environment)),
        is_called_off=is_called_off,
        was_late=partial(recorder.record, LATENESS),
    )


def _fetcher(
    hosts: list[str], options: SwarmOptions, wire: Wire, api: SwarmApi, recorder: Recorder, table: RequestTable
) -> ListFetcher:
    return ListFetcher(_pools(hosts, options, wire), api=api, paths=options.paths, recorder=recorder, table=table)


def _pools(hosts: list[str], options: SwarmOptions, wire: Wire) -> dict[str, HttpPool]:
    most = max(1, options.http_connections // len(hosts))
    return {
        host: HttpPool(host, reader=wire.reader, timers=wire.timers, crew=wire.crew, most=most, timeout_s=TIMEOUT_S)
        for host in hosts
    }


def _arrivals(
    options: SwarmOptions, share: Share, wire: Wire, recorder: Recorder, *, run_s: float | None
) -> Arrivals | None:
    load = options.load
    if not load.arrivals_per_s:
        return None
    times_s = arrival_times_s(options.seed, load.arrivals_per_s, lambda at_s: load.level(at_s, run_s))
    return Arrivals(times_s, share=share, timers=wire.timers, count=recorder.count)


def _run_s(environment: Environment) -> float | None:
    run_time = getattr(environment.parsed_options, "run_time", None)
    return float(run_time) if run_time else None


def attach(environment: Environment, swarm: Swarm) -> None:
    setattr(environment, _ATTRIBUTE, swarm)


def swarm_of(environment: Environment) -> Swarm | None:
    """None before the first start, and on nodes that run no users."""
    swarm = getattr(environment, _ATTRIBUTE, None)
    return swarm if isinstance(swarm, Swarm) else None
