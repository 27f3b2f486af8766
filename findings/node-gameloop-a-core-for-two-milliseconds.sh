#!/usr/bin/env bash
# Guess:    a server whose update takes 2 ms, 60 times per second, with node-gameloop ("accurate update ticks with minimal CPU
#           usage") is busy for an eighth of a core, as with setInterval.
# Really:   it is busy for all of it. After an update the loop sleeps, by a timer of 16 ms, if more than 15 ms of the tick are
#           left; else it spins through setImmediate until the next tick. An update of half a millisecond leaves room for the
#           sleep, one of two milliseconds does not. With 30 ticks per second it is so from 1.4 ms on.
# Versions: node-gameloop 0.1.4, Node.js 20.20.2, 2026-11-30.
# Who:      game servers that count how many rooms or players fit by the CPU that a process uses.
# Matters:  the CPU is low up to some number of players and 100 % with one more, though seven eighths of the tick are free: it
#           looks like saturation, and an autoscaler starts servers that nobody needs. Look at the time in `update` instead.
#
# What is judged is how often it spins: its share of a core is what others leave of it.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private": true}' >package.json
timeout 50 npm install --no-save --no-fund --no-audit --loglevel=error 'node-gameloop@0.1.4' >npm.log 2>&1 || {
    echo "not installed, so nothing was tried:" >&2
    tail -n 5 npm.log >&2
    exit 2
}
cat >loops.js <<'JS'
"use strict";
const { setGameLoop, clearGameLoop } = require("node-gameloop");

const PER_SECOND = 60, SEEN_MS = 4_000;
let spins = 0;
const { setImmediate } = globalThis;
globalThis.setImmediate = (...given) => {
  spins += 1;
  return setImmediate(...given);
};
const loops = {
  "node-gameloop": (update) => {
    const id = setGameLoop(update, 1_000 / PER_SECOND);
    return () => clearGameLoop(id);
  },
  setInterval: (update) => {
    const id = setInterval(update, 1_000 / PER_SECOND);
    return () => clearInterval(id);
  },
};

/** The CPU of this process and its spins per update, with an update that works for some milliseconds. */
async function busy(start, workMs) {
  let updates = 0;
  spins = 0;
  const began = performance.now(), cpuBefore = process.cpuUsage();
  const stop = start(() => {
    const from = performance.now();
    while (performance.now() - from < workMs);
    updates += 1;
  });
  await new Promise((resolve) => setTimeout(resolve, SEEN_MS));
  stop();
  const { user, system } = process.cpuUsage(cpuBefore);
  const seconds = (performance.now() - began) / 1_000;
  return { percent: (100 * (user + system)) / 1e6 / seconds, perSecond: updates / seconds, spins: spins / updates };
}

async function main() {
  console.log(`node-gameloop ${require("node-gameloop/package.json").version}, Node.js ${process.version}`);
  const spun = {};
  for (const [name, start] of Object.entries(loops)) {
    for (const workMs of [0.5, 2]) {
      const { percent, perSecond, spins } = await busy(start, workMs);
      spun[`${name} ${workMs}`] = spins;
      console.log(`${name}, an update of ${workMs} ms: ${perSecond.toFixed(0)} per second take ${percent.toFixed(0)} % of a core, `
        + `with ${spins.toFixed(0)} spins after each`);
    }
  }
  const isSo = spun["node-gameloop 2"] > 100 && spun["node-gameloop 2"] > 10 * spun["node-gameloop 0.5"] && spun["setInterval 2"] < 1;
  console.log(isSo ? "as described: the rest of the tick is spent, too" : "node-gameloop behaves otherwise now");
  process.exit(isSo ? 0 : 1);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
JS
timeout 40 node loops.js
