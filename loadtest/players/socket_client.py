"""One game client on one socket: connection, list, records. A tabber has several of them.

Everything here runs in the shared reader's greenlet, but for `open` and `close`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from random import Random

from loadtest.client import Attempt, AuthenticationManager, DeltaServerList, Feature, ServerList
from loadtest.measure.examples import not_understood
from loadtest.measure.metrics import RECONNECT
from loadtest.players.list_fetching import FetchedList
from loadtest.players.locust_http import SwarmApi
from loadtest.players.profiled_api import NoList, api_of
from loadtest.players.swarm import Swarm
from loadtest.players.together import GroupedList
from loadtest.wire.connection import SwarmConnection
from loadtest.wire.direct_signal import DirectSignal
from loadtest.wire.lines.line import LinedConnection, LinedProfiledConnection
from loadtest.wire.places import Place
from loadtest.wire.profiles.connection import ProfiledConnection
from loadtest.wire.timers import Timer
from loadtest.workload.texts.conditions import PlayerLine
from lobby_server.protocol.messages import RoomsDelta, RoomsSnapshot, ServerMessage
from lobby_server.protocol.resources import Room

LOST_BY_THE_LINE = "connections lost by the emulated line"


class SocketClient:
    __slots__ = (
        "_api", "_fire", "_fire_attempt", "_is_leaving", "_line", "_loss", "_lost_at_s", "_rng", "_swarm", "connection",
        "list", "watch",
    )  # fmt: skip

    def __init__(
        self,
        swarm: Swarm,
        *,
        name: str,
        features: frozenset[Feature],
        rng: Random | Callable[[], Random],
        phase: float,
        fire: Callable[[str, float | None, str | None], None],
        fire_attempt: Callable[[Attempt], None],
        line: PlayerLine | None = None,
        place: Place | None = None,
    ) -> None:
        """`rng` may be a function that makes it when it is first needed. `line`: between the player and the network.
        `place`: at which node it is; None: at the only one."""
        self._swarm = swarm
        self._rng = rng
        self._line = line
        self._loss: Timer | None = None
        self._api = swarm.api if place is None else swarm.api_at(swarm.api, place)
        if line is not None:
            self._api = self._api.over(line.speed)
        self._fire = fire
        self._fire_attempt = fire_attempt
        self.watch = swarm.ledger.watch()
        new_connection = _kind_of_connection(swarm, self._api, line)
        self.connection = connection = new_connection(
            swarm.wire,
            name=name,
            timing=swarm.timing,
            reconnect=swarm.reconnect,
            rng=self._drawing,
            phase=phase,
            counters=swarm.recorder.connections,
            features=features,
            on_presence=self.watch.presence,
            on_presence_many=self.watch.presence_many,
            on_late=swarm.was_late,
            place=place,
        )
        self._api = api_of(self._api, connection)
        self.list: ServerList | DeltaServerList | NoList
        if swarm.profile is not None and "rooms" not in swarm.profile.offers:
            self.list = NoList()
        elif Feature.ROOMS_DELTA in features:
            read_snapshot, apply_delta = swarm.lists.for_all
            self.list = GroupedList(
                connection=connection,
                read_snapshot=read_snapshot,
                apply_delta=apply_delta,
                new_signal=connection.new_signal,
            )
        elif not swarm.options.fetches_lists:
            self.list = NoList()
        elif swarm.fetcher is not None and line is None:
            self.list = FetchedList(swarm.fetcher, api=self._api, connection=connection, rng=self._drawing, place=place)
        else:
            self.list = ServerList(api=self._api, connection=connection, rng=self._drawing, new_signal=DirectSignal)
        self._is_leaving = False
        self._lost_at_s: float | None = None
        connection.handshake_sent.connect(self.watch.shaking)
        connection.connection_attempted.connect(self._on_attempt)
        connection.accepted_too_late.connect(self._on_accepted_too_late)
        connection.connection_established.connect(self._on_established)
        connection.connection_lost.connect(self._on_lost)
        connection.connection_refused.connect(self._on_refused)
        connection.heartbeat_finished.connect(self._on_heartbeat)
        connection.heartbeat_unanswered.connect(self._on_unanswered)
        connection.not_understood.connect(self._on_not_understood)
        connection.rooms_announced.connect(self._on_rooms)
        self.list.list_updated.connect(self._on_delta_list if isinstance(self.list, DeltaServerList) else self._on_list)
        if type(connection) is SwarmConnection:  # until somebody else listens
            connection.follower = self.watch
            connection.followed_list = self.list if type(self.list) is GroupedList else None

    def _drawing(self) -> Random:
        """One for all that is drawn here."""
        if not isinstance(self._rng, Random):
            self._rng = self._rng()
        return self._rng

    def open(self, token: str) -> None:
        if Feature.REFRESH in self.connection.features:
            accounts = AuthenticationManager(api=self._api, connection=self.connection)
            accounts.token = token
        self._swarm.arriving.add(self)
        self.connection.connect_to_server(token)

    def close(self) -> None:
        """Blocks until the server has answered the close frame, for a second at most."""
        self._swarm.arriving.discard(self)
        if self._loss is not None:
            self._loss.cancel()
        self.list.close()
        self.watch.leaving()
        try:
            self.connection.disconnect_from_server()
        finally:  # the end of a run kills whoever waits here
            self.watch.lost()

    def drop(self) -> bool:
        """Lose the connection with a reset. False: there was none."""
        return self._leave(self.connection.drop_connection, is_silent=False)

    def vanish(self) -> bool:
        """Lose the connection without the server noticing. False: there was none."""
        return self._leave(self.connection.fall_silent, is_silent=True)

    def _leave(self, leave: Callable[[], None], *, is_silent: bool) -> bool:
        if not self.connection.is_connected:
            return False
        self._is_leaving = True
        self.watch.leaving(is_abrupt=True, is_silent=is_silent)
        leave()
        return True

    def _plan_loss(self) -> None:
        """Of the line: that of a phone in a tunnel."""
        wait_s = self._line.next_loss_s() if self._line is not None else math.inf
        if self._loss is not None:
            self._loss.cancel()
        if wait_s < math.inf:
            self._loss = self._swarm.wire.timers.put(self._swarm.wire.clock() + wait_s, lambda _: self._lose_line())

    def _lose_line(self) -> None:
        if self.drop():
            self._swarm.recorder.count(LOST_BY_THE_LINE)

    # -- what the connection says ---------------------------------------------------------------------------------

    def _on_attempt(self, attempt: Attempt) -> None:
        self._fire_attempt(attempt)
        if attempt.handshake_s is not None:
            connection = self.connection
            self.watch.accepted(
                connection.user_id,
                handshake_s=attempt.handshake_s,
                features=connection.accepted_features,
                accepted_s=connection.accepted_at_s,
            )
        elif attempt.upgrade_s is not None:
            self.watch.lost()  # without an answer to its handshake

    def _on_accepted_too_late(self, left_s: float) -> None:
        self.watch.came_and_went(self.connection.user_id, sent_s=self.connection.handshake_sent_s, left_s=left_s)

    def _on_established(self) -> None:
        self._plan_loss()
        self._is_leaving = False
        self._swarm.arriving.discard(self)
        if self._lost_at_s is not None:
            took_s = self.connection.accepted_at_s - self._lost_at_s
            self._swarm.recorder.record(RECONNECT, max(0.0, took_s))
            self._lost_at_s = None
        missing = self.connection.features - self.connection.accepted_features
        if missing:
            names = ", ".join(sorted(feature.value for feature in missing))
            self._swarm.say_once("features", f"The server does not know these features, players do without: {names}.")

    def _on_lost(self) -> None:
        self._lost_at_s = time.perf_counter()
        self.watch.lost()

    def _on_refused(self, reason: str) -> None:
        self._swarm.arriving.discard(self)
        self._swarm.say_once(f"refused {reason}", f"The server refuses players for good: {reason}.")

    def _on_heartbeat(self, round_trip_s: float | None) -> None:
        if round_trip_s is not None or not self._is_leaving:
            self._fire("heartbeat", round_trip_s, "lost before the answer" if round_trip_s is None else None)

    def _on_unanswered(self) -> None:
        self._fire("heartbeat", None, "not answered")

    def _on_not_understood(self, payload: bytes, why: str) -> None:
        self._fire("message", None, not_understood(self._swarm.recorder, payload, why))

    def _on_list(self, rooms: tuple[Room, ...]) -> None:
        self.watch.lists(rooms, self.list.arrived_s if isinstance(self.list, FetchedList) else None)

    def _on_delta_list(self, rooms: tuple[Room, ...]) -> None:
        self.watch.lists(rooms, self.connection.heard_s)

    def _on_rooms(self, message: ServerMessage) -> None:
        if type(message) is RoomsDelta:
            self.watch.rooms(message.rev, base=message.base, heard_s=self.connection.heard_s)
            self._swarm.ledger.named.take(message, self.connection.heard_s)
            return
        self.watch.rooms(
            getattr(message, "rev", None),
            is_whole=isinstance(message, RoomsSnapshot),
            heard_s=self.connection.heard_s,
        )


def _kind_of_connection(swarm: Swarm, api: SwarmApi, line: PlayerLine | None) -> Callable[..., SwarmConnection]:
    if swarm.profile is None:
        return SwarmConnection if line is None else partial(LinedConnection, speed=line.speed)
    kind = ProfiledConnection if line is None else partial(LinedProfiledConnection, speed=line.speed)
    return partial(kind, profile=swarm.profile, enter=getattr(api, "enter", None))
