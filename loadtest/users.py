"""The people of the swarm. A player holds the socket, as the seed's client does; a poller asks every 3 seconds.

Both are the client library's own parts under Locust's clock: what is measured is what a game would run.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import gevent
from locust import FastHttpUser, task
from locust.env import Environment
from locust.exception import StopUser

from loadtest.client import (
    ApiError,
    Attempt,
    AuthenticationManager,
    ClientError,
    ConnectionManager,
    DeltaServerList,
    Feature,
    JitterReconnect,
    LobbyApi,
    PollingServerList,
    RateLimited,
    ServerList,
    Timing,
    socket_url,
)
from loadtest.freshness import FreshnessWatch
from loadtest.identities import NoTokenLeft, account
from loadtest.locust_http import CONFLICT, LocustHttp
from loadtest.pacing import Agenda, draw_gap_s, draw_lifetime_s, draw_phase_s, player_rng
from loadtest.runtime import Swarm, swarm_of

FRESH_BY_PUSH = "time to fresh, by push"
FRESH_BY_POLL = "time to fresh, by polling"
RECONNECT = "reconnect"
LATENESS = "lateness of the swarm"

IDLE_S = 3600.0
"""A wait for somebody who has nothing to do; ended with the user."""
HTTP_TIMEOUT_S = 30.0


class SwarmFailure(Exception):
    """In Locust's table of failures; its text is what groups them."""


class LobbyUser(FastHttpUser):
    """What players and pollers share: an identity in the swarm, an agenda, a session for HTTP."""

    abstract = True
    concurrency = 2
    """One request of the agenda and one of the list at a time."""
    network_timeout = HTTP_TIMEOUT_S
    connection_timeout = HTTP_TIMEOUT_S

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        swarm = swarm_of(environment)
        if swarm is None:
            raise StopUser("the swarm was not set up: the locustfile has to call loadtest.hooks.install")
        self.swarm: Swarm = swarm
        role = type(self).__name__
        self.number = swarm.next_number(role)
        self.rng = player_rng(swarm.options.seed, role, self.number)
        self.agenda = Agenda()
        self.has_begun = False
        self.http = LocustHttp(self.client, swarm.recorder, names=self.route_names())
        self.api = LobbyApi(self.http)

    def route_names(self) -> dict[str, str]:
        """Other names for routes in Locust's table."""
        return {}

    def wait_time(self) -> float:
        wait_s = self.agenda.wait_s(time.perf_counter())
        return IDLE_S if wait_s == math.inf else wait_s

    def begin(self) -> None:
        """The first thing a user does. It may raise `StopUser` (which Locust's `on_start` logs with a traceback)."""

    @task
    def keep_appointments(self) -> None:
        """Do what is due, earliest first. Between two calls Locust may stop the user."""
        if not self.has_begun:
            self.has_begun = True
            if self.swarm.is_called_off:
                raise StopUser
            self.begin()
        now_s = time.perf_counter()
        appointment = self.agenda.take_due(now_s)
        if appointment is not None:
            self.swarm.recorder.record(LATENESS, now_s - appointment.at_s)
            appointment.act(appointment.at_s)

    def fire(self, name: str, duration_s: float | None, failure: str | None) -> None:
        """Into Locust's table, with the real time, or none."""
        self.environment.events.request.fire(
            request_type="WS",
            name=name,
            response_time=None if duration_s is None else duration_s * 1000,
            response_length=0,
            exception=None if failure is None else SwarmFailure(failure),
            context={},
        )


class Player(LobbyUser):
    """Logs in, holds the socket, refetches on announcements, makes rooms and deletes them, comes back after losses."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        options = self.swarm.options
        self.connection = ConnectionManager(
            url=socket_url(self.http.url, options.ws_path),
            name=f"player {self.number}",
            timing=Timing(heartbeat_s=options.heartbeat_s),
            reconnect=options.new_reconnect_policy(),
            rng=self.rng,
            counters=self.swarm.recorder.connections,
            features=options.features,
        )
        self.accounts = AuthenticationManager(api=self.api, connection=self.connection, rng=self.rng)
        self.server_list: ServerList | DeltaServerList
        if Feature.ROOMS_DELTA in options.features:
            self.server_list = DeltaServerList(connection=self.connection)
        else:
            self.server_list = ServerList(api=self.api, connection=self.connection, rng=self.rng)
        self.fresh = FreshnessWatch(self.swarm.marks)
        self.dealt_token: str | None = None
        self.room_id: str | None = None
        self.is_dropping = False
        self.lost_at_s: float | None = None

    # -- life -----------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        self.connection.connection_attempted.connect(self.on_attempt)
        self.connection.connection_established.connect(self.on_established)
        self.connection.connection_lost.connect(self.on_lost)
        self.connection.connection_refused.connect(self.on_refused)
        self.connection.heartbeat_finished.connect(self.on_heartbeat)
        self.server_list.list_updated.connect(self.on_list)
        self.log_in()
        options, now_s = self.swarm.options, time.perf_counter()
        if options.room_interval_s:
            self.agenda.put(now_s + draw_phase_s(options.room_interval_s, self.rng), self.make_room)
        if self.rng.random() < options.drop_share:
            self.agenda.put(now_s + draw_gap_s(options.drop_interval_s, self.rng), self.drop)

    def on_stop(self) -> None:
        """Leave the lobby as it was found: no room, no socket."""
        self.server_list.close()
        if not self.http.is_server_away:
            self.delete_room(time.perf_counter())
        self.connection.disconnect_from_server()
        self.http.close()
        if self.dealt_token is not None and self.swarm.tokens is not None:
            self.swarm.tokens.give_back(self.dealt_token)
            self.dealt_token = None

    def log_in(self) -> None:
        if self.swarm.tokens is None:
            mine = account(self.swarm.options.seed, self.number)
            try:
                self.patiently(self.accounts.register, username=mine.username, password=mine.password)
            except ApiError as error:
                if error.status != CONFLICT:
                    self.give_up(error)
                self.patiently(self.accounts.login, username=mine.username, password=mine.password)
            return
        try:
            self.dealt_token = self.swarm.tokens.take()
        except NoTokenLeft as error:
            self.give_up(error)
        else:
            self.accounts.use_token(self.dealt_token)

    def patiently(self, call: Callable[..., object], **arguments: Any) -> None:
        """Again while the server is away or asks to wait. Raises the other `ApiError`."""
        failures = 0
        while True:
            try:
                call(**arguments)
                return
            except RateLimited as error:
                self.swarm.say_once(
                    "throttled",
                    "The server limits logins (429): players wait as long as it says. To start faster, give --tokens "
                    "(lobby-server mint-tokens), or start the server with --auth-rate-per-min 0.",
                )
                gevent.sleep(error.retry_after_s * self.rng.uniform(1.0, 1.5))
            except ApiError:
                raise
            except ClientError as error:
                self.swarm.say_once("away", f"A login failed: {error}; players try again.")
                gevent.sleep(JitterReconnect().delay_s(failures, self.rng))
                failures += 1

    def give_up(self, error: Exception) -> None:
        self.swarm.recorder.count("players who gave up")
        self.swarm.say_once(f"gave up {type(error).__name__}", f"Players leave, this is why: {error}")
        raise StopUser

    # -- what the connection says ---------------------------------------------------------------------------------

    def on_attempt(self, attempt: Attempt) -> None:
        has_upgraded = attempt.upgrade_s is not None
        self.fire("upgrade", attempt.upgrade_s, None if has_upgraded else attempt.failure)
        if has_upgraded:
            self.fire("handshake", attempt.handshake_s, attempt.failure)

    def on_established(self) -> None:
        now_s = time.perf_counter()
        self.fresh.restart(now_s)
        self.is_dropping = False
        if self.lost_at_s is not None:
            self.swarm.recorder.record(RECONNECT, now_s - self.lost_at_s)
            self.lost_at_s = None
        missing = self.connection.features - self.connection.accepted_features
        if missing:
            names = ", ".join(sorted(feature.value for feature in missing))
            self.swarm.say_once("features", f"The server does not know these features, players do without: {names}.")

    def on_lost(self) -> None:
        self.lost_at_s = time.perf_counter()

    def on_refused(self, reason: str) -> None:
        self.swarm.say_once(f"refused {reason}", f"The server refuses players for good: {reason}.")

    def on_heartbeat(self, round_trip_s: float | None) -> None:
        if round_trip_s is not None or not self.is_dropping:
            self.fire("heartbeat", round_trip_s, "lost before the answer" if round_trip_s is None else None)

    def on_list(self, rooms: Any) -> None:
        for age_s in self.fresh.ages_s(rooms, time.perf_counter()):
            self.swarm.recorder.record(FRESH_BY_PUSH, age_s)

    # -- what the player does -------------------------------------------------------------------------------------

    def make_room(self, intended_s: float) -> None:
        options = self.swarm.options
        life_s = draw_lifetime_s(options.room_lifetime_s, self.rng)
        # The next room comes after this one's end, and the mean between two stays what was asked for.
        next_s = intended_s + life_s + draw_gap_s(options.room_interval_s - options.room_lifetime_s, self.rng)
        self.agenda.put(intended_s + life_s, self.delete_room)
        self.agenda.put(next_s, self.make_room)
        token = self.accounts.token
        if token is None:
            return
        try:
            room = self.api.create_room(token, gamemode="swarm", map_name=self.swarm.marks.write(intended_s))
            self.room_id = room.id
            self.swarm.recorder.count("rooms made")
        except ApiError as error:
            self.room_id = error.existing_room_id  # left over from an earlier run: deleted next
        except ClientError:
            pass  # in Locust's table of failures already; the agenda goes on

    def delete_room(self, intended_s: float) -> None:
        room_id, token = self.room_id, self.accounts.token
        if room_id is None or token is None:
            return
        try:
            self.api.delete_room(token, room_id)
            self.swarm.recorder.count("rooms deleted")
        except ClientError:
            pass  # as above
        self.room_id = None  # last, so that a player who is stopped on the way here tries once more

    def drop(self, intended_s: float) -> None:
        self.agenda.put(intended_s + draw_gap_s(self.swarm.options.drop_interval_s, self.rng), self.drop)
        if self.connection.is_connected:
            self.is_dropping = True
            self.swarm.recorder.count("connections dropped on purpose")
            self.connection.drop_connection()


class Poller(LobbyUser):
    """The baseline: asks for the list every few seconds, at a phase of its own. Needs no account."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        options = self.swarm.options
        self.fresh = FreshnessWatch(self.swarm.marks)
        self.server_list = PollingServerList(
            api=self.api,
            interval_s=options.poll_interval_s,
            is_conditional=options.is_poll_conditional,
            rng=self.rng,
            clock=time.perf_counter,
        )

    def route_names(self) -> dict[str, str]:
        return {"/api/rooms": "/api/rooms (poll)"}

    def begin(self) -> None:
        self.server_list.list_updated.connect(self.on_list)
        self.fresh.restart(time.perf_counter())
        self.server_list.start()

    def on_stop(self) -> None:
        self.server_list.close()
        self.http.close()

    def on_list(self, rooms: Any) -> None:
        for age_s in self.fresh.ages_s(rooms, time.perf_counter()):
            self.swarm.recorder.record(FRESH_BY_POLL, age_s)
