"""Who is online, by the server's own count, and waiting for all to come."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Callable

from bench.processes.lab import HOST, Server

LOOK_EVERY_S = 0.03


class NotAllCame(RuntimeError):
    """The text says how many did."""


def online(server: Server) -> int:
    """Users. Where the server is in a network namespace, call it from there."""
    with urllib.request.urlopen(f"http://{HOST}:{server.port}/metrics", timeout=30) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith("lobby_users_online "):
                return int(float(line.split()[1]))
    raise NotAllCame("the server does not say how many users are online")


def await_online(server: Server, players: int, *, patience_s: float, check: Callable[[], None]) -> None:
    """`check` raises what makes waiting pointless. Raises `NotAllCame`."""
    ends_s = time.monotonic() + patience_s
    while (here := online(server)) < players:
        check()
        if time.monotonic() > ends_s:
            raise NotAllCame(f"{here} of {players} players came within {patience_s:g} s")
        time.sleep(LOOK_EVERY_S)
