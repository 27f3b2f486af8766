#!/usr/bin/env bash
# Guess:    who starts a program again with the command line, the folder and the environment that it had (as /proc, psutil or a
#           tool for faults tells them) has it running as it was.
# Really:   a HAProxy that was started with -W never listens then. Its master writes HAPROXY_MWORKER_WAIT_ONLY and
#           HAPROXY_PROCESSES into its environment and executes itself with it once the workers run. Who finds them there starts
#           no worker, looks for those of its predecessor, and ends with exit code 0: "All workers exited". Without the variables
#           of that kind the same command serves at once.
# Versions: HAProxy 2.6.12-1+deb12u4 (Debian 12), CPython 3.11, 2026-11-30.
# Who:      watchdogs, tests of failures and scripts for migrations that end a proxy and start it "just as it was", and shells that
#           were opened in its environment.
# Matters:  all players stay away, and exit code 0 is no failure to whoever would start it again on one (Restart=on-failure).
#           Leave out every variable that begins with HAPROXY_ before the start.
set -euo pipefail

folder=$(mktemp -d)
pids=()
cleanup() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$folder"
}
trap cleanup EXIT
cd "$folder"
chmod 755 . # for the one that downloads

timeout 60 apt-get download -qq -o APT::Sandbox::User=root haproxy=2.6.12-1+deb12u4 liblua5.3-0 libopentracing-c-wrapper0 \
    libopentracing1 >/dev/null || {
    echo "not installed, so nothing was tried" >&2
    exit 2
}
for package in *.deb; do dpkg -x "$package" .; done
LD_LIBRARY_PATH=$(dirname "$(find "$folder" -name 'liblua5.3.so.0' | head -1)")
export LD_LIBRARY_PATH
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >haproxy.cfg <<CONF
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend lobby
    bind 127.0.0.1:$port
    http-request return status 200 content-type text/plain string there
CONF
cat >as_it_was.py <<'PY'
"""Start HAProxy, end it, and start it twice more: with the environment that its master had, and with that of this script."""

import os
import signal
import subprocess
import sys
import time
import urllib.request

COMMAND = ["./usr/sbin/haproxy", "-W", "-db", "-f", "haproxy.cfg"]
PATIENCE_S = 10.0
port = int(sys.argv[1])


def serves(within_s):
    ends = time.monotonic() + within_s
    while time.monotonic() < ends:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1) as answer:
                return answer.read() == b"there"
        except OSError:
            time.sleep(0.1)
    return False


def end(process):
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)


def run(environment):
    return subprocess.Popen(COMMAND, env=environment, stderr=subprocess.PIPE)


first = run(dict(os.environ))
if not serves(PATIENCE_S):
    raise SystemExit("it does not serve at all")
ends = time.monotonic() + PATIENCE_S
while True:  # until it has executed itself
    with open(f"/proc/{first.pid}/environ", "rb") as file:
        had = dict(entry.split(b"=", 1) for entry in file.read().split(b"\0") if b"=" in entry)
    added = sorted(name.decode() for name in had.keys() - os.environb.keys())
    if added or time.monotonic() > ends:
        break
    time.sleep(0.1)
end(first)
print("the environment of the one that ran has, besides that of whoever started it:", ", ".join(added) or "nothing")

again = run(had)
is_served = serves(PATIENCE_S)
code = again.poll()
end(again)
said = again.stderr.read().decode(errors="replace").strip().splitlines()
print(f"started as it was: it {'serves' if is_served else f'does not serve within {PATIENCE_S:.0f} s'}, "
      f"{'and runs' if code is None else f'and has ended with exit code {code}'}; its last words: {(said or ['none'])[-1]}")

clean = run({name: value for name, value in had.items() if not name.startswith(b"HAPROXY_")})
is_clean = serves(PATIENCE_S)
end(clean)
print(f"without the variables that begin with HAPROXY_: it {'serves' if is_clean else 'does not serve'}")
sys.exit(0 if added and not is_served and code in (0, None) and is_clean else 1)
PY
./usr/sbin/haproxy -v | head -1
timeout 60 python3 as_it_was.py "$port" && echo "as described: started as it was, it never listens" || {
    echo "HAProxy behaves otherwise now" >&2
    exit 1
}
