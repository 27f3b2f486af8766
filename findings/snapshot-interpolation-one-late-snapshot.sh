#!/usr/bin/env bash
# Guess:    the interpolation buffer of @geckos.io/snapshot-interpolation, three snapshots long, hides a snapshot that is
#           late by less than that.
# Really:   by default a snapshot that is more than 50 ms later than the first one moves the client's clock by as much, and
#           the next one on time moves it back. With 20 snapshots per second the buffer is 150 ms; one snapshot that is 110 ms
#           late, which the buffer holds for, makes everything jump back by about as much and then forward again. With
#           `autoCorrectTimeOffset: false` nothing jumps.
# Versions: @geckos.io/snapshot-interpolation 1.1.1, Node.js 20.20.2, 2026-11-30.
# Who:      games that show others by snapshots over UDP, as geckos.io sends them. On a TCP connection those behind a late one
#           come with it, so that the clock moves by what the last of these is late.
# Matters:  rubber-banding that looks like the network's or the server's fault; a larger buffer does not cure it.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private": true}' >package.json
timeout 50 npm install --no-save --no-fund --no-audit --loglevel=error '@geckos.io/snapshot-interpolation@1.1.1' >npm.log 2>&1 || {
    echo "not installed, so nothing was tried:" >&2
    tail -n 5 npm.log >&2
    exit 2
}
cat >late.js <<'JS'
"use strict";
const { SnapshotInterpolation } = require("@geckos.io/snapshot-interpolation");

const PER_SECOND = 20, LATENCY_MS = 20, LATE_MS = 110; // between two others
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Somebody who runs at 1 px per ms, seen for 3 s: the widest step back of what is shown, in px. */
async function seen(config) {
  const server = new SnapshotInterpolation();
  const client = new SnapshotInterpolation(PER_SECOND, config);
  const began = Date.now();
  let count = 0;
  const sending = setInterval(() => {
    const snapshot = server.snapshot.create([{ id: "ada", x: Date.now() - began }]);
    const late = (count += 1) === 30 ? LATE_MS : 0;
    setTimeout(() => client.snapshot.add(snapshot), LATENCY_MS + late);
  }, 1_000 / PER_SECOND);
  let last = null, back = 0;
  for (const until = Date.now() + 3_000; Date.now() < until; await sleep(8)) {
    const shown = client.calcInterpolation("x");
    if (!shown) continue;
    if (last !== null) back = Math.min(back, shown.state[0].x - last);
    last = shown.state[0].x;
  }
  clearInterval(sending);
  return Math.round(back);
}

async function main() {
  const version = require("@geckos.io/snapshot-interpolation/package.json").version;
  console.log(`snapshot-interpolation ${version}, Node.js ${process.version}; ${PER_SECOND} snapshots per second, one is ${LATE_MS} ms late`);
  const [usual, fixed] = await Promise.all([seen({}), seen({ autoCorrectTimeOffset: false })]);
  const buffer = new SnapshotInterpolation(PER_SECOND).interpolationBuffer.get();
  console.log(`buffer ${buffer} ms, by default              : shown going back by ${-usual} ms of the way`);
  console.log(`buffer ${buffer} ms, autoCorrectTimeOffset off: shown going back by ${-fixed} ms of the way`);
  const isSo = usual < -50 && fixed > -2;
  console.log(isSo ? "as described: one late snapshot moves the clock" : "snapshot-interpolation behaves otherwise now");
  process.exit(isSo ? 0 : 1);
}

main();
JS
timeout 20 node late.js
