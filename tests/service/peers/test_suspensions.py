"""The machine is suspended while sockets are open: timers stand still with it, the end of a token does not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lobby_server.protocol.codes import CloseCode
from lobby_server.service.peers.suspensions import LOOK_EVERY_S, Suspensions
from lobby_server.service.session import TOKEN_GRACE_S, TOKEN_WARNING_S
from tests.fakes.clock import VirtualClock
from tests.service.house import ANN, BOB, Client, House, token_of


@pytest.fixture(autouse=True)
def _silent_clients_stay(house: House) -> None:
    house.app.heartbeat.stop()


async def test_each_suspension_is_noticed_once_and_nothing_else_is_one() -> None:
    clock, noticed = VirtualClock(), [0]

    def act() -> None:
        noticed[0] += 1

    Suspensions(clock, act).start()
    for for_s in (0.0, 3600.0, 0.0, 1.0):
        clock.suspend(for_s)
        clock.advance(LOOK_EVERY_S)
    assert noticed == [2]
    clock._now_s += 3600.0  # the process alone was stopped: its timers went on
    clock._start += timedelta(days=1)
    clock.advance(LOOK_EVERY_S)
    assert noticed == [2]


@pytest.mark.parametrize(("for_s", "in_s"), [(19.8, 50), (64.8, 5), (80.0, 0), (3600.0, 0)])
async def test_machine_that_was_suspended_tells_at_once_what_is_left_and_closes_no_later_for_it(
    house: House, for_s: float, in_s: int
) -> None:
    client = Client(house, ANN)
    begins_s = 1000.0 - TOKEN_WARNING_S - 10.0
    client.handshake("refresh", ttl_s=1000.0)
    house.clock.advance(begins_s)
    client.transport.take()
    house.clock.suspend(for_s)
    house.clock.advance(LOOK_EVERY_S)
    assert client.transport.take() == [{"type": "token_expiring", "data": {"in_s": in_s}}]
    left_s = 1000.0 + TOKEN_GRACE_S - begins_s - for_s
    if left_s > 0:
        house.clock.advance(left_s - LOOK_EVERY_S - 1.0)
        assert client.transport.closed is None
        house.clock.advance(1.1)
    assert client.transport.closed is not None
    assert client.transport.closed.code == CloseCode.SIGNED_OUT


@pytest.mark.parametrize("features", [("refresh",), ("rev",)], ids=lambda features: features[0])
async def test_machine_that_was_suspended_after_the_warning_closes_no_later_for_it(
    house: House, features: tuple[str, ...]
) -> None:
    client, base = Client(house, ANN), Client(house, BOB)
    client.handshake(*features, ttl_s=1000.0)
    base.handshake(ttl_s=1000.0)
    house.clock.advance(1000.0 - TOKEN_WARNING_S / 2)
    assert client.types() == ["token_expiring"] * ("refresh" in features)
    for _ in range(2):
        house.clock.suspend(TOKEN_WARNING_S / 2)
        house.clock.advance(LOOK_EVERY_S)
        assert client.types() == []
    assert client.transport.closed is not None
    assert (client.transport.closed.code, base.transport.closed) == (CloseCode.SIGNED_OUT, None)


async def test_fresh_token_that_was_sent_while_the_machine_was_suspended_keeps_the_socket_open(house: House) -> None:
    client = Client(house, ANN)
    client.handshake("refresh", ttl_s=1000.0)
    house.clock.suspend(2000.0)
    client.say("refresh", token=token_of(ANN, expires_at_s=house.clock.utc_now().timestamp() + 1000.0))
    house.clock.advance(1000.0 - TOKEN_WARNING_S - 1.0)
    assert (client.types(), client.transport.closed) == (["refreshed"], None)
    house.clock.advance(1.0)
    assert client.types() == ["token_expiring"]


async def test_step_of_the_wall_clock_after_a_token_was_shown_changes_nothing_about_its_end(house: House) -> None:
    client = Client(house, ANN)
    client.handshake("refresh", ttl_s=1000.0)
    house.clock._start += timedelta(seconds=5000.0)
    house.clock.suspend(1.0)  # all timers are set anew
    house.clock.advance(1000.0 - TOKEN_WARNING_S - 2.0)
    assert (client.types(), client.transport.closed) == ([], None)
    house.clock.advance(1.0)
    assert client.types() == ["token_expiring"]
