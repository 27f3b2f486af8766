#!/usr/bin/env bash
# Guess:    Socket.IO drops a `volatile` event when the client is gone or so slow that data waits for it. On an idle
#           connection, positions of five players that are sent in one loop all arrive.
# Really:   a socket counts as not ready from its first write to a callback of a later turn of the loop. So of several
#           volatile events in one turn only the first is sent, and none that comes after an ordinary event in that turn,
#           however fast the client is. Nothing says so.
# Versions: socket.io 4.8.4, socket.io-client 4.8.4, Node.js 20.20.2, 2026-11-29.
# Who:      games that send positions as volatile events from their tick, one per player or beside other events.
# Matters:  the first player of the list moves, all others stand still; with one player in a test everything is right.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private": true}' >package.json
timeout 90 npm install --no-save --no-fund --no-audit --loglevel=error 'socket.io@4.8.4' 'socket.io-client@4.8.4' >npm.log 2>&1 || {
    echo "not installed, so nothing was tried:" >&2
    tail -n 5 npm.log >&2
    exit 2
}
cat >positions.js <<'JS'
"use strict";
const { Server } = require("socket.io");
const { io: connect } = require("socket.io-client");

const PLAYERS = ["Ann", "Bob", "Cid", "Dan", "Eve"];
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function main() {
  const web = require("http").createServer();
  const io = new Server(web);
  await new Promise((resolve) => web.listen(0, "127.0.0.1", resolve));
  const client = connect(`http://127.0.0.1:${web.address().port}`, { transports: ["websocket"] });
  let got = [];
  client.onAny((name, player) => got.push(player ?? name));
  await new Promise((resolve) => client.on("connect", resolve));
  await sleep(300);
  const [player] = io.sockets.sockets.values();

  /** What arrives of the events that a function sends. */
  async function arrives(send) {
    got = [];
    await send();
    await sleep(500);
    return got.join(" ") || "nothing";
  }
  const told = {
    "volatile, in one loop": await arrives(() => PLAYERS.forEach((name) => io.volatile.emit("at", name))),
    "volatile, after an ordinary one": await arrives(() => {
      player.emit("tick");
      player.volatile.emit("at", "Ann");
    }),
    "volatile, 20 ms apart": await arrives(async () => {
      for (const name of PLAYERS) {
        io.volatile.emit("at", name);
        await sleep(20);
      }
    }),
    "ordinary, in one loop": await arrives(() => PLAYERS.forEach((name) => io.emit("at", name))),
  };
  console.log(`socket.io ${require("socket.io/package.json").version}, Node.js ${process.version}`);
  for (const [how, what] of Object.entries(told)) console.log(`${how.padEnd(32)}: ${what}`);
  const isSo = Object.values(told).join() === ["Ann", "tick", PLAYERS.join(" "), PLAYERS.join(" ")].join();
  console.log(isSo ? "as described: only what comes first in a turn of the loop is sent" : "Socket.IO behaves otherwise now");
  process.exit(isSo ? 0 : 1);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
JS
timeout 60 node positions.js
