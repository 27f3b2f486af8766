"""The gate over all nodes: whatever keeps its holder from going on, the next one need not wait until it counts as let
go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from lobby_server.backplane.node.gate import Gate
from lobby_server.core.machine.commands import Command
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.service.replica import Request


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


def gate_of(lock: Lock, append: Callable[[Command, Request], None]) -> Gate:
    stream: Any = lock
    tokens = iter("abc")
    return Gate(stream, append=append, new_token=lambda: next(tokens), monotonic_s=asyncio.get_running_loop().time)


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
