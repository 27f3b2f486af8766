#!/usr/bin/env bash
# Guess:    `locust --ips 20` of locust-plugins, which is `constant_total_ips(20)`, starts 20 iterations per second in all, as
#           long as there are users enough, and says so when there are not.
# Really:   each user waits for users ÷ 20 seconds after each task, on top of the time that the task took. With 40 users and
#           a server that answers in 1 s it is 13 iterations per second, though 20 users would do. What is missing is made
#           up for by 0.1 per second at most, and the warning "Failed to reach target ips" does not come.
# Versions: locust-plugins 5.0.3, Locust 2.47.0, CPython 3.11, 2026-11-30.
# Who:      anybody who asks for a rate to have an open workload: the plugin is what guides name for that.
# Matters:  a server that gets slower is asked less often, so that the load eases as soon as it hurts, and the rate in the
#           report is not the one that was asked for. Locust's own `constant_throughput(20 / users)` holds the rate.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
timeout 80 venv/bin/pip install -q --disable-pip-version-check 'locust==2.47.0' 'locust-plugins==5.0.3' || {
    echo "not installed, so nothing was tried" >&2
    exit 2
}
cat >rate.py <<'PY'
"""40 users whose task takes a second; how many were started per second, after the first five, is written at the end."""

import os
import time
from importlib.metadata import version

import gevent
from locust import User, constant_throughput, events, task

import locust_plugins  # noqa: F401 - adds --ips

began = []


class Player(User):
    if os.environ["BY"] == "locust":
        wait_time = constant_throughput(20 / 40)

    @task
    def ask(self):
        began.append(time.monotonic())
        gevent.sleep(1)  # a server that answers after a second


@events.quitting.add_listener
def write(environment, **_):
    if not began:
        return
    counted = [at for at in began if 5 <= at - began[0] < 17]
    with open(os.environ["BY"], "w") as file:
        file.write(f"{len(counted) / 12:.1f}")
    with open("versions", "w") as file:
        file.write(f"locust-plugins {version('locust-plugins')}, Locust {version('locust')}")
PY
run() { BY=$1 timeout 60 venv/bin/locust -f rate.py --headless -u 40 -r 40 -t 18s --only-summary "${@:2}" >"$1.log" 2>&1; }
run plugin --ips 20 &
run locust &
wait
cat versions && echo
plugin=$(cat plugin) locust=$(cat locust)
warned=$(grep -c 'Failed to reach' plugin.log || true)
echo "40 users, a task of 1 s, 20 per second asked for:"
echo "locust-plugins --ips 20        : $plugin iterations per second, $warned warnings"
echo "Locust constant_throughput(0.5): $locust iterations per second"
python3 -c "import sys; sys.exit(not (11 < $plugin < 16 and 19 < $locust < 21 and $warned == 0))" &&
    echo "as described: --ips is a wait, not a rate" || {
    echo "locust-plugins behaves otherwise now" >&2
    exit 1
}
