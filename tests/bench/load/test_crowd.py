"""A crowd against a fake lobby: what it records of announcements, fetches, logins and polls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace

import pytest

from bench.load.changes.publisher import MARKER
from bench.load.clients import crowd as crowd_module
from bench.load.clients.crowd import READ_FIRST_S, Crowd
from tests.bench.fake_lobby import SECRET, FakeLobby
from tests.bench.load.test_clients import lobby, publish, until

__all__ = ["lobby"]

CLIENTS = 5


@pytest.fixture
async def crowd(lobby: FakeLobby) -> AsyncIterator[Crowd]:
    found = Crowd(ws_url=lobby.ws_url, port=lobby.port, secret=SECRET, clients_per_user=2, seed=1)
    await found.grow(CLIENTS)
    await found.settle(0.1, 10.0)
    yield found
    for poller in found._pollers:
        poller.cancel()


async def test_every_client_is_recorded_with_each_announcement(lobby: FakeLobby, crowd: Crowd) -> None:
    await crowd.begin(False)
    await asyncio.to_thread(publish, lobby, "background", "background")
    await until(lambda: len(crowd._notified.client) == 2 * CLIENTS)
    recording = await crowd.end()
    assert sorted(recording.notified.client.tolist()) == sorted([*range(CLIENTS), *range(CLIENTS)])
    assert recording.fresh.client.tolist() == [], "nobody fetches unasked"
    assert recording.closed == frozenset()


async def test_recording_begins_anew(lobby: FakeLobby, crowd: Crowd) -> None:
    await crowd.begin(False)
    await asyncio.to_thread(publish, lobby, "background")
    await until(lambda: len(crowd._notified.client) == CLIENTS)
    await crowd.begin(False)
    assert (await crowd.end()).notified.client.tolist() == []


async def test_announcement_is_answered_by_a_fetch_where_that_was_asked_for(lobby: FakeLobby, crowd: Crowd) -> None:
    await crowd.open_fetchers()
    await crowd.begin(True)
    await asyncio.to_thread(publish, lobby, f"{MARKER}000007")
    await until(lambda: len(crowd._fresh.client) == CLIENTS)
    recording = await crowd.end()
    assert sorted(recording.fresh.client.tolist()) == list(range(CLIENTS))
    assert set(recording.fresh.what.tolist()) == {7}
    assert recording.fresh.stamp_s.min() > recording.notified.stamp_s.min()


async def test_fetching_ends_with_the_recording(lobby: FakeLobby, crowd: Crowd) -> None:
    await crowd.open_fetchers()
    await crowd.begin(True)
    await crowd.end()
    await asyncio.to_thread(publish, lobby, "background")
    await until(lambda: len(crowd._notified.client) == CLIENTS)
    assert crowd._fresh.client == []


async def test_login_of_a_newcomer_is_heard_by_all_who_were_there(lobby: FakeLobby, crowd: Crowd) -> None:
    await crowd.prepare_newcomers(3, 2)
    await crowd.begin(False)
    sent_s = await crowd.log_in([0.0, 0.0])
    await until(lambda: len(crowd._logins.client) == 2 * CLIENTS)
    recording = await crowd.end()
    assert sorted(set(recording.logins.what.tolist())) == [3, 4]
    assert sent_s == sorted(sent_s)
    await crowd.dismiss_newcomers()
    assert await crowd.unexpected_losses() == {}


async def test_pollers_tell_each_new_room_once(lobby: FakeLobby, crowd: Crowd) -> None:
    await crowd.start_pollers(3, 0.05)
    await asyncio.to_thread(publish, lobby, f"{MARKER}000001")
    await until(lambda: len(crowd._polled.client) == 3)
    seen = await crowd.polled()
    assert sorted(seen.client.tolist()) == [0, 1, 2]
    assert set(seen.what.tolist()) == {1}
    assert (await crowd.polled()).client.tolist() == []


async def test_socket_that_closed_is_a_loss_by_its_code(lobby: FakeLobby, crowd: Crowd) -> None:
    await asyncio.to_thread(lobby.stop)
    await until(lambda: sum(crowd.losses.values()) == CLIENTS)
    assert (await crowd.end()).closed == frozenset(range(CLIENTS))
    assert sum((await crowd.unexpected_losses()).values()) == CLIENTS


class Rest:
    """A crowd in virtual time. `heard_in`: of which of its waits, from 0 on, something is heard at the end;
    `held_up_in`: which takes `HELD_UP_S`, whatever was asked for."""

    HELD_UP_S = 60.0

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, heard_in: Callable[[int], bool], held_up_in: int = -1):
        self.now_s = 100.0
        self.waits = 0
        self.crowd = Crowd.__new__(Crowd)
        self._heard_in, self._held_up_in = heard_in, held_up_in
        monkeypatch.setattr(crowd_module, "perf_counter", lambda: self.now_s)
        monkeypatch.setattr(crowd_module, "asyncio", SimpleNamespace(sleep=self.sleep))

    async def sleep(self, delay_s: float) -> None:
        self.now_s += self.HELD_UP_S if self.waits == self._held_up_in else delay_s
        if self._heard_in(self.waits):
            self.crowd.last_text_s = self.now_s
        self.waits += 1


async def test_crowd_that_does_not_come_to_rest_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    rest = Rest(monkeypatch, heard_in=lambda wait: True)
    with pytest.raises(TimeoutError, match="messages still came after 10 s"):
        await rest.crowd.settle(1.0, 10.0)


async def test_crowd_that_hears_nothing_for_so_long_has_come_to_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    rest = Rest(monkeypatch, heard_in=lambda wait: wait < 8)
    last_s = rest.now_s + 4 * (0.25 + READ_FIRST_S)
    await rest.crowd.settle(1.0, 10.0)
    assert rest.now_s >= last_s + 1.0


async def test_crowd_that_was_held_up_reads_what_has_come_before_it_is_at_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first wait takes a minute, and what came in it is read in the second."""
    rest = Rest(monkeypatch, heard_in=lambda wait: wait == 1, held_up_in=0)
    await rest.crowd.settle(1.0, 100.0)
    assert rest.now_s >= 100.0 + Rest.HELD_UP_S + 1.0


async def test_generators_cpu_is_marked_at_the_beginning_of_a_burst(lobby: FakeLobby, crowd: Crowd) -> None:
    await crowd.begin(False)
    await asyncio.to_thread(publish, lobby, "background")
    await until(lambda: len(crowd._notified.client) == CLIENTS)
    recording = await crowd.end()
    assert recording.mark_stamps_s[0] == recording.notified.stamp_s[0]
    assert (recording.mark_cpu_s > 0).all()
