#!/usr/bin/env bash
# Guess:    autocannon's "Avg 0.03 ms" of the latency is an average of the times: it has two decimals, and each time is
#           taken in nanoseconds.
# Really:   every time is cut down to whole milliseconds before it is counted. An answer after 0.9 ms counts as 0, one
#           after 1.9 ms as 1, so that the average is about half a millisecond too low, and all percentiles of a server
#           that answers within a millisecond are 0. The time without its fraction is what the average has decimals of.
# Versions: autocannon 9.0.0, Node.js 20.20.2, 2026-11-29.
# Who:      anybody who compares frameworks or caches that answer in less than some milliseconds, which is its usual use.
# Matters:  a server that takes 0.2 ms and one that takes 0.9 ms have the same latency, 0 ms; one that grows from 0.95 to
#           1.05 ms seems to get infinitely slower. Listen to the event `response`, which has the time with its fraction.
set -euo pipefail

folder=$(mktemp -d)
server=
cleanup() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -rf "$folder"
}
trap cleanup EXIT
cd "$folder"
echo '{"private": true}' >package.json
timeout 90 npm install --no-save --no-fund --no-audit --loglevel=error 'autocannon@9.0.0' >npm.log 2>&1 || {
    echo "not installed, so nothing was tried:" >&2
    tail -n 5 npm.log >&2
    exit 2
}
cat >server.js <<'JS'
// Works for 0.6 ms on each answer.
require("http").createServer((_, response) => {
  const started = performance.now();
  while (performance.now() - started < 0.6);
  response.end("[]");
}).listen(0, "127.0.0.1", function () {
  require("fs").writeFileSync("port", String(this.address().port));
});
JS
cat >shoot.js <<'JS'
"use strict";
const autocannon = require("autocannon");

const taken = []; // by each answer, in ms, as autocannon itself takes it
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const run = autocannon({ url: `http://127.0.0.1:${process.argv[2]}/`, connections: 1, duration: 4 }, (error, { latency }) => {
  if (error) throw error;
  const real = mean(taken), cut = mean(taken.map(Math.floor));
  taken.sort((one, other) => one - other);
  const median = taken[Math.floor(taken.length / 2)];
  console.log(`autocannon ${require("autocannon/package.json").version}, Node.js ${process.version}: ${taken.length} answers`);
  console.log(`as it takes the times:    average ${real.toFixed(3)} ms, median ${median.toFixed(3)} ms`);
  console.log(`as it tells them:         average ${latency.average} ms, median ${latency.p50} ms`);
  console.log(`without their fractions:  average ${cut.toFixed(3)} ms, median ${Math.floor(median)} ms`);
  const isSo = Math.abs(latency.average - cut) < 0.02 && latency.p50 === Math.floor(median) && real - latency.average > 0.2;
  console.log(isSo ? "as described: the fractions of a millisecond are thrown away" : "autocannon behaves otherwise now");
  process.exitCode = isSo ? 0 : 1;
});
run.on("response", (_client, _status, _bytes, time) => taken.push(time));
JS
timeout 60 node server.js &
server=$!
for _ in $(seq 100); do [ -s port ] && break || sleep 0.1; done
timeout 60 node shoot.js "$(cat port)"
