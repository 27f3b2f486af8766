"""What one process of the swarm can carry on one core of this machine: ``python -m loadtest.calibrate``.

A server of its own on the other cores, or the one at ``--host``. Two minutes, with ``--quick`` half of one.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse  # noqa: E402  # gevent patches before anything else is imported
import contextlib  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
from collections.abc import Iterator  # noqa: E402

from loadtest.calibration.measuring import FEED_USERS, FULL, QUICK, USERS, Calibration, Window, calibrate  # noqa: E402
from loadtest.calibration.processes import NoServer, OwnServer, own_server, pin  # noqa: E402
from loadtest.results.exit_codes import ExitCode, UsageError  # noqa: E402
from loadtest.workload.identities import MintedTokens  # noqa: E402
from loadtest.workload.inputs import check_host  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m loadtest.calibrate", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer players, a quarter of a minute")
    parser.add_argument("--host", help="a running lobby server, as http://localhost:30820; default: one of its own")
    parser.add_argument("--jwt-secret", help="the secret of that server")
    given = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    mine, others = cores[-1:], cores[:-1]
    try:
        with _server(given.host, given.jwt_secret, others) as server:
            pin(0, mine)
            minted = MintedTokens(server.jwt_secret)
            tokens = [minted.token_of(number) for number in range(USERS + FEED_USERS)]
            sizes = QUICK if given.quick else FULL
            found = calibrate(sizes, host=server.url, tokens=tokens, other_cores=others, say=_say)
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


def _table(found: Calibration, *, is_pinned: bool) -> str:
    idle = found.idle
    lines = [
        "",
        f"One process of the swarm, {'on a core of its own' if is_pinned else 'unpinned: this machine has one core'} · "
        f"{found.players:,} players · {found.duration_s:.0f} s",
        "",
        f"{'memory':<22}{found.kib_per_player:>10.1f} KiB a player (resident set; the kernel's buffers come on top)",
        f"{'connecting':<22}{found.connects_per_s:>10,.0f} players a second, {found.connect_cpu_us:,.0f} µs of CPU "
        "each",
        f"{'idle':<22}{idle.core_share:>10.1%} of the core with heartbeats every 30 s: "
        f"{found.idle_players_per_core:,.0f} players a core",
        _events_line("events, one by one", found.singles),
        _events_line("events, in bursts", found.bursts),
        "",
    ]
    return "\n".join(lines)


def _events_line(title: str, window: Window) -> str:
    return (
        f"{title:<22}{window.events_per_core_s:>10,.0f} a second and core (measured at {window.events_per_s:,.0f} a "
        f"second, {window.core_share:.0%} of the core, {window.events_per_read:.1f} a read)"
    )


def _say(words: str) -> None:
    print(f"calibrate: {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
