"""Options that several roles share."""

from __future__ import annotations

from loadtest.workload.roles.options import seconds_option, time_option

VISIT_INTERVAL = time_option(
    "--visit-interval-s",
    "30",
    "time between two visits of a joiner to a room, or of a socializer to a party, in s",
)
VISIT = time_option("--visit-s", "20", "length of a visit, in s", kind="uniform")
CHAT_INTERVAL = time_option("--chat-interval-s", "8", "time between two chat lines of a joiner or a socializer, in s")
POLL_INTERVAL_S = seconds_option("--poll-interval-s", 3.0, "time between two polls, in s")
