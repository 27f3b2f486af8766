"""Measure how many players one process of the swarm carries on one core of this machine.

``python -m loadtest.calibrate`` starts a server of its own on the other cores, or uses the one at ``--host``. It takes
two minutes, with ``--quick`` half a minute.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse  # noqa: E402  # gevent patches before anything else is imported
import contextlib  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
from collections.abc import Iterator  # noqa: E402
from dataclasses import replace  # noqa: E402

from loadtest.calibration.measuring import FULL, QUICK, Calibration, Window, calibrate  # noqa: E402
from loadtest.calibration.processes import NoServer, OwnServer, own_server, pin  # noqa: E402
from loadtest.results.exit_codes import ExitCode, UsageError  # noqa: E402
from loadtest.workload.identities import MintedTokens  # noqa: E402
from loadtest.workload.inputs import check_host  # noqa: E402

LEAST_PLAYERS = 2
"""The first one is there before memory is looked at, and belongs to none."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m loadtest.calibrate", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer players; half a minute instead of two")
    parser.add_argument(
        "--players", type=_players, metavar="N",
        help=f"this many players; default: {FULL.players:,}, with --quick {QUICK.players:,}",
    )  # fmt: skip
    parser.add_argument("--host", help="running lobby server, http://localhost:30820; default: a server of its own")
    parser.add_argument("--jwt-secret", help="secret of that server (its LOBBY_JWT_SECRET); needed with --host")
    given = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    mine, others = cores[-1:], cores[:-1]
    try:
        with _server(given.host, given.jwt_secret, others) as server:
            pin(0, mine)
            sizes = QUICK if given.quick else FULL
            if given.players is not None:
                sizes = replace(sizes, players=given.players)
            found = calibrate(
                sizes, host=server.url, mint=MintedTokens(server.jwt_secret).token_of, other_cores=others, say=_say
            )
    except UsageError as error:
        print(f"calibrate: {error}", file=sys.stderr)
        return ExitCode.USAGE
    except (NoServer, TimeoutError) as error:
        print(f"calibrate: {error}.", file=sys.stderr)
        return ExitCode.FAILED
    print(_table(found, is_pinned=bool(others)), end="")
    return ExitCode.GOOD


@contextlib.contextmanager
def _server(host: str | None, secret: str | None, cores: list[int]) -> Iterator[OwnServer]:
    if host is None:
        with own_server(cores) as server:
            yield server
    elif not secret:
        raise UsageError("--host needs --jwt-secret, too: players and the feed have to log in there.")
    else:
        yield OwnServer(check_host(host), secret)


def _players(text: str) -> int:
    if not text.isdecimal() or int(text) < LEAST_PLAYERS:
        raise argparse.ArgumentTypeError(f"{text} is no number of players from {LEAST_PLAYERS} on")
    return int(text)


def _table(found: Calibration, *, is_pinned: bool) -> str:
    idle = found.idle
    lines = [
        "",
        f"One process of the swarm, {'on a core of its own' if is_pinned else 'unpinned: this machine has one core'} · "
        f"{found.players:,} players · {found.duration_s:.0f} s",
        "",
        f"{'memory':<22}{found.kib_per_player:>10.1f} KiB per player (resident set; kernel buffers come on top)",
        f"{'connecting':<22}{found.connects_per_s:>10,.0f} players per second, {found.connect_cpu_us:,.0f} µs of CPU "
        "each",
        f"{'idle':<22}{idle.core_share:>10.1%} of the core with heartbeats every 30 s: "
        f"{found.idle_players_per_core:,.0f} players per core",
        _events_line("events, one by one", found.singles),
        _events_line("events, in bursts", found.bursts),
        "",
    ]
    return "\n".join(lines)


def _events_line(title: str, window: Window) -> str:
    return (
        f"{title:<22}{window.events_per_core_s:>10,.0f} per second and core (measured at {window.events_per_s:,.0f} "
        f"per second, {window.core_share:.0%} of the core, {window.events_per_read:.1f} per read)"
    )


def _say(words: str) -> None:
    print(f"calibrate: {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
