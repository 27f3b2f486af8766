"""What a player's connection books, and with which times. The swarm is frozen by keeping this thread from its loop."""

from __future__ import annotations

import threading
import time
from random import Random
from types import SimpleNamespace

import pytest

from loadtest.client import Feature, FixedReconnect, Timing
from loadtest.measure.metrics import RECONNECT
from loadtest.measure.recorder import Recorder
from loadtest.players.shared_lists import SharedLists
from loadtest.players.socket_client import SocketClient
from loadtest.wire.shared import Wire
from lobby_server.protocol.messages import HandshakeAccepted
from tests.loadtest.fakes import FakePeer, FakeServer
from tests.loadtest.wire.test_arrivals import FROZEN_S, NEAR_S, at_hand_s, needs_stamps, stamping
from tests.loadtest.wire.test_wire import wait_for
from tests.patience import PATIENCE_S

__all__ = ["stamping"]

FEATURES = ["rooms_delta"]


@needs_stamps
@pytest.mark.usefixtures("stamping")
def test_a_reconnect_ends_with_the_arrival_of_its_acceptance_however_late_that_is_read() -> None:
    asked, may_answer = threading.Event(), threading.Event()

    def lose(peer: FakePeer) -> None:
        peer.accept(features=FEATURES)
        peer.close_with(1012, "restart")
        peer.wait_until_gone()

    def let_in_late(peer: FakePeer) -> None:
        peer.upgrade()
        peer.read_message("handshake")
        asked.set()
        may_answer.wait(PATIENCE_S)
        peer.send(HandshakeAccepted(peer_id=0, user_id=1, username="somebody", features=FEATURES))
        peer.read_until_gone()

    with FakeServer(lose, let_in_late) as server:
        wire, recorder = Wire(server.url), Recorder(reports_all_phases=True)
        swarm = SimpleNamespace(
            wire=wire, ledger=recorder.ledger, recorder=recorder, api=None, fetcher=None, arriving=set(), profile=None,
            lists=SharedLists(), timing=Timing(), reconnect=FixedReconnect(interval_s=0.02), was_late=lambda _: None,
            say_once=lambda kind, sentence: None,
        )  # fmt: skip
        client = SocketClient(
            swarm,  # type: ignore[arg-type]
            name="ada", features=frozenset({Feature.ROOMS_DELTA}), rng=Random(1), phase=0.9,
            fire=lambda *_: None, fire_attempt=lambda _: None,
        )  # fmt: skip
        began_s = time.perf_counter()
        try:
            client.connection.connect_to_server("a.b.c")
            wait_for(asked.is_set)
            may_answer.set()
            answered_s = at_hand_s(client.connection.sock)
            time.sleep(FROZEN_S)  # the loop of the swarm does not run
            wait_for(lambda: client.connection.is_connected)
            took_s = recorder.series[RECONNECT].max_us / 1e6
            assert 0 < took_s <= answered_s - began_s + NEAR_S
        finally:
            client.close()
            wire.close()
