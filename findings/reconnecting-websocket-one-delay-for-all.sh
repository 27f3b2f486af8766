#!/usr/bin/env bash
# Guess:    reconnecting-websocket and partysocket each wait a random time before they come back, so that clients which lost
#           their server together do not come back together: `minReconnectionDelay: 1000 + Math.random() * 4000`, say both
#           READMEs of the default.
# Really:   reconnecting-websocket draws that number once, when the module is loaded. All sockets of a process, or of a
#           page, have the same delay, after each loss. partysocket, which took over the code, waits 3,000 ms, always and
#           everywhere. Later attempts have no jitter either: 1.3 times the delay before, up to 10 s.
# Versions: reconnecting-websocket 4.4.0, partysocket 1.3.0, ws 8.23.0, Node.js 20.20.2, 2026-11-30.
# Who:      load tests, bots and gateways with many sockets per process; with partysocket, everybody.
# Matters:  a restart of the server brings all players back within some milliseconds, 3 s later; and a load test with
#           reconnecting-websocket says that the server cannot admit them, though in their own browsers they would come
#           over four seconds. Give each socket a `minReconnectionDelay` of its own.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private": true}' >package.json
timeout 60 npm install --no-save --no-fund --no-audit --loglevel=error \
    'reconnecting-websocket@4.4.0' 'partysocket@1.3.0' 'ws@8.23.0' >npm.log 2>&1 || {
    echo "not installed, so nothing was tried:" >&2
    tail -n 5 npm.log >&2
    exit 2
}
cat >players.js <<'JS'
"use strict";
const { fork } = require("child_process");
const { readFileSync } = require("fs");
const WebSocket = require("ws");

const PROCESSES = 2, SOCKETS = 20;
const of = (name, file) => readFileSync(`node_modules/${name}/${file}`, "utf8");

/** A process of players, of one package with its defaults. */
function play(name, url) {
  const loaded = require(name === "partysocket" ? "partysocket/ws" : name);
  const Socket = loaded.default ?? loaded;
  for (let number = 0; number < SOCKETS; number += 1) new Socket(url, [], { WebSocket });
}

/** Milliseconds after which the sockets of each process are back, all of which are cut off in one moment. */
async function delays(name) {
  const server = new WebSocket.WebSocketServer({ port: 0, host: "127.0.0.1" });
  await new Promise((resolve) => server.on("listening", resolve));
  const back = Array.from({ length: PROCESSES }, () => []);
  const processes = back.map((_, number) => fork(__filename, [name, `ws://127.0.0.1:${server.address().port}/${number}`]));
  await new Promise((resolve) => {
    let came = 0, cutAt;
    server.on("connection", (_, request) => {
      came += 1;
      if (cutAt !== undefined) back[Number(request.url.slice(1))].push(Math.round(performance.now() - cutAt));
      if (came === PROCESSES * SOCKETS) {
        cutAt = performance.now();
        for (const socket of server.clients) socket.terminate();
      }
      if (came === 2 * PROCESSES * SOCKETS) resolve();
    });
  });
  for (const each of processes) each.kill();
  server.close();
  return back;
}

async function main() {
  const found = {};
  for (const name of ["reconnecting-websocket", "partysocket"]) {
    const told = /minReconnectionDelay: (.*),/.exec(of(name, "README.md"))?.[1];
    console.log(`${name} ${JSON.parse(of(name, "package.json")).version}, Node.js ${process.version}; its README: ${told}`);
    found[name] = await delays(name);
    for (const [number, times] of found[name].entries()) {
      console.log(`  process ${number + 1}: ${times.length} sockets are back after ${Math.min(...times)} to ${Math.max(...times)} ms`);
    }
  }
  // Twenty numbers between 1,000 and 5,000 lie further apart than 500.
  const isOne = (times) => times.length === SOCKETS && Math.max(...times) - Math.min(...times) < 500;
  const isSo = Object.values(found).flat().every(isOne)
    && found.partysocket.every((times) => times.every((time) => time > 2900 && time < 3900));
  console.log(isSo ? "as described: sockets of a process come back together" : "a library behaves otherwise now");
  process.exit(isSo ? 0 : 1);
}

if (process.argv.length > 2) play(...process.argv.slice(2));
else main().catch((error) => {
  console.error(error);
  process.exit(1);
});
JS
timeout 50 node players.js
