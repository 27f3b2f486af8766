"""Tokens that end within a run, which come in some schedules: who logs in for a few seconds, and what comes in between:
a fresh token, a log-out, a ban, the end of the account, of the connection or of the node, a clock that is set.

All of it is drawn apart, so that the rest of a schedule is what it was without.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

SHARE = 0.4
"""Of the schedules."""
FEWEST, MOST = 5, 9
"""Logins."""
WITHIN_S = 11.0
"""From the first deed: the tokens end within the schedule, or soon after it."""
APART_S = (0.3, 8.0)
"""How long after the login something comes in between: before the end of most, after it, and after the close."""
LATEST_S = 13.9
"""Within the schedule."""
Drawn = tuple[float, str, int, int, int]
"""Seconds from the first deed, what, who, and the two numbers by which it chooses."""
OWN = ("sign_out", "sign_out", "drop", "away", "renew", "renew", "show_another", "show_another")
"""Of the one who has logged in."""
OF_OPERATOR = ("ban_user", "kick_user")
OF_NODES = ("kill", "drain", "freeze", "freeze", "set_clock")
ENDS_ACCOUNT = 3
"""The second number of a player who means it."""


def brief_tokens(seed: int, *, players: int, nodes: int) -> Iterator[Drawn]:
    """Of a seed; most have none."""
    random = Random(f"tokens/{seed}")
    if random.random() >= SHARE:
        return
    for _ in range(random.randint(FEWEST, MOST)):
        at_s, who = random.uniform(0.0, WITHIN_S), random.randrange(players)
        yield at_s, "log_in_briefly", who, random.randrange(1000), random.randrange(1000)
        for _ in range(random.choice((0, 1, 1, 2))):
            yield _in_between(random, at_s, who, players)
    for _ in range(random.choice((0, 1, 2))):
        yield _of_nodes(random, nodes)


def _in_between(random: Random, at_s: float, who: int, players: int) -> Drawn:
    at_s = min(LATEST_S, at_s + random.uniform(*APART_S))
    kind = random.randrange(10)
    if kind == 0:
        return at_s, "delete_account", who, 0, ENDS_ACCOUNT
    if kind <= 2:
        return at_s, random.choice(OF_OPERATOR), random.randrange(players), who, random.randrange(1000)
    return at_s, random.choice(OWN), who, random.randrange(1000), random.randrange(1000)


def _of_nodes(random: Random, nodes: int) -> Drawn:
    at_s = random.uniform(0.0, WITHIN_S + 2.0)
    return at_s, random.choice(OF_NODES), random.randrange(nodes), random.randrange(1000), random.randrange(1000)
