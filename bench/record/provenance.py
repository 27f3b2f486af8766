"""The bare facts of a run as text: without them its figures mean nothing."""

from __future__ import annotations

import shlex

from bench.record.limits import SLOW_AFTER_IDLENESS
from bench.record.machine import UNKNOWN_COMMIT
from bench.record.run import Run


def commit_words(run: Run) -> str:
    """The commit, and whether it is what was really measured."""
    if run.commit == UNKNOWN_COMMIT:
        return "no git commit"
    return f"commit {run.commit}" + (" + uncommitted changes" if run.dirty else "")


def machine_words(run: Run) -> str:
    machine = run.machine
    return f"{machine.cpu}, {machine.cores} cores, {machine.kernel}, {machine.python}"


def caption(run: Run) -> str:
    """One line under every chart."""
    return f"{machine_words(run)} · {commit_words(run)} · {run.started_at} · profile {run.profile.name}"


def is_slow_after_idleness(run: Run) -> bool:
    """Whether seldom events were dear in this run, whatever was measured."""
    machine = run.machine
    return (machine.idle_slowdown or 0.0) > SLOW_AFTER_IDLENESS


def facts(run: Run) -> list[tuple[str, str]]:
    """Name and value, for a table."""
    machine = run.machine
    pinned = "server and generator on a core each" if machine.pinned else "not pinned: they share what there is"
    return [
        ("Machine", f"{machine.cpu}, {machine.cores} cores, {machine.memory_bytes / 2**30:.0f} GiB"),
        ("Cores", pinned),
        *_memory(run),
        ("Kernel", machine.kernel),
        ("Python", machine.python),
        ("Packages", ", ".join(f"{name} {version}" for name, version in run.versions.items())),
        ("Code", commit_words(run)),
        ("Started", f"{run.started_at}, measured for {run.duration_s:.0f} s"),
        ("Profile", f"{run.profile.name}: {run.profile.purpose}"),
        ("Seed", str(run.seed)),
        ("Command", shlex.join(run.arguments)),
        *(() if run.is_whole else (("Broken off", "the run was interrupted: what is here was measured until then"),)),
        *((f"Not measured, {name}", why) for name, why in run.failures.items()),
        *((f"Server flags, {each.name}", " ".join(each.flags)) for each in run.findings if each.flags),
    ]


def _memory(run: Run) -> list[tuple[str, str]]:
    slowdown = run.machine.idle_slowdown
    if slowdown is None:
        return []
    return [("Memory after 0.3 s of idleness", f"{slowdown:.1f} times as slow to touch as memory in use")]
