"""Ordinary life: a small Locust swarm of players and pollers, with its own statistics.

The swarm is the product's (`loadtest/locustfile.py`), run as its users run it; players have minted tokens, so that
password hashing is not what is measured.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.load.occasions import OccasionFailed, announce, invite
from bench.load.sockets.tokens import mint_receiver
from bench.processes.cpu import CpuTimes, read_cpu
from bench.processes.lab import Lab, Server
from bench.processes.server_flags import lab_flags
from bench.record.book import Book
from bench.record.findings import Findings, Stretch, Swarm
from bench.record.profiles.sizes import SwarmSizes
from bench.record.vocabulary import ANNOUNCEMENTS_SENT, MATCH_INVITATIONS_SENT
from bench.words import without_folder

FLAGS = lab_flags()

GRACE_S = 60.0
"""Beyond its run time: Locust's start, ramp and end."""

LOOK_EVERY_S = 0.5

OCCASIONS_AFTER = 0.7
"""Part of the run after which the lab announces and invites: Locust has started by then, and players are there."""

INVITED = 10
"""Players who are invited to a match."""

GOOD_EXITS = (0, 1, 4, 5)
"""Locust ends with 1 when a request failed, and the swarm with 4 or 5 when its run is invalid or suspect: all of that
is in the figures."""


class SwarmFailed(RuntimeError):
    """Locust did not come to its end; the text has its last words."""


def run(lab: Lab) -> Findings:
    """Raises `SwarmFailed` when Locust did not come to its end."""
    sizes = lab.profile.swarm
    book = lab.book("swarm", FLAGS)
    with (
        lab.reporter.stage("swarm", sizes.run_s) as stage,
        lab.server(FLAGS) as server,
        tempfile.TemporaryDirectory(prefix="lobby-swarm-") as folder,
    ):
        tokens, figures, words = (Path(folder) / name for name in ("tokens", "swarm.json", "words"))
        lines = (mint_receiver(server.jwt_secret, index).token for index in range(sizes.users))
        tokens.write_text("\n".join(lines) + "\n", encoding="utf-8")
        command = _command(sizes, host=server.http_url, tokens=tokens, figures=figures, seed=lab.seed)
        stage.say(f"{sizes.users} users for {sizes.run_s:.0f} s")
        start_s, server_before = time.monotonic(), read_cpu(server.pid)
        swarm, has_had = CpuTimes(0.0, 0.0), False
        with words.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
            lab.on_abort(process.kill)
            try:
                while process.poll() is None:
                    if time.monotonic() - start_s > sizes.run_s + GRACE_S:
                        raise SwarmFailed("Locust did not end in time")
                    swarm = max(swarm, read_cpu(process.pid))
                    if not has_had and time.monotonic() - start_s > OCCASIONS_AFTER * sizes.run_s:
                        has_had = True
                        _occasions(book, server, sizes)
                    time.sleep(LOOK_EVERY_S)
                    stage.advance(LOOK_EVERY_S)
            finally:
                if process.poll() is None:
                    process.kill()
        if process.returncode not in GOOD_EXITS or not figures.exists():
            raise SwarmFailed(
                f"Locust ended with {process.returncode}: {words.read_text(errors='replace').strip()[-500:]}"
            )
        server_used = read_cpu(server.pid).since(server_before)
        stretch = Stretch(
            wall_s=time.monotonic() - start_s,
            server_cpu_s=server_used.used_s,
            generator_cpu_s=swarm.used_s,
            server_wait_s=server_used.waited_s,
            generator_wait_s=swarm.waited_s,
        )
        left = Swarm(
            command=["locust", *map(without_folder, command[3:])],
            exit_code=process.returncode,
            document=json.loads(figures.read_text(encoding="utf-8")),
        )
        book.add_swarm(left, users=sizes.users, stretch=stretch, in_one_window=False)
    return book.result("swarm", FLAGS)


def _occasions(book: Book, server: Server, sizes: SwarmSizes) -> None:
    """What players do not do themselves, while they play."""
    invited = [mint_receiver(server.jwt_secret, index).user_id for index in range(min(INVITED, sizes.users))]
    try:
        announce(server.port, server.jwt_secret)
        book.add_to_fact(ANNOUNCEMENTS_SENT, 1)
        book.add_to_fact(MATCH_INVITATIONS_SENT, invite(server.port, server.jwt_secret, invited))
    except (OSError, OccasionFailed) as error:
        book.faults.append(f"an announcement or an invitation was not taken: {error}")


def _command(sizes: SwarmSizes, *, host: str, tokens: Path, figures: Path, seed: int) -> list[str]:
    return [
        sys.executable, "-m", "locust",
        "-f", str(locustfile()), "--headless", "--only-summary", "--host", host,
        "--users", str(sizes.users), "--spawn-rate", f"{sizes.spawn_per_s:g}", "--run-time", f"{sizes.run_s:g}s",
        "--mix", sizes.mix, "--poller-share", f"{sizes.poller_share:g}",
        "--chat-interval-s", f"{sizes.chat_interval_s:g}", "--visit-interval-s", f"{sizes.visit_interval_s:g}",
        "--drop-interval-s", f"{sizes.drop_interval_s:g}",
        "--room-interval-s", f"{sizes.room_interval_s:g}",
        "--room-lifetime-s", f"{sizes.room_lifetime_s:g}", "--seed", str(seed),
        "--tokens", str(tokens), "--swarm-json", str(figures),
    ]  # fmt: skip


def locustfile() -> Path:
    found = importlib.util.find_spec("loadtest")
    if found is None or not found.submodule_search_locations:
        raise SwarmFailed("the package loadtest is not there")
    return Path(next(iter(found.submodule_search_locations))) / "locustfile.py"
