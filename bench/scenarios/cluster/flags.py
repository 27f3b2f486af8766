"""Flags of all nodes, and of the process that they are compared with."""

from __future__ import annotations

from bench.processes.server_flags import LASTING_ROOMS_S, lab_flags

FLAGS = lab_flags(
    empty_room_ttl_s=LASTING_ROOMS_S, rooms_notify_interval_ms=0, heartbeat_timeout_s=600, handshake_timeout_s=60,
    command_rate_per_s=0, chat_rate_per_min=0,
)  # fmt: skip
"""No pacing of announcements, so that each room is a broadcast of its own, and no limits on who does much."""
