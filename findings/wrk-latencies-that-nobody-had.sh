#!/usr/bin/env bash
# Guess:    the latencies that `wrk --latency` prints are those of the requests that it made.
# Really:   wrk adds requests of its own invention: for each answer that took longer than the mean time from request to
#           request, as many as would have been made meanwhile, with what they would have had to wait. It says nothing of
#           it, and there is no switch. With one answer in a hundred after 0.5 s and the rest within a millisecond, the 90 %
#           is 0.4 s and the mean 0.1 s, where 99 % had theirs in a millisecond and the mean is 5 ms.
# Versions: wrk 4.1.0-3+b2 (Debian 12), Node.js 20.20.2 as the server, 2026-11-30. See issues 326 and 485 of wrk.
# Who:      anybody who holds wrk against another tool, or takes the tail for what clients had.
# Matters:  the correction is meant for a rate that was to be held, and wrk holds none: it asks again when it has been answered.
#           Requests per second times mean latency is the number of connections in any closed loop, and here it is 25 times
#           that: so it can be seen in a report.
set -euo pipefail

folder=$(mktemp -d)
pids=()
cleanup() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    rm -rf "$folder"
}
trap cleanup EXIT
cd "$folder"
# The package and those of its libraries that are not installed, into this folder only.
mkdir -p archives/partial
timeout 60 apt-get install -qq --download-only --reinstall --no-install-recommends -y -o APT::Sandbox::User=root \
    -o Dir::Cache::archives="$folder/archives" 'wrk=4.1.0-3+b2' >apt.log 2>&1 || {
    echo "not installed, so nothing was tried:" >&2
    tail -n 5 apt.log >&2
    exit 2
}
for package in archives/*.deb; do dpkg -x "$package" root; done
libraries=$(find "$PWD/root" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)
cat >server.js <<'JS'
"use strict";
// One answer in a hundred comes after 0.5 s. Told at the end: what the server knows of the time from request to answer.
const fs = require("fs");
const took = [];
let count = 0;
const server = require("http").createServer((request, response) => {
  const began = process.hrtime.bigint();
  response.on("finish", () => took.push(Number(process.hrtime.bigint() - began) / 1e6));
  if ((count += 1) % 100) response.end("ok");
  else setTimeout(() => response.end("ok"), 500);
});
server.listen(0, "127.0.0.1", () => fs.writeFileSync("port", String(server.address().port)));
process.on("SIGTERM", () => {
  took.sort((a, b) => a - b);
  const at = (percent) => took[Math.ceil((took.length * percent) / 100) - 1].toFixed(1);
  const mean = took.reduce((sum, ms) => sum + ms, 0) / took.length;
  fs.writeFileSync("told", `${mean.toFixed(1)} ${at(75)} ${at(90)}\n`);
  process.exit();
});
JS
timeout 40 node server.js &
pids+=($!)
for _ in $(seq 100); do [ -s port ] && break || sleep 0.1; done
LD_LIBRARY_PATH=$libraries ./root/usr/bin/wrk --version 2>&1 | head -n 1 || true
LD_LIBRARY_PATH=$libraries timeout 30 ./root/usr/bin/wrk --latency -t 1 -c 1 -d 8s "http://127.0.0.1:$(cat port)/" >wrk.log
kill "${pids[0]}"
for _ in $(seq 50); do [ -s told ] && break || sleep 0.1; done
python3 - <<'PY'
import re
import sys

told = open("wrk.log").read()
ms_of = {"us": 0.001, "ms": 1.0, "s": 1000.0}


def ms(pattern):
    number, unit = re.search(pattern + r"\s+([\d.]+)(us|ms|s)\b", told).groups()
    return float(number) * ms_of[unit]


mean, at_75, at_90 = ms("Latency"), ms("75%"), ms("90%")
per_second = float(re.search(r"Requests/sec:\s+([\d.]+)", told)[1])
true_mean, true_75, true_90 = (float(each) for each in open("told").read().split())
print(f"wrk:    mean {mean:7.1f} ms, 75 % {at_75:7.1f} ms, 90 % {at_90:7.1f} ms")
print(f"server: mean {true_mean:7.1f} ms, 75 % {true_75:7.1f} ms, 90 % {true_90:7.1f} ms")
print(f"one connection, and wrk's {per_second:.0f} requests per second x its mean = {per_second * mean / 1000:.1f} requests at a time")
is_so = at_90 > 100 > true_90 and mean > 4 * true_mean
print("as described: most of what wrk tells of the tail, nobody had" if is_so else "wrk behaves otherwise now")
sys.exit(0 if is_so else 1)
PY
