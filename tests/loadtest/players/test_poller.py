"""A player who polls, over an API whose answers are read late."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from loadtest.client.api import RoomsAnswer
from loadtest.measure.freshness import Marks
from loadtest.measure.recorder import Recorder
from loadtest.players.roles.poller import Poller
from lobby_server.protocol.resources import Room

LATE_S = 0.2


class LateApi:
    """The list was there when it was asked for, and this process reads it later."""

    def __init__(self, room: Room) -> None:
        self.answered_s = 0.0
        self._room = room

    def over(self, _line: object) -> LateApi:
        return self

    def intended(self, _at_s: float) -> LateApi:
        return self

    def rooms(self, *, etag: str | None) -> RoomsAnswer:
        self.answered_s = time.perf_counter()
        time.sleep(LATE_S)
        return RoomsAnswer(rooms=(self._room,), etag=etag)


def test_age_of_a_room_ends_with_the_arrival_of_the_list_however_late_it_is_read() -> None:
    recorder, marks, made_s = Recorder(reports_all_phases=True), Marks("here"), time.perf_counter()
    api: Any = LateApi(Room("1", "", "swarm", marks.write(made_s), 0, 0, "", is_full=False))
    swarm: Any = SimpleNamespace(
        options=SimpleNamespace(network=None), places=SimpleNamespace(of=lambda seat: None),
        api_at=lambda api, place: api, api=api, poll_api=api, marks=marks, recorder=recorder,
    )  # fmt: skip
    plan: Any = SimpleNamespace(schedule=lambda options: iter(()))
    Poller(swarm, plan, seat=0, began_s=made_s - 1.0).poll(made_s, 0.0)
    ages = recorder.series[Poller.fresh.text]
    assert ages.count == 1
    assert ages.max_us / 1e6 == pytest.approx(api.answered_s - made_s, abs=0.01)
