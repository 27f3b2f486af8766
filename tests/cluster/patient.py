"""A server that waits for others as long as tests do: ``python patient.py PYTHON -m lobby_server …``.

A node waits a tenth of a second for what others have counted, half a second until it has caught up with them, and two
for any answer of Valkey; then it goes on with what it has. On a machine that is busy with other work each may come
later, and what a test then sees is right and not what it is about. Where Valkey is there all the time, such a test has
its nodes started by this: how long they wait at most is all that is changed.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

PATIENT = (sys.executable, __file__)
"""Before the command of a server, `bench.processes.target.Target.prefix`."""
MOST_S = 60.0


def _be_patient() -> None:
    from lobby_server.backplane import log
    from lobby_server.backplane.node import catching_up, gate, health
    from lobby_server.backplane.valkey import counting, stream

    counting.LIMIT_WAIT_S = catching_up.CATCH_UP_S = MOST_S
    stream.CALL_TIMEOUT_S = health.STALLED_S = MOST_S
    log.GIVE_UP_S = gate.GIVE_UP_S = gate.HELD_S = MOST_S


if __name__ == "__main__":
    sys.path[0] = str(Path.cwd())  # in place of this folder, whose modules have names of others
    _be_patient()
    _, module, *sys.argv[1:] = sys.argv[2:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
