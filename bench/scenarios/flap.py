"""A flap: a part of the sockets is cut in one moment, as by a network that fails, and comes back by its policy.

Everybody else is a witness: what they are told of players who were gone for a moment only is counted, without a grace
period (the default) and with one that is longer than the first retry.
"""

from __future__ import annotations

import random
from functools import partial

from bench.load.clients.herd import Herd
from bench.measures import CPU_PER_FLAP, TOLD_OFFLINE
from bench.processes.again import calmly
from bench.processes.lab import Lab
from bench.processes.server_flags import LASTING_ROOMS_S, lab_flags, server_flags
from bench.processes.turns import in_turns
from bench.processes.watch import Watch
from bench.record.book import Book
from bench.record.findings import Findings
from bench.scenarios.reconnect import POLICIES, POLICY_TIMEOUT_S, at_once, not_back, settled_herd, write_return

FLAGS = lab_flags(empty_room_ttl_s=LASTING_ROOMS_S)
GRACE_S = 10
"""Longer than both policies wait at first."""


def run(lab: Lab) -> Findings:
    """Policies with and without grace, in turns."""
    sizes = lab.profile.returns
    book = lab.book("flap", FLAGS)
    plan = [(policy, grace_s) for policy in POLICIES for grace_s in (0, GRACE_S)]
    with lab.reporter.stage("flap", sizes.repeats * len(plan)) as stage:

        def flap(repeat: int, policy: str, grace_s: int) -> None:
            stage.say(f"{sizes.flap_share:.0%} of {sizes.flapping} clients, {policy}, grace {grace_s} s")
            calmly(lab, book, partial(_flap, lab, repeat, policy, grace_s), turn=repeat)
            stage.advance()

        turns = in_turns(plan, sizes.repeats, random.Random(lab.seed))
        at_once(lab, [partial(flap, repeat, *turn) for repeat, turn in turns])
    book.note(
        f"{sizes.flap_share:.0%} of the sockets are reset in one moment; times count from then; offline events are "
        "those that all clients together heard, divided by the clients"
    )
    return book.result("flap", FLAGS)


def _flap(lab: Lab, repeat: int, policy: str, grace_s: int, book: Book) -> None:
    sizes = lab.profile.returns
    clients = sizes.flapping
    flags = (*FLAGS, *server_flags(presence_grace_s=grace_s))
    with settled_herd(lab, flags, clients=clients, policy=policy, repeat=repeat) as (server, herd):
        watch = Watch(server.pid, herd.pid)
        cut_s, cut = herd.call(Herd.cut, sizes.flap_share)
        back = herd.call(Herd.come_back, POLICY_TIMEOUT_S)
        stretch = watch.stretch()
    party = f"{policy}, grace {grace_s} s"
    write_return(book, back, party=party, clients=clients, expected=cut, since_s=cut_s, stretch=stretch)
    witnesses, missing = max(1, clients - cut), not_back(back, expected=cut, since_s=cut_s)
    book.add(TOLD_OFFLINE, back.offline_events / witnesses, clients=clients, party=party, invalid=missing)
    cpu_ms = stretch.server_cpu_s * 1e3 / max(1, cut)
    book.add(CPU_PER_FLAP, cpu_ms, clients=clients, party=party, stretch=stretch, invalid=missing)
