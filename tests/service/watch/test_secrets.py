"""Nodes say of each other that their secrets differ: once, however late it shows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import msgspec
import pytest

from lobby_server.core.machine.commands import Command, NodeDown, NodeUp
from lobby_server.service.accounts.signatures import mark_of
from lobby_server.service.nodes import SECRETS_DIFFER_FOR_S
from lobby_server.service.replica import LocalLog, Request, SharedLog
from lobby_server.service.watch.events import LogEvent
from lobby_server.service.watch.log_figures import LogFigures
from tests.fakes.clock import VirtualClock
from tests.service.house import SECRET, House

ANOTHER = "another secret of the tests, thirty-two bytes or more"
BEAT_S = 0.5


class Heard(LocalLog):
    """A log of one node, which hears of others what the test says: `lobby_server.service.replica.SharedLog`."""

    node = "here"
    is_ready = True

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock)
        self.clock = clock
        self.reports: Mapping[str, bytes] = {}

    def follow(self, apply: Any, state: Any = None, **ways: Any) -> None:
        super().follow(apply)
        self.ways = ways

    def append(self, command: Command, request: Request | None = None) -> None:
        assert self._apply is not None
        self._apply(command, self.now_s(), self.node, request)

    def figures(self) -> LogFigures:
        return LogFigures(
            entries=1, lag_entries=0, lag_s=0.0, waiting=0, is_away=False, outages=0, apply_s=0.0, snapshot_age_s=0.0
        )

    async def join(self, restore: Callable[[], Awaitable[None]], *, wait_s: float) -> bool:
        await restore()
        self.append(NodeUp(self.node))
        return True

    def hear(self, **secrets: str | None) -> None:
        """What the others say for the next seconds, by the secret that each signs with; None: it says nothing yet."""
        report = msgspec.msgpack.decode(self.ways["report"]())
        for _ in range(int(SECRETS_DIFFER_FOR_S / BEAT_S) + 2):
            self.beat(
                {
                    node: b"" if secret is None else msgspec.msgpack.encode({**report, "secrets": [mark_of(secret)]})
                    for node, secret in secrets.items()
                }
            )

    def beat(self, reports: Mapping[str, bytes]) -> None:
        self.reports = reports
        self.ways["heard"]()
        self.clock.advance(BEAT_S)


@pytest.fixture
async def log() -> Heard:
    clock = VirtualClock()
    return Heard(clock)


@pytest.fixture
async def house(log: Heard) -> House:
    return await House(clock=log.clock, shared_log=cast(SharedLog, log)).start()


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The nodes of which was said that they sign with a secret that is not here, since the last call."""
    lines = [line for line in caplog.records if getattr(line, "event", "") == LogEvent.SECRETS_DIFFER.value]
    caplog.clear()
    return [line.getMessage().split()[1] for line in lines]


async def test_node_whose_report_comes_late_is_told_of_once(
    house: House, log: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    log.append(NodeUp("other"))
    log.hear()
    log.hear(other=None)
    assert told(caplog) == []
    log.hear(other=ANOTHER)
    assert told(caplog) == ["other"]
    log.hear(other=ANOTHER)
    assert told(caplog) == []


async def test_node_that_joins_while_another_is_compared_is_told_of_too(
    house: House, log: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    log.append(NodeUp("other"))
    log.append(NodeUp("third"))
    log.hear(other=SECRET, third=None)
    log.hear(other=SECRET, third=ANOTHER)
    assert told(caplog) == ["third"]


async def test_rotation_on_another_node_and_on_this_one_shows(
    house: House, log: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    log.append(NodeUp("other"))
    log.hear(other=SECRET)
    assert told(caplog) == []
    log.hear(other=ANOTHER)
    assert told(caplog) == ["other"]
    house.app.tokens.use(ANOTHER, SECRET)
    log.hear(other=ANOTHER)
    assert told(caplog) == []
    house.app.tokens.use(SECRET)
    log.hear(other=ANOTHER)
    assert told(caplog) == ["other"]


async def test_nodes_that_read_another_secret_one_after_the_other_are_not_told_of(
    house: House, log: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    log.append(NodeUp("other"))
    log.hear(other=SECRET)
    house.app.tokens.use(ANOTHER)
    log.beat(log.reports)
    log.beat(log.reports)
    log.hear(other=ANOTHER)
    assert told(caplog) == []


async def test_node_that_is_not_heard_of_for_a_moment_is_not_told_of_again(
    house: House, log: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    log.append(NodeUp("other"))
    log.hear(other=ANOTHER)
    assert told(caplog) == ["other"]
    log.hear()
    log.hear(other=ANOTHER)
    assert told(caplog) == []
    log.append(NodeDown("other", 0.0))
    log.hear()
    log.append(NodeUp("other"))
    log.hear(other=ANOTHER)
    assert told(caplog) == ["other"], "it is another life"
