"""``python -m loadtest …`` is ``locust -f loadtest/locustfile.py …``, from a checkout or an installed package. With a
``-f`` of one's own it is that one, which imports `loadtest.locustfile`.

Its ``--help`` has the swarm's options. Locust's own has not: it prints its help before it reads a locustfile.
"""

from __future__ import annotations

import sys
from pathlib import Path

LOCUSTFILE = Path(__file__).parent / "locustfile.py"


def main() -> None:
    from locust.main import main as run_locust  # patches the standard library

    has_own = any(word in ("-f", "--locustfile") or word.startswith(("-f=", "--locustfile=")) for word in sys.argv)
    sys.argv[:1] = ["locust"] if has_own else ["locust", "-f", str(LOCUSTFILE)]
    if {"-h", "--help"} & set(sys.argv):
        import loadtest.locustfile  # noqa: F401  # what Locust would do too late
    run_locust()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
