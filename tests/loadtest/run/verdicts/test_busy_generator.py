"""A whole run whose generator has more to do than one core can: it is the bottleneck, and says so of itself."""

from __future__ import annotations

import contextlib
import json
import os
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.processes.target import Target
from loadtest.measure.judging.bottleneck import busy_figure
from loadtest.results.validity import BUSY_SHARE
from tests.loadtest.held_up import skip_held_up, unless_held_up
from tests.loadtest.run.test_conclusions import NO_LIMIT
from tests.loadtest.swarms import run_command_until

pytestmark = pytest.mark.system

THINKERS = """
import hashlib

import gevent

from loadtest import swarm
from loadtest.locustfile import Player  # noqa: F401


@swarm.role("thinker")
class Thinker(swarm.Browser):
    @classmethod
    def schedule(cls, options, rng):
        return swarm.repeated(cls.think, every=options[cls.pause], rng=rng)

    pause = swarm.time_option("--think-every-s", "0.05", "time between two thoughts, in s")

    def think(self, at_s, choice):
        gevent.get_hub().threadpool.apply(hashlib.pbkdf2_hmac, ("sha256", b"a thought", b"salt", 200_000))
"""
PLAYERS = 6
"""Each thinks all the time, in a thread without the interpreter's lock: several cores have to do with it, so that the
process is busy beside other work, too."""
MOST_SECONDS = 20
"""Of the generator's figures: with fewer than a tenth of them busy, its core was not its own."""
BEFORE_OTHERS = -5
"""Three times their weight (sched(7)). The six have most of two cores by that, and a test beside them goes on, slowly:
with the highest there is, whatever is beside threads that never rest stands still for as long as they run."""
RUN_ENDS_S = 80
"""By itself, should nobody be there to end it."""


@contextlib.contextmanager
def first_on_its_core() -> Iterator[None]:
    """What is started meanwhile, before other work of its session (nice(2)), where there is a right to that."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, BEFORE_OTHERS)
    try:
        yield
    finally:
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, before)


def test_a_generator_that_has_too_much_to_do_is_the_bottleneck(tmp_path: Path) -> None:
    (tmp_path / "thinkers.py").write_text(THINKERS)
    with Target(flags=NO_LIMIT) as target, first_on_its_core():
        before_s = used_s_of_children()
        done = run_command_until(
            has_been_told, tmp_path, "-f", "thinkers.py", "--headless", "--host", target.http_url, "--jwt-secret",
            target.jwt_secret, "-u", PLAYERS, "-r", PLAYERS, "--mix", "thinker=1", "--heartbeat-interval-s", 0.5,
            "--phase", "all", "--settle-s", 1, "-t", RUN_ENDS_S, environment=os.environ,
        )  # fmt: skip
        used_s = used_s_of_children() - before_s
    run = json.loads((tmp_path / "run/run.json").read_text())
    said = run["validity"]["bottleneck"]
    share = used_s / run["duration_s"]
    if share < BUSY_SHARE and not said.startswith("The generator was the bottleneck"):
        skip_held_up(f"six threads that never rest got {share:.0%} of a core", said)
    with unless_held_up(run):
        assert said.startswith("The generator was the bottleneck: the server used "), (said, done.errors[-1000:])
        assert run["validity"]["level"] == "INVALID"
        assert any(
            reason.startswith("the swarm used more than 90% of its core in ") for reason in run["validity"]["reasons"]
        )


def used_s_of_children() -> float:
    """CPU of this process's that have ended, such as the generator then: measured by the kernel, not by itself."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def has_been_told(run: dict[str, Any]) -> bool:
    shares = run["generators"]["the swarm"]["cpu_shares"]
    is_busy = len(shares) >= 5 and busy_figure(shares) >= BUSY_SHARE
    return len(run["server"]["cpu_shares"]) >= 3 and (is_busy or len(shares) >= MOST_SECONDS)
