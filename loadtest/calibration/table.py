"""What a calibration says of what it found: a row per part, also of one that was not measured."""

from __future__ import annotations

import math

from loadtest.calibration.measuring import Calibration, Window

NOT_MEASURED = "not measured"


def table_of(found: Calibration, *, is_pinned: bool) -> str:
    lines = [
        "",
        f"One process of the swarm, {'on a core of its own' if is_pinned else 'unpinned: this machine has one core'} · "
        f"{found.players:,} players · {found.duration_s:.0f} s",
        "",
        _memory_line(found),
        f"{'connecting':<22}{found.connects_per_s:>10,.0f} players per second, {found.connect_cpu_us:,.0f} µs of CPU "
        "each",
        _idle_line(found),
        _events_line("events, one by one", found.singles),
        _events_line("events, in bursts", found.bursts),
        "",
    ]
    return "\n".join(lines)


def _memory_line(found: Calibration) -> str:
    if found.kib_per_player <= 0:
        return f"{'memory':<22}{NOT_MEASURED}: the process did not grow with its players"
    return f"{'memory':<22}{found.kib_per_player:>10.1f} KiB per player (of the process; kernel buffers come on top)"


def _idle_line(found: Calibration) -> str:
    if math.isnan(found.idle_players_per_core):
        return f"{'idle':<22}{NOT_MEASURED}: the system says that the process took no CPU"
    return (
        f"{'idle':<22}{found.idle.core_share:>10.1%} of the core with heartbeats every 30 s: "
        f"{found.idle_players_per_core:,.0f} players per core"
    )


def _events_line(title: str, window: Window) -> str:
    if math.isnan(window.events_per_core_s):
        return f"{title:<22}{NOT_MEASURED}: {window.events:,} events came, for {window.cpu_s:.3f} s of CPU"
    return (
        f"{title:<22}{window.events_per_core_s:>10,.0f} per second and core (measured at {window.events_per_s:,.0f} "
        f"per second, {window.core_share:.0%} of the core, {window.events_per_read:.1f} per read)"
    )
