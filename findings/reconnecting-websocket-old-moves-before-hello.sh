#!/usr/bin/env bash
# Guess:    what a client sends in its `open` handler is the first thing that the server hears on each connection. So that
#           is where one logs in, subscribes or says hello, again after each loss.
# Really:   with reconnecting-websocket and partysocket it is so for the first connection only. What the program sends
#           while there is none is kept, without a bound and however old it is, and goes out as the next one opens, before
#           the `open` handlers run. The server hears moves and heartbeats of the outage first, then the login.
# Versions: reconnecting-websocket 4.4.0, partysocket 1.3.0, ws 8.23.0, Node.js 20.20.2, 2026-11-30.
# Who:      clients of servers that want a login first, and send anything by a timer or from the frames of a game.
# Matters:  after a restart the server refuses or counts as abuse what comes before the login, and may close the
#           connection for it; where it takes them, it is told where the player was minutes ago. In a test the client has
#           mostly nothing to say during the outage. `maxEnqueuedMessages: 0` ends it: then nothing is kept.
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
cat >player.js <<'JS'
"use strict";
const { readFileSync } = require("fs");
const WebSocket = require("ws");

const version = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8")).version;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** What the server hears on two connections of a player who says hello as each opens, and moves three times per second. */
async function heard(name, options) {
  const loaded = require(name === "partysocket" ? "partysocket/ws" : name);
  const Socket = loaded.default ?? loaded;
  const server = new WebSocket.WebSocketServer({ port: 0, host: "127.0.0.1" });
  await new Promise((resolve) => server.on("listening", resolve));
  const connections = [];
  server.on("connection", (socket) => {
    const messages = [];
    connections.push(messages);
    socket.on("message", (text) => messages.push(String(text)));
  });
  const player = new Socket(`ws://127.0.0.1:${server.address().port}`, [], { WebSocket, minReconnectionDelay: 1000, ...options });
  let moves = 0, moving;
  player.addEventListener("open", () => {
    player.send("hello");
    moving ??= setInterval(() => player.send(`move ${(moves += 1)}`), 300);
  });
  while (!connections[0]?.includes("move 2")) await sleep(10);
  for (const socket of server.clients) socket.terminate();
  while (!connections[1]?.includes("hello")) await sleep(10);
  clearInterval(moving);
  player.close();
  server.close();
  return connections.map((messages) => messages.slice(0, messages.indexOf("hello") + 1));
}

async function main() {
  const found = [];
  for (const name of ["reconnecting-websocket", "partysocket"]) {
    console.log(`${name} ${version(name)}, Node.js ${process.version}`);
    for (const options of [{}, { maxEnqueuedMessages: 0 }]) {
      const [first, second] = await heard(name, options);
      console.log(`  ${JSON.stringify(options)}: the server hears ${first.join(", ")}; after a loss ${second.join(", ")}`);
      found.push([first[0] === "hello", second[0] === "hello"]);
    }
  }
  const isSo = JSON.stringify(found) === JSON.stringify([[true, false], [true, true], [true, false], [true, true]]);
  console.log(isSo ? "as described: after a loss, what was kept comes before hello" : "a library behaves otherwise now");
  process.exit(isSo ? 0 : 1);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
JS
timeout 50 node player.js
