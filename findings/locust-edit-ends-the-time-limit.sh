#!/usr/bin/env bash
# Guess:    editing the number of users of a run in Locust's web interface leaves its other parameters, such as the
#           run time, as they are.
# Really:   POST /swarm without the field run_time (the Edit form has no such field) cancels the time limit of the run
#           that goes on. It does not end by itself any more, and the answer says success.
# Versions: Locust 2.47.0, CPython 3.11, 2026-11-29.
# Who:      anybody who edits users or spawn rate of a run with a time limit, by the page or by a script.
# Matters:  a load test that was to last minutes goes on for as long as its server is up.
set -euo pipefail

folder=$(mktemp -d)
locust_pid=
cleanup() {
    [ -z "$locust_pid" ] || kill "$locust_pid" 2>/dev/null || true
    rm -rf "$folder"
}
trap cleanup EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'locust==2.47.0'
cat >"$folder/locustfile.py" <<'PY'
from locust import User, constant, task


class Idle(User):
    wait_time = constant(0.2)

    @task
    def nothing(self):
        pass
PY

port=$("$folder/venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
url=http://127.0.0.1:$port
timeout 120 "$folder/venv/bin/locust" -f "$folder/locustfile.py" --web-host 127.0.0.1 --web-port "$port" \
    --host http://127.0.0.1:9 --loglevel WARNING >"$folder/log" 2>&1 &
locust_pid=$!

get() { "$folder/venv/bin/python" - "$url$1" <<'PY'
import json, sys, urllib.request
print(json.load(urllib.request.urlopen(sys.argv[1], timeout=5))["state"])
PY
}
swarm() { "$folder/venv/bin/python" - "$url/swarm" "$1" <<'PY'
import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1], data=sys.argv[2].encode(), timeout=5).read().decode())
PY
}

for _ in $(seq 100); do get /stats/requests >/dev/null 2>&1 && break || sleep 0.2; done
"$folder/venv/bin/locust" --version

echo "a run of 3 s, left alone:"
swarm 'user_count=1&spawn_rate=1&run_time=3s' | head -c 120; echo
sleep 6
alone=$(get /stats/requests)
echo "state 6 s later: $alone"

echo "a run of 3 s, users edited after 1 s without naming the run time:"
swarm 'user_count=1&spawn_rate=1&run_time=3s' | head -c 120; echo
sleep 1
swarm 'user_count=2&spawn_rate=1' | head -c 120; echo
sleep 7
edited=$(get /stats/requests)
echo "state 8 s after the start: $edited"

[ "$alone" = stopped ] && [ "$edited" = running ] && echo "as described: the edit ended the time limit" || {
    echo "Locust behaves otherwise now" >&2
    exit 1
}
