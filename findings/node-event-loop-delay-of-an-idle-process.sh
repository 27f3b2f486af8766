#!/usr/bin/env bash
# Guess:    `monitorEventLoopDelay` of an idle Node.js process is about 0, and "lag p50: 10 ms" of prom-client's default
#           metrics says that the loop is 10 ms late in half of the cases.
# Really:   what is recorded is the whole time between two firings of a timer, which has the `resolution` in it. So an idle
#           process has a p50 of about 10 ms with the default resolution of 10, and of 50 ms with one of 50: the finer it
#           measures, the less delay there is. prom-client passes it on as nodejs_eventloop_lag_p50_seconds, beside
#           nodejs_eventloop_lag_seconds of the same process, which is measured otherwise and is near 0.
# Versions: Node.js 20.20.2, prom-client 15.1.3, 2026-11-30.
# Who:      anybody who compares servers by the lag of their loops, or has an alarm at 10 ms.
# Matters:  an idle server in Node.js looks busier than one in Python that is late by 2 ms, and small delays drown in the
#           resolution. Subtract it before you compare.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private": true}' >package.json
timeout 60 npm install --no-save --no-fund --no-audit --loglevel=error 'prom-client@15.1.3' >npm.log 2>&1 || {
    echo "not installed, so nothing was tried:" >&2
    tail -n 5 npm.log >&2
    exit 2
}
cat >idle.js <<'JS'
"use strict";
const { monitorEventLoopDelay } = require("perf_hooks");
const { collectDefaultMetrics, register } = require("prom-client");

const RESOLUTIONS_MS = [1, 10, 50], IDLE_MS = 5000;
collectDefaultMetrics();
const delays = RESOLUTIONS_MS.map((resolution) => monitorEventLoopDelay({ resolution }));
for (const delay of delays) delay.enable();

setTimeout(async () => {
  const p50 = delays.map((delay) => delay.percentile(50) / 1e6);
  const told = await register.metrics();
  const metric = (name) => 1000 * Number(new RegExp(`^${name} (\\S+)`, "m").exec(told)[1]);
  const lag = metric("nodejs_eventloop_lag_seconds"), lagP50 = metric("nodejs_eventloop_lag_p50_seconds");
  console.log(`Node.js ${process.version}, prom-client ${require("prom-client/package.json").version}; a process that does nothing for ${IDLE_MS / 1000} s`);
  for (const [number, resolution] of RESOLUTIONS_MS.entries()) {
    console.log(`monitorEventLoopDelay, resolution ${String(resolution).padStart(2)} ms: p50 ${p50[number].toFixed(1)} ms`);
  }
  console.log(`prom-client: nodejs_eventloop_lag_p50_seconds is ${lagP50.toFixed(1)} ms, nodejs_eventloop_lag_seconds ${lag.toFixed(1)} ms`);
  const holdsIt = (ms, resolution) => ms > 0.9 * resolution && ms < 2.5 * resolution;
  const isSo = p50.every((ms, number) => holdsIt(ms, RESOLUTIONS_MS[number])) && holdsIt(lagP50, 10) && lag < 8;
  console.log(isSo ? "as described: the delay of an idle process is the resolution" : "Node.js or prom-client behaves otherwise now");
  process.exit(isSo ? 0 : 1);
}, IDLE_MS);
JS
timeout 30 node idle.js
