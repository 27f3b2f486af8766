#!/usr/bin/env bash
# Guess:    if a server stops answering in the middle of a run of Locust, the report shows it: failures, or at least
#           times as long as the users waited, or an exit code that is not 0.
# Really:   a request is counted when it has ended. At the end of the run those under way are killed and counted nowhere.
#           So all users hang, and the report has no failure, no time longer than before, and exit code 0. Only the rate
#           is lower than it should be. A server that never answers at all makes a report without a line, and 0.
# Versions: Locust 2.47.0, CPython 3.11, 2026-11-29.
# Who:      anybody whose pipeline decides by Locust's failures, percentiles or exit code.
# Matters:  the worst outcome looks like the best: everybody hung, and the p99 is that of the seconds before. A time-out
#           for each request that is short beside the run brings it to light; by default HttpUser has none.
set -euo pipefail

folder=$(mktemp -d)
pids=()
cleanup() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    rm -rf "$folder"
}
trap cleanup EXIT
cd "$folder"

python3 -m venv venv
timeout 100 venv/bin/pip install -q --disable-pip-version-check 'locust==2.47.0' || {
    echo "not installed, so nothing was tried" >&2
    exit 2
}
cat >locustfile.py <<'PY'
import os

from locust import HttpUser, constant, task

TIMEOUT_S = float(os.environ["TIMEOUT_S"]) or None


class Player(HttpUser):
    wait_time = constant(0.1)

    @task
    def rooms(self):
        self.client.get("/rooms", timeout=TIMEOUT_S)
PY
cat >server.py <<'PY'
"""Answers at once for some seconds after the first request, and then takes requests and says nothing."""

import http.server
import sys
import time

answers_for_s = float(sys.argv[1])
first = None


class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        global first
        first = first or time.monotonic()
        if time.monotonic() - first >= answers_for_s:
            time.sleep(60)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"[]")

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer.request_queue_size = 100  # so that nobody waits for a connection
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
server.daemon_threads = True
with open("port", "w") as file:
    file.write(str(server.server_port))
server.serve_forever()
PY
run() { # against a server that answers for so many seconds of six, with that time-out; sets what was told
    rm -f port
    timeout 60 python3 server.py "$1" 2>/dev/null &
    pids+=($!)
    for _ in $(seq 100); do [ -s port ] && break || sleep 0.1; done
    code=0
    TIMEOUT_S=$2 timeout 40 venv/bin/locust --headless -u 10 -r 10 -t 6s --host "http://127.0.0.1:$(cat port)" --json \
        --loglevel ERROR >told.json 2>log || code=$?
    venv/bin/python - <<'PY' >told
import json

lines = json.load(open("told.json"))
slowest = max((line["max_response_time"] for line in lines), default=0)
print(sum(line["num_requests"] for line in lines), sum(line["num_failures"] for line in lines), int(slowest))
PY
    read -r requests failures slowest <told
}

venv/bin/locust --version
echo "10 users for 6 s against a server that answers at once for:"
say() { echo "$1: $requests requests, $failures failures, the slowest $slowest ms, exit code $code"; }
is_so=1
run 100 0
say "all 6 s                    "
all=$requests
run 3 0
say "3 s                        "
[ "$requests" -gt 20 ] && [ "$requests" -lt "$all" ] && [ "$failures" = 0 ] && [ "$slowest" -lt 2500 ] && [ "$code" = 0 ] || is_so=0
run 0 0
say "0 s                        "
[ "$requests" = 0 ] && [ "$failures" = 0 ] && [ "$code" = 0 ] || is_so=0
run 0 2
say "0 s, with a time-out of 2 s"
[ "$failures" -ge 10 ] && [ "$code" = 1 ] || is_so=0

[ "$is_so" = 1 ] && echo "as described: ten users hung, and the report does not know it" || {
    echo "Locust behaves otherwise now" >&2
    exit 1
}
