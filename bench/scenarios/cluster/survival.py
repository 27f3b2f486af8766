"""A swarm on three nodes behind HAProxy, and every fault in one run: nodes restarted, frozen, cut off and killed,
Valkey restarted without its data and frozen, PostgreSQL restarted. Its ledger says whether anybody missed anything.

The swarm brings the faults about itself (``--fault``), so they stand in its own results, too. It has the generator's
core to itself: HAProxy, through which every frame to a player goes, and PostgreSQL run on the servers' cores, or on
spare ones.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.load.sockets.tokens import mint_receiver
from bench.measures import BACK_AFTER_FAULT, FAULTS, LEDGER_LOST, LEDGER_TWICE, LEDGER_WRONG, LOST_BY_FAULT, NEVER_BACK
from bench.processes.cluster.hosts import ENGINES, Host, hosts
from bench.processes.cluster.proxy import NO_PROXY, find_haproxy, running_haproxy
from bench.processes.cluster.surroundings import SECRET, Surroundings, surroundings, why_not
from bench.processes.cpu import pinned
from bench.processes.lab import HOST, Lab
from bench.processes.namespaces import can_have
from bench.processes.server_flags import lab_flags
from bench.processes.target import Target
from bench.record.book import Book
from bench.record.fact_names import connected_name, fault_name
from bench.record.findings import Findings
from bench.record.profiles.profile import Profile
from bench.record.profiles.sizes import SurvivalSizes
from bench.scenarios.swarm import GOOD_EXITS, SwarmFailed, locustfile

FLAGS = lab_flags(trusted_proxies="127.0.0.0/8,10.78.0.0/16")
NODES = 3
CUT_NODE = 2
"""The one on a host of its own, whose link to Valkey and PostgreSQL is cut."""
FREEZE_S, CUT_S, DOWN_S, VALKEY_FREEZE_S = 8.0, 8.0, 2.0, 4.0
SETTLE_S = 5.0
"""The swarm's own."""
GRACE_S = 120.0
"""Beyond its run time: Locust's start, ramp and end."""
LOOK_EVERY_S = 0.5


def estimate_s(profile: Profile) -> float:
    """Of the whole scenario."""
    sizes = profile.survival
    return run_s(sizes) + 30.0


def run_s(sizes: SurvivalSizes) -> float:
    """Of the swarm: its ramp, all faults, and what comes of the last one."""
    return _ramp_s(sizes) + len(FAULTS) * sizes.every_s + sizes.recovery_s + 2 * SETTLE_S


def run(lab: Lab) -> Findings:
    """Skipped with a sentence where there is no Valkey, PostgreSQL or HAProxy; the cut, where this is not root."""
    sizes = lab.profile.survival
    book = lab.book("survival", FLAGS)
    proxy = find_haproxy()
    reason = why_not() or (NO_PROXY if proxy is None else None)
    if reason is not None or proxy is None:
        book.skip(f"everything: {reason}")
        return book.result("survival", FLAGS)
    with lab.reporter.stage("survival", run_s(sizes)) as stage, contextlib.ExitStack() as stack:
        apart = stack.enter_context(hosts(1)) if can_have() else []
        if not apart:
            book.skip("the node that is cut off: network namespaces need root on Linux")
        with pinned(lab.cpus.beside_server):
            place = stack.enter_context(
                surroundings(cpus=lab.cpus.server, also_at=[host.our_address(ENGINES) for host in apart])
            )
        nodes = stack.enter_context(place.nodes(NODES, FLAGS, on=dict.fromkeys([CUT_NODE], apart[0]) if apart else {}))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lobby-survival-")))
        addresses = [(HOST, node.port) for node in nodes]
        if apart:
            addresses[CUT_NODE] = apart[0].address, nodes[CUT_NODE].port
        with pinned(lab.cpus.beside_server):
            port = stack.enter_context(running_haproxy(proxy, addresses))
        faults = faults_of(place, nodes, apart[0] if apart else None)
        command = _command(sizes, port=port, folder=folder, faults=_flags(faults, sizes), seed=lab.seed)
        stage.say(f"{sizes.users} players, {len(faults)} faults")
        document = _play(lab, command, folder, sizes, stage.advance)
    write(book, document, users=sizes.users)
    return book.result("survival", FLAGS)


def faults_of(place: Surroundings, nodes: list[Target], host: Host | None) -> Mapping[str, tuple[str, float]]:
    """By name, what the swarm is told, without the time, and for how long."""
    faults = {
        "node restarted": (f"restart:{nodes[0].pid}", DOWN_S),
        "node frozen": (f"freeze:{nodes[1].pid}", FREEZE_S),
        "Valkey restarted": (f"restart:{place.engine.pid}", DOWN_S),
        "Valkey frozen": (f"freeze:{place.engine.pid}", VALKEY_FREEZE_S),
        "PostgreSQL restarted": (f"restart:{place.postgres.pid}", DOWN_S),
        "node killed": (f"kill:{nodes[1].pid}", 0.0),
    }
    if host is not None:
        device = host.device(ENGINES)
        cut = f"ip link set {device} down; sleep {CUT_S:g}; ip link set {device} up"
        faults["node cut off"] = f'run:sh -c "{cut}"', 0.0
    return {name: faults[name] for name in FAULTS if name in faults}


def write(book: Book, document: Mapping[str, Any], *, users: int) -> None:
    """What the swarm found, from its run.json."""
    presence, rooms = (document["ledger"][kind] for kind in ("presence", "rooms"))
    level = document["validity"]["level"]
    why = {level.lower(): "; ".join(document["validity"]["reasons"]) or "by the swarm's own account"}
    for measure, names in (
        (LEDGER_LOST, ("lost",)), (LEDGER_TWICE, ("duplicates",)), (LEDGER_WRONG, ("out_of_order", "unexpected")),
    ):  # fmt: skip
        number = sum(tally[name] for tally in (presence, rooms) for name in names)
        book.add(measure, number, clients=users, invalid=why.get("invalid", ""), suspect=why.get("suspect", ""))
        if number:
            book.faults.append(f"{measure.name}: {number:,}")
    never = 0
    for fault in document["faults"]:
        name = fault["name"]
        if fault["failure"] is not None:
            book.faults.append(f"{name} did not come about: {fault['failure']}")
            continue
        book.add(LOST_BY_FAULT[name], fault["lost"], clients=users)
        if fault["back_after_s"] is None:
            never += 1
        else:
            book.add(BACK_AFTER_FAULT[name], fault["back_after_s"], clients=users)
        book.facts[fault_name(name, "from")] = fault["began_s"]
        book.facts[fault_name(name, "until")] = fault["ended_s"]
    book.add(NEVER_BACK, never, clients=users)
    for sample in document["history"]:
        book.facts[connected_name(sample["t_s"])] = sample["established"] - sample["lost"]
    for kind, tally in (("presence", presence), ("the rooms", rooms)):
        book.note(f"{kind}: {tally['received']:,} of {tally['expected']:,} expected, {tally['unjudged']:,} not judged")


def _ramp_s(sizes: SurvivalSizes) -> float:
    """Until all are connected and settled."""
    return sizes.users / sizes.spawn_per_s + 2 * SETTLE_S


def _flags(faults: Mapping[str, tuple[str, float]], sizes: SurvivalSizes) -> list[str]:
    flags = []
    for number, (name, (what, lasts_s)) in enumerate(faults.items()):
        lasts = f"+{lasts_s:g}" if lasts_s else ""
        flags += ["--fault", f"{name}={what}@{_ramp_s(sizes) + number * sizes.every_s:g}{lasts}"]
    return flags


def _command(sizes: SurvivalSizes, *, port: int, folder: Path, faults: list[str], seed: int) -> list[str]:
    tokens = folder / "tokens"
    lines = (mint_receiver(SECRET, index).token for index in range(sizes.users))
    tokens.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return [
        sys.executable, "-m", "locust", "-f", str(locustfile()), "--headless", "--only-summary",
        "--host", f"http://{HOST}:{port}", "--users", str(sizes.users), "--spawn-rate", f"{sizes.spawn_per_s:g}",
        "--run-time", f"{run_s(sizes):.0f}s", "--mix", "browser=6,host=2,flapper=1,joiner=1",
        "--features", "rooms_delta,presence_batch", "--room-interval-s", f"{sizes.room_interval_s:g}",
        "--room-lifetime-s", f"{sizes.room_interval_s / 3:g}", "--drop-interval-s", f"{sizes.drop_interval_s:g}",
        "--tokens", str(tokens), "--run-dir", str(folder / "run"), "--seed", str(seed), "--settle-s", f"{SETTLE_S:g}",
        "--recovery-s", f"{sizes.recovery_s:g}", "--exit-code-on-error", "0", *faults,
    ]  # fmt: skip


def _play(lab: Lab, command: list[str], folder: Path, sizes: SurvivalSizes, advance: Any) -> dict[str, Any]:
    """What the swarm left. Raises `SwarmFailed`."""
    words, start_s = folder / "words", time.monotonic()
    with words.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        lab.on_abort(process.kill)
        try:
            while process.poll() is None:
                if time.monotonic() - start_s > run_s(sizes) + GRACE_S:
                    raise SwarmFailed("Locust did not end in time")
                time.sleep(LOOK_EVERY_S)
                advance(LOOK_EVERY_S)
        finally:
            if process.poll() is None:
                process.kill()
    figures = folder / "run" / "run.json"
    if process.returncode not in GOOD_EXITS or not figures.exists():
        raise SwarmFailed(f"Locust ended with {process.returncode}: {words.read_text(errors='replace').strip()[-500:]}")
    found: dict[str, Any] = json.loads(figures.read_text(encoding="utf-8"))
    return found
