"""Time that passes for a server in one turn of the loop: all that wait have waited so much longer, and what is due by
then comes about. A test that waits for deadlines of tenths of a second fails where its own process has to wait as long
for a core."""

from __future__ import annotations

import math
from typing import Any

from lobby_server.service.pacing import Patience
from lobby_server.service.peers.heartbeat import AGAIN_SHARE
from tests.web.conftest import Lobby


def pass_for(patience: Patience[Any], passed_s: float) -> None:
    """For those whose patience it is."""
    for item in patience._due_s:
        patience._due_s[item] -= passed_s
    if patience._timer is not None:
        patience._timer.cancel()
    patience._run()


def pass_in_silence(lobby: Lobby, passed_s: float) -> None:
    """Nothing was heard of any session meanwhile; the heartbeat looks again and again, so that it does not take itself
    for a loop that stood still."""
    app = lobby.server.app
    assert app is not None
    steps = math.ceil(passed_s / (app.settings.heartbeat_timeout_s * AGAIN_SHARE / 2))
    for _ in range(steps):
        for session in app.sessions:
            session.last_heard_s -= passed_s / steps
        app.heartbeat.stop()
        app.heartbeat._turned_s -= passed_s / steps
        app.heartbeat._turn()


def pass_for_rooms(lobby: Lobby, passed_s: float) -> None:
    """For rooms without members, and for those whose creator has no socket."""
    app = lobby.server.app
    assert app is not None
    deadlines = app.rooms.book._deadlines
    waiting = list(deadlines.rooms())
    for room in waiting:
        for name in ("creator_until_s", "empty_until_s", "host_until_s"):
            until_s = getattr(room, name)
            setattr(room, name, None if until_s is None else until_s - passed_s)
    deadlines.load(waiting)
    app.rooms.upkeep.arm()


def end_tick(lobby: Lobby) -> None:
    """The tick that waits for its time ends."""
    app = lobby.server.app
    assert app is not None
    assert app.fanout._timer is not None, "nothing waits"
    app.fanout._timer.cancel()
    app.fanout._tick()
