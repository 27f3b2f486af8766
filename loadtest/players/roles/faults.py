"""Faults in the code of a role: counted, shown once with their trace, and never the server's.

A handler runs in the shared reader, where an error would end the connection, and a schedule or a constructor where the
seat would try again at once. So an error is caught where the role is called: the player goes on with what is next, the
fault is an event of the run under its own words, stands in Locust's table of exceptions, and no such run is VALID.
"""

from __future__ import annotations

import sys
import traceback
from typing import Any

from loadtest.measure.metrics import ROLE_FAULTS
from loadtest.players.swarm import Swarm, log

MOST_KINDS = 20
"""Of a process: a text may have an id in it, and so be another one every time."""
MOST_CHARACTERS = 160
TOLD_TO_LOCUST = 100
"""Of each kind: a worker sends each one to the master."""


def tell(swarm: Swarm, player: type[Any], method: str, error: Exception) -> None:
    """`method`: what of the role `player` was called."""
    place = f"{method}, {_place_of(player, error)}"
    text = f"{type(error).__name__}: {error}".replace("\n", " ")[:MOST_CHARACTERS]
    kind, faults = f"{ROLE_FAULTS}{player.NAME}: {text} ({place})", swarm.role_faults
    if kind not in faults and len(faults) >= MOST_KINDS:
        kind = f"{ROLE_FAULTS}{player.NAME}: {type(error).__name__} ({method})"
    faults[kind] += 1
    swarm.recorder.count(kind)
    if faults[kind] == 1:
        log.error("%s; it is not shown again\n%s", kind, "".join(traceback.format_exception(error)))
    if faults[kind] <= TOLD_TO_LOCUST:
        swarm.environment.events.user_error.fire(  # type: ignore[no-untyped-call]
            user_instance=None, exception=error, tb=error.__traceback__
        )


def _place_of(player: type[Any], error: Exception) -> str:
    """File and line: the last one in the role's own file, where there is one."""
    own = getattr(sys.modules.get(player.__module__), "__file__", None)
    frames = traceback.extract_tb(error.__traceback__)
    inside = [frame for frame in frames if frame.filename == own] or list(frames)
    if not inside:
        return "somewhere"
    return f"{inside[-1].filename.rpartition('/')[2]}:{inside[-1].lineno}"
