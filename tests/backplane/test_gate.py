"""The gate over all nodes: whatever keeps its holder from going on, the next one need not wait until it counts as let
go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from lobby_server.backplane.node import gate as gate_module
from lobby_server.backplane.node.gate import Gate
from lobby_server.clock import LoopClock
from lobby_server.core.machine.commands import Command
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.service.ports import SharedClock
from lobby_server.service.replica import Request
from lobby_server.service.writes.turns import BEGIN_S
from tests.fakes.clock import VirtualClock
from tests.patience import PATIENCE_S


class Lock:
    """`lobby_server.backplane.valkey.stream.Stream`, as far as the gate needs it."""

    def __init__(self) -> None:
        self.holder: str | None = None

    async def take_gate(self, token: str, *, for_s: float) -> bool:
        if self.holder is None:
            self.holder = token
        return self.holder == token

    async def release_gate(self, token: str) -> None:
        if self.holder == token:
            self.holder = None


def gate_of(lock: Lock, append: Callable[[Command, Request], None], *, clock: SharedClock | None = None) -> Gate:
    stream: Any = lock
    tokens = iter("abc")
    clock = clock or LoopClock(asyncio.get_running_loop())
    return Gate(stream, append=append, new_token=lambda: next(tokens), clock=clock)


async def pass_gate(gate: Gate) -> None:
    async with gate.hold():
        pass


async def test_holder_whose_node_cannot_append_lets_go() -> None:
    lock = Lock()

    def append(command: Command, request: Request) -> None:
        raise Refusal(RefusalCode.TRY_AGAIN_LATER)

    with pytest.raises(Refusal):
        await pass_gate(gate_of(lock, append))
    assert lock.holder is None


async def test_holder_who_waits_too_long_for_the_log_lets_go() -> None:
    lock = Lock()
    with pytest.raises(Refusal):
        await pass_gate(gate_of(lock, lambda command, request: request.given_up()))
    assert lock.holder is None


async def test_holder_who_is_cancelled_while_waiting_for_the_log_lets_go() -> None:
    lock, waiting = Lock(), asyncio.Event()
    call = asyncio.ensure_future(pass_gate(gate_of(lock, lambda command, request: waiting.set())))
    await waiting.wait()
    call.cancel()
    await asyncio.wait([call])
    assert lock.holder is None


async def test_holder_lets_go_when_it_is_done_and_when_what_it_does_fails() -> None:
    lock = Lock()
    gate = gate_of(lock, lambda command, request: request.applied())
    await pass_gate(gate)
    assert lock.holder is None
    with pytest.raises(KeyError):
        async with gate.hold():
            raise KeyError
    assert lock.holder is None


async def test_who_is_behind_a_holder_that_hangs_on_the_same_node_is_refused_in_time_and_never_takes_the_lock() -> None:
    lock, clock = Lock(), VirtualClock()
    gate = gate_of(lock, lambda command, request: request.applied(), clock=clock)
    async with gate.hold():
        behind = [asyncio.ensure_future(pass_gate(gate)) for _ in range(30)]
        await asyncio.sleep(0)
        clock.advance(BEGIN_S)
        await asyncio.wait(behind)
        assert all(isinstance(each.exception(), Refusal) for each in behind)
        assert lock.holder == "a"
    assert lock.holder is None
    await pass_gate(gate)


async def test_time_behind_a_holder_on_the_same_node_counts_for_the_wait_for_other_nodes() -> None:
    lock, clock = Lock(), VirtualClock()
    gate = gate_of(lock, lambda command, request: request.applied(), clock=clock)
    async with gate.hold():
        behind = asyncio.ensure_future(pass_gate(gate))
        await asyncio.sleep(0)
        clock.advance(BEGIN_S - 0.1)
    lock.holder = "another node's"
    await asyncio.sleep(0)
    clock.advance(0.1)
    with pytest.raises(Refusal):
        await behind
    assert lock.holder == "another node's"


async def test_holder_to_whom_the_log_hands_nothing_back_is_refused_in_time_and_lets_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("BEGIN_S", "LEAST_S"):
        monkeypatch.setattr(gate_module, name, 0.05)
    lock = Lock()
    with pytest.raises(Refusal):
        await asyncio.wait_for(pass_gate(gate_of(lock, lambda command, request: None)), PATIENCE_S)
    assert lock.holder is None


async def test_holder_whose_machine_was_suspended_is_not_sure_any_more() -> None:
    clock = VirtualClock()
    async with gate_of(Lock(), lambda command, request: request.applied(), clock=clock).hold() as is_sure:
        assert is_sure()
        clock.suspend(gate_module.HELD_S)
        assert not is_sure()
