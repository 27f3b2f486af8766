"""Stays in the lobby and keeps its list of rooms current, as all other roles with a socket do, too."""

from __future__ import annotations

from functools import partial

from loadtest.players.profiled_api import api_of
from loadtest.players.roles.role import Role, role
from loadtest.players.socket_client import SocketClient
from loadtest.players.swarm import Swarm
from loadtest.workload.options import SwarmOptions
from loadtest.workload.plan import PlayerPlan
from lobby_server.protocol.messages import ClientMessage


@role("browser", weight=6)
class Browser(Role):
    def __init__(self, swarm: Swarm, plan: PlayerPlan, *, seat: int, began_s: float) -> None:
        super().__init__(swarm, plan, seat=seat, began_s=began_s)
        self.client = self.new_client()
        self.api = api_of(self.api, self.client.connection)
        self._listen()

    @classmethod
    def sockets(cls, options: SwarmOptions) -> int:
        return 1

    def new_client(self, number: int = 0) -> SocketClient:
        """`number` tells the sockets of one user apart."""
        return SocketClient(
            self.swarm,
            name=f"player {self.seat}",
            features=self.options.modes[self.NAME],
            rng=partial(self.plan.rng, f"connection {number}"),
            phase=(self.plan.heartbeat_phase + number * 0.618) % 1.0,
            fire=self.fire,
            fire_attempt=self.fire_attempt,
            line=self.line,
            place=self.place if not number else self.swarm.places.of(self.seat, tab=number),
        )

    def begin(self) -> None:
        token = self.identity.get_token(self.starts_s)
        self.client.open(token)

    def end(self) -> None:
        self._hears_no_more()
        self.client.close()

    @property
    def is_active(self) -> bool:
        return bool(self.client.connection.is_connected)

    # -- for roles of any kind ------------------------------------------------------------------------------------

    @property
    def heard_s(self) -> float:
        return self.client.connection.heard_s

    @property
    def user_id(self) -> int | None:
        """As the server said at the last acceptance."""
        return self.client.connection.user_id

    def send(self, message: ClientMessage | str, data: object = None) -> None:
        """A message of the lobby, or one of another type with its data. Raises `NotConnected` (a `ClientError`) while
        the connection is lost."""
        if isinstance(message, str):
            self.client.connection.send_own(message, {} if data is None else data)
        else:
            self.client.connection.send(message)

    def on_presence(self, user_id: int, is_online: bool) -> None:
        """A user came online or went offline. In the reader: it must not block."""

    def on_lost(self) -> None:
        """The connection was lost; reconnecting follows. In the reader: it must not block."""

    def _listen(self) -> None:
        """Only to what the role asks for."""
        kind, connection = type(self), self.client.connection
        if self.handlers:
            connection.message_received.connect(self.dispatch)
        if self.expects:
            connection.connection_lost.connect(lambda: self._hears_no_more(self.heard_s))
        if kind.on_lost is not Browser.on_lost:
            connection.connection_lost.connect(self._is_lost)
        if kind.on_presence is not Browser.on_presence:
            told = connection.on_presence

            def both(user_id: int, is_online: bool, heard_s: float) -> None:
                if told is not None:
                    told(user_id, is_online, heard_s)
                try:
                    self.on_presence(user_id, is_online)
                except Exception as error:
                    self.fault("on_presence", error)

            connection.on_presence = both

    def _is_lost(self) -> None:
        try:
            self.on_lost()
        except Exception as error:
            self.fault("on_lost", error)

    def _hears_no_more(self, at_s: float | None = None) -> None:
        if self.expects:
            self.swarm.recorder.reach.expectations.leaves(self.listener, at_s=at_s)
