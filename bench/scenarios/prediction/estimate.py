"""How long the calibration and the forecasts take, from their sizes, on two quiet cores."""

from __future__ import annotations

from bench.load.changes.changes import MAKING_AND_END, whole_intervals_s
from bench.record.profiles.profile import Profile
from bench.record.profiles.sizes import CalibrationSizes, PredictionSizes
from bench.scenarios.prediction.arrivals import GONE_S, HERDS, SETTLE_S
from bench.scenarios.prediction.turns import CHANGES, FETCHED_EVERY_S

SERVER_S = 1.5
"""A server's and a generator's start and end."""
PLACE_S = 4.0
"""PostgreSQL and Valkey."""
CONNECTS_PER_S = 1_500
COMING_PER_S = 600
"""Of a herd: connections, handshakes and everybody's news of everybody."""
CELL_S = 3.5
"""What a cell takes besides its window, with its server."""
WAYS, ROUNDS_AROUND_S = 4, 3.0
"""Of one process; and what comes before and after a window, about."""


def estimate_s(profile: Profile) -> float:
    """Of the whole scenario."""
    sizes = profile.prediction
    scale_s = sizes.scale.for_s if sizes.scale is not None else 0.0
    return calibration_s(sizes.calibration) + sizes.repeats * held_out_s(sizes) + scale_s


def calibration_s(sizes: CalibrationSizes) -> float:
    """Each part with its servers."""
    repeats, rounds = sizes.repeats, sizes.repeats + 1
    turns = 2 * SERVER_S + 2.8 + repeats * (1.5 + 4 * sizes.pings_s)
    turns += sizes.clients[0] / CONNECTS_PER_S + len(sizes.rooms) * (0.6 + repeats * CHANGES * FETCHED_EVERY_S)
    the_list = SERVER_S + len(sizes.rooms) * repeats * (3.5 + 2 * sizes.pings_s + sizes.get_s + 0.02 * sizes.changes)
    lone_s, burst_s = 2 * sizes.broadcasts * 0.1, 0.1 * sizes.burst
    base = SERVER_S + 1.5 * rounds + (1 + len(sizes.clients)) * (0.6 + rounds * lone_s)
    features = SERVER_S + len(sizes.rooms) * (0.6 + rounds * (lone_s + burst_s))
    features += len(sizes.clients) * 0.6
    idle_s = 2 * sizes.cold_changes * (sum(sizes.idle_ms) / 1e3 + 0.02 * len(sizes.idle_ms))
    features += (1 + len(sizes.clients)) * repeats * idle_s
    herds = SERVER_S + len(sizes.clients) * (0.6 + rounds * 1.6)
    herd_s = SETTLE_S + GONE_S + 0.1 + sizes.comers / COMING_PER_S
    sessions = SERVER_S + repeats * (3.0 + HERDS * herd_s + (sizes.comers + sizes.storm) / COMING_PER_S)
    memory = SERVER_S + max(sizes.memory) / COMING_PER_S + 2.0
    changes_s = 0.05 * sizes.shared_changes + sizes.shared_cold * sizes.shared_idle_ms / 1e3
    nodes = sum(sizes.nodes) * SERVER_S + len(sizes.nodes) * (3.0 + repeats * (2.2 + changes_s))
    shared = PLACE_S + nodes + 2 * SERVER_S + 3.0 + sizes.users / COMING_PER_S
    return turns + the_list + base + features + herds + sessions + memory + shared


def held_out_s(sizes: PredictionSizes) -> float:
    """Every case, once, with a server and clients of its own."""
    windows_s = sum(whole_intervals_s(rate / MAKING_AND_END, sizes.window_s) for rate in sizes.changes_per_s)
    clients = 2 * sizes.polling + sizes.fetching + sizes.deltas
    cells_s = len(sizes.changes_per_s) * (WAYS * (CELL_S + ROUNDS_AROUND_S) + clients / CONNECTS_PER_S)
    cells_s += WAYS * windows_s
    nodes_s = sum(sizes.nodes) * SERVER_S
    nodes_s += len(sizes.nodes) * (1.0 + sizes.broadcast / CONNECTS_PER_S + sizes.broadcasts * 0.35)
    return PLACE_S + cells_s + nodes_s + 2 * SERVER_S + 2 * sizes.herd / COMING_PER_S
