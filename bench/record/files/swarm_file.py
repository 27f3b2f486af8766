"""A run of the swarm (`locust … --run-dir`) as a run of the lab, to report on and to compare with others.

The swarm's file stays whole inside; what is made here are the facts that every run of the lab has.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from bench.record.book import Book
from bench.record.findings import Stretch, Swarm
from bench.record.machine import COMMIT_DIGITS, UNKNOWN_COMMIT
from bench.record.profiles.profile import OF_A_SWARM, Profile
from bench.record.profiles.sizes import SwarmSizes
from bench.record.profiles.standard import SMOKE
from bench.record.run import Machine, Run
from loadtest.results.run_json import RunFile, as_builtins
from loadtest.workload.mix import POLLERS

_LOCUSTS_NAMES = {"num_users": "users", "run_time": "run-time", "spawn_rate": "spawn-rate"}
_SAYS_NOTHING = frozenset(
    {"autoquit", "exit_code_on_error", "expect_workers", "expect_workers_max_wait", "loglevel", "master_bind_host",
     "master_bind_port", "master_host", "master_port", "stop_timeout", "web_port"}
)  # fmt: skip
"""Options of Locust's own that have nothing to do with the load."""


def run_of_swarm(found: RunFile) -> Run:
    """With the whole of the file in it."""
    command, profile, book = _command(found.arguments), _profile(found), Book()
    stretch = Stretch(
        wall_s=found.duration_s,
        server_cpu_s=sum(found.server.cpu_shares),
        generator_cpu_s=max((sum(each.cpu_shares) for each in found.generators.values()), default=0.0),
    )
    swarm = Swarm(command=command, exit_code=None, document=as_builtins(found))
    book.add_swarm(swarm, users=profile.swarm.users, stretch=stretch, in_one_window=profile.in_one_window)
    python = found.versions.get("python", "of unknown version")
    return Run(
        started_at=found.started_at,
        duration_s=found.duration_s,
        arguments=command,
        seed=found.seed,
        commit=found.commit[:COMMIT_DIGITS] if found.commit else UNKNOWN_COMMIT,
        dirty=False,
        machine=Machine(
            cpu=found.machine.processor,
            cores=found.machine.cores or 0,
            memory_bytes=found.machine.memory_bytes,
            kernel=found.machine.system,
            python=f"Python {python}",
            pinned=False,
        ),
        versions=found.versions,
        profile=profile,
        findings=[book.result("swarm", ())],
        is_whole=found.is_over,
    )


def _profile(found: RunFile) -> Profile:
    users = sum(found.users.values())
    polling = sum(found.users.get(role, 0) for role in POLLERS)
    return replace(
        SMOKE,
        name=OF_A_SWARM,
        purpose="a run of the swarm by itself",
        in_one_window=False,
        swarm=SwarmSizes(
            users=users,
            spawn_per_s=float(found.arguments.get("spawn_rate") or 1.0),
            run_s=float(found.arguments.get("run_time") or f"{found.duration_s:.2g}"),
            poller_share=polling / users if users else 0.0,
            room_interval_s=0.0,
            room_lifetime_s=0.0,
        ),
    )


def _command(arguments: dict[str, Any]) -> list[str]:
    """About what was typed, with the defaults written out."""
    words = ["locust"]
    for name, value in arguments.items():
        if name in _SAYS_NOTHING or value in (None, False, "", []):
            continue
        option = f"--{_LOCUSTS_NAMES.get(name, name.replace('_', '-'))}"
        for each in value if isinstance(value, list) else [value]:
            words += [option] if each is True else [option, str(each)]
    return words
