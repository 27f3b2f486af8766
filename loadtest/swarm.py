"""What a role of one's own is made of. A locustfile imports this and `loadtest.locustfile`:

    from loadtest import swarm
    from loadtest.locustfile import Player  # noqa: F401

    @swarm.role("spectator", weight=1)
    class Spectator(swarm.Browser): ...

`docs/swarm.md` has a whole one. The roles that ship are written with the same names.
"""

from __future__ import annotations

from loadtest.client import ClientError, NotConnected
from loadtest.players.roles.browser import Browser
from loadtest.players.roles.figures import Counter as counter
from loadtest.players.roles.figures import Expectation as expectation
from loadtest.players.roles.figures import Series as series
from loadtest.players.roles.role import Role, on, role
from loadtest.wire.messages.own import OwnMessage
from loadtest.workload.options import SwarmOptions as Options
from loadtest.workload.roles.book import Intent, Schedule, repeated
from loadtest.workload.roles.options import (
    number_option,
    seconds_option,
    share_option,
    text_option,
    time_option,
)

__all__ = [
    "Browser", "ClientError", "Intent", "NotConnected", "Options", "OwnMessage", "Role", "Schedule", "counter",
    "expectation", "number_option", "on", "repeated", "role", "seconds_option", "series", "share_option",
    "text_option", "time_option",
]  # fmt: skip
