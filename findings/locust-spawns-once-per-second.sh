#!/usr/bin/env bash
# Guess:    `locust -r 50` starts a user each 20 ms, so that 50 users per second arrive.
# Really:   it starts 50 users in one moment, and nobody for the rest of the second: users are started in batches of the
#           whole number of the rate, once per second. With 50.9 it is 50 each 0.98 s; only below 2 do they come one by one.
# Versions: Locust 2.47.0, CPython 3.11, 2026-11-30.
# Who:      anybody who measures log-ins, connections or anything else of a ramp, or compares its rate with a limit.
# Matters:  the server is hit by 50 at once with each tick of the clock: times to connect and to log in are those of a
#           queue of 50, a limit of 10 at a time seems too low for 50 per second, and users whose waits are equal stay in
#           step for the whole run. Let `on_start` wait a random part of a second.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
timeout 100 venv/bin/pip install -q --disable-pip-version-check 'locust==2.47.0' || {
    echo "not installed, so nothing was tried" >&2
    exit 2
}
cat >locustfile.py <<'PY'
import sys
import time

from locust import User, constant, events, task

started = []


class Player(User):
    wait_time = constant(60)

    def on_start(self):
        started.append(time.monotonic())

    @task
    def nothing(self):
        pass


@events.quitting.add_listener
def tell(environment, **_):
    """The batches: users who started within 0.1 s of each other, with the time of the first."""
    batches = []
    for at in started:
        if not batches or at - batches[-1][-1] > 0.1:
            batches.append([])
        batches[-1].append(at)
    for batch in batches:
        print(f"  after {batch[0] - started[0]:4.1f} s: {len(batch)} users within {1000 * (batch[-1] - batch[0]):.0f} ms")
    environment.process_exit_code = 0 if [len(batch) for batch in batches] == [50, 50, 50] else 1
PY
venv/bin/locust --version
echo "150 users, 50 per second, start:"
code=0
timeout 40 venv/bin/locust --headless -u 150 -r 50 -t 10s --only-summary --loglevel ERROR >told 2>log || code=$?
grep '  after' told || true
[ "$code" = 0 ] && echo "as described: all users of a second start in one moment" || {
    echo "Locust behaves otherwise now" >&2
    exit 1
}
