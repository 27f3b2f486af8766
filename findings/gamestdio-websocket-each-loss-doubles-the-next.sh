#!/usr/bin/env bash
# Guess:    the back-off of @gamestdio/websocket grows while a server is away, up to some maximum, and begins anew when the
#           connection is there again: the README says that it is node-backoff's, which has `maxDelay` and `reset()`.
# Really:   it is not, and has neither. Every loss in the life of the socket counts, however long the connections between them
#           were good: the wait is up to 0.1 s · 2ⁿ for the nth loss. The 10th loss costs 102 s at worst, the
#           15th 55 minutes, the 20th 29 hours. From the 25th on the wait can be more than 2³¹ ms, which a timer of Node.js takes for
#           1 ms: from then on more and more losses are followed by an attempt at once, without any back-off.
# Versions: @gamestdio/websocket 0.3.2 with ws 8.23.0 on Node.js 20.20.2, 2026-11-30. The dice are fixed at the middle, and the
#           waits are read and then cut short; the server lets everybody in, greets and closes.
# Who:      players who stay for hours on a mobile network, or through a few roll-outs; colyseus.js 0.11.2 depends on it.
# Matters:  the page that was open longest is the one that does not come back, while a reload is in at once, so that it looks
#           like the player's network. Make a new socket for each connection, or set a limit of your own.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private": true}' >package.json
timeout 60 npm install --no-save --no-fund --no-audit --loglevel=error '@gamestdio/websocket@0.3.2' 'ws@8.23.0' >npm.log 2>&1 || {
    echo "not installed, so nothing was tried:" >&2
    tail -n 5 npm.log >&2
    exit 2
}
cat >losses.js <<'JS'
"use strict";
const { readFileSync } = require("fs");
const { WebSocketServer } = require("ws");
const { default: WebSocketClient } = require("@gamestdio/websocket");

const LOSSES = 28, SHOWN = [1, 2, 5, 10, 15, 20, 28];
const realTimeout = globalThis.setTimeout;
const sleep = (ms) => new Promise((resolve) => realTimeout(resolve, ms));
const version = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8")).version;

/** How long Node.js waits for a timer of `ms`, up to a second. */
function realWait(ms) {
  const began = performance.now();
  return new Promise((resolve) => {
    const timer = realTimeout(() => resolve(performance.now() - began), ms);
    realTimeout(() => { clearTimeout(timer); resolve(Infinity); }, 1_000);
  });
}

async function main() {
  Math.random = () => 0.5;
  const waits = [];
  globalThis.setTimeout = (call, ms, ...args) => {
    if (call.name !== "bound onBackoffReady") return realTimeout(call, ms, ...args);
    waits.push(ms);
    return realTimeout(call, 0);
  };
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  server.on("connection", (socket) => socket.send("welcome", () => socket.close(1012)));
  await new Promise((resolve) => server.once("listening", resolve));
  let welcomes = 0;
  const client = new WebSocketClient(`ws://127.0.0.1:${server.address().port}`, [], { backoff: "exponential" });
  client.onmessage = () => { welcomes += 1; };
  const deadline = Date.now() + 30_000;
  while (waits.length < LOSSES && Date.now() < deadline) await sleep(10);
  client.close();
  server.close();

  console.log(`@gamestdio/websocket ${version("@gamestdio/websocket")}, ws ${version("ws")}, Node.js ${process.version}`);
  console.log(`${welcomes} welcomes, each after a connection that was made; the wait after a loss, with the dice at the middle:`);
  SHOWN.forEach((loss) => console.log(`  loss ${String(loss).padStart(2)}: ${(waits[loss - 1] / 1_000).toLocaleString("en")} s`));
  process.removeAllListeners("warning");
  process.on("warning", ({ name }) => console.log(`  Node.js warns: ${name}`));
  const last = await realWait(waits[LOSSES - 1]);
  console.log(`a timer of Node.js with the wait of loss ${LOSSES} is over after ${last.toFixed(0)} ms`);
  const doubles = waits.slice(0, LOSSES).every((wait, number) => wait === 50 * 2 ** (number + 1));
  const isSo = waits.length >= LOSSES && welcomes >= LOSSES - 1 && doubles && last < 100;
  console.log(isSo ? "as described: each loss doubles the wait of the next" : "@gamestdio/websocket behaves otherwise now");
  process.exit(isSo ? 0 : 1);
}

main().catch((error) => {
  console.log(error);
  process.exit(1);
});
JS
timeout 50 node losses.js 2>/dev/null
