"""How much slower memory is to touch after nobody touched it for a while.

A program that waits pays for it at its next event: its caches have gone to others, and a hypervisor may have set its
pages aside. On one virtual machine 20,000 objects took 6 ms in use and 130 ms after a second of idleness, of CPU time
of the program that waited. A server that hears one change per second has that in every figure of a change, whoever
wrote it; what arrives by the thousand does not.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from statistics import median

OBJECTS, TOUCHED = 200_000, 10_000
"""Some 20 MB, as a server has, and what an event may have to do with."""
IDLE_S = 0.3
"""Between two changes at three per second."""
ROUNDS = 3


def idle_slowdown(sleep: Callable[[float], None] = time.sleep, clock: Callable[[], float] = time.process_time) -> float:
    """CPU time of the same work after `IDLE_S` of idleness ÷ right after it: the median of some rounds. Takes a
    second, most of it asleep."""
    objects = [[number] for number in range(OBJECTS)]
    chosen = random.Random(1).sample(range(OBJECTS), TOUCHED)

    def touch() -> float:
        start_s = clock()
        for number in chosen:
            objects[number][0] += 1
        return clock() - start_s

    ratios = []
    for _ in range(ROUNDS):
        sleep(IDLE_S)
        idle_s = touch()
        ratios.append(idle_s / max(touch(), 1e-9))
    return median(ratios)
