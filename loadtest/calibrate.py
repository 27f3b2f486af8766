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

from loadtest.calibration.measuring import FULL, QUICK, calibrate  # noqa: E402
from loadtest.calibration.processes import NoServer, OwnServer, own_server, pin  # noqa: E402
from loadtest.calibration.table import table_of  # noqa: E402
from loadtest.results.exit_codes import ExitCode, UsageError  # noqa: E402
from loadtest.results.standard_output import told_or_failed  # noqa: E402
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
    except KeyboardInterrupt:
        print("calibrate: interrupted: nothing was measured to its end.", file=sys.stderr)
        return ExitCode.INTERRUPTED
    print(table_of(found, is_pinned=bool(others)), end="")
    return ExitCode.GOOD if found.is_whole else ExitCode.FAILED


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


def _say(words: str) -> None:
    print(f"calibrate: {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    with told_or_failed("calibrate"):
        sys.exit(main())
