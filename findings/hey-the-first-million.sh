#!/usr/bin/env bash
# Guess:    the summary of `hey -z 5m`, its latencies and its status codes, is of all requests that were made in the five minutes.
# Really:   hey keeps the first million answers and drops the others, but goes on adding up their times. So the percentiles, the
#           slowest, and the status codes are those of the first million, whatever comes later, and "Average" is the sum over all,
#           divided by a million. It says nothing of it.
# Versions: hey 0.1.4-2+b4 (Debian 12), nginx 1.22.1-9+deb12u11 as the server, 2026-11-30. See issues 127, 166 and 227 of hey.
# Who:      anybody who lets hey run for minutes against something quick: at 17,000 per second a minute is a million.
# Matters:  the minute in which the server broke is not in the report: here it answers 503 after a second in the end, hundreds of
#           times, and neither the slowest nor the codes know of it. The mean grows with the length of the run instead. Requests
#           per second times Average is the number of connections, in a closed loop: where it is more, answers are missing.
#
# It makes 1.25 million requests: a minute with two cores, and longer when others use them.
set -euo pipefail

folder=$(mktemp -d)
pids=()
cleanup() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    rm -rf "$folder"
}
trap cleanup EXIT
cd "$folder"
chmod 755 . # for nginx's worker

timeout 60 apt-get download -qq -o APT::Sandbox::User=root hey=0.1.4-2+b4 nginx=1.22.1-9+deb12u11 >/dev/null || {
    echo "not installed, so nothing was tried" >&2
    exit 2
}
for package in *.deb; do dpkg -x "$package" .; done
mkdir logs temp
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
temp=$(for kind in client_body proxy fastcgi uwsgi scgi; do printf '%s_temp_path temp/%s;' "$kind" "$kind"; done)
# 204 at once, or, when there is a file `broken`, 503 to 50 requests per second: to 50 connections after a second.
cat >nginx.conf <<CONF
daemon off;
worker_processes 1;
pid nginx.pid;
error_log logs/error.log crit;
events {}
http {
    access_log off;
    keepalive_requests 100000000;
    $temp
    limit_req_zone \$binary_remote_addr zone=all:1m rate=50r/s;
    server {
        listen 127.0.0.1:$port;
        root $folder;
        location / {
            if (-f $folder/broken) { rewrite ^ /slow last; }
            return 204;
        }
        location = /slow {
            limit_req zone=all burst=1000;
            try_files /nothing =503;
        }
        location = /status { stub_status; }
    }
}
CONF
timeout 120 ./usr/sbin/nginx -p "$folder/" -e logs/error.log -c nginx.conf &
pids+=($!)
counted() { curl -s "http://127.0.0.1:$port/status" | sed -n 's/^ *[0-9]\+ [0-9]\+ \([0-9]\+\) *$/\1/p'; }
for _ in $(seq 100); do [ -n "$(counted)" ] && break || sleep 0.1; done
timeout -s INT 110 ./usr/bin/hey -z 100s -c 50 "http://127.0.0.1:$port/" >summary &
hey=$!
pids+=("$hey")
until [ "$(counted)" -gt 1250000 ]; do
    kill -0 "$hey" 2>/dev/null || {
        echo "this machine is too slow for a million requests in 100 s, so nothing was tried" >&2
        exit 2
    }
    sleep 0.2
done
quick=$(counted)
touch broken
sleep 8
rm broken
made=$(counted)
kill -INT "$hey"
wait "$hey" || true

echo "hey 0.1.4, nginx $(./usr/sbin/nginx -v 2>&1 | sed 's/.*\///'); 50 connections"
echo "nginx has counted $made requests, the last $((made - quick)) of them answered by 503 after a second"
python3 - "$quick" <<'PY'
import re
import sys

summary = open("summary").read()
average, slowest, rate = (float(re.search(rf"{name}:\s+([\d.]+)", summary)[1]) for name in ("Average", "Slowest", "Requests/sec"))
codes = {int(code): int(count) for code, count in re.findall(r"\[(\d+)\]\s+(\d+) responses", summary)}
print(f"hey's status codes: {codes}, slowest: {1_000 * slowest:.0f} ms")
print(f"hey's Average of {1_000 * average:.2f} ms times {rate:.0f} requests per second: {average * rate:.0f} connections")
is_so = codes == {204: 1_000_000} and slowest < 0.9 and average * rate > 56
print("as described: what came after the first million is in the mean, and nowhere else" if is_so else "hey behaves otherwise now")
sys.exit(0 if is_so else 1)
PY
