#!/usr/bin/env bash
# Guess:    with `connectionStateRecovery: {maxDisconnectionDuration: …}` a client of Socket.IO that is back within that
#           time has its id, its rooms, and the events that it missed.
# Really:   only if the last event that it heard is younger than that time, too. What was missed is looked for behind that
#           event, and events are forgotten when they are as old as a disconnection may last. Where nothing was sent for
#           some minutes, a loss of half a second loses the rooms and every event in it; so does the first loss of a
#           client that has heard no event yet. `recovered` is false then, and that is all that says so.
# Versions: socket.io 4.8.4, socket.io-client 4.8.4 (in-memory adapter), Node.js 20.20.2, 2026-11-30.
# Who:      lobbies, turn-based games and notifications that send seldom and rely on the recovery.
# Matters:  it works in each test, where events are fresh, and fails in the quiet room of an evening. Send an event of your
#           own, once per minute, to everybody; or fetch the state whenever `recovered` is false.
#
# It takes 75 s, as the adapter looks for what is old once per minute.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private": true}' >package.json
timeout 40 npm install --no-save --no-fund --no-audit --loglevel=error 'socket.io@4.8.4' 'socket.io-client@4.8.4' >npm.log 2>&1 || {
    echo "not installed, so nothing was tried:" >&2
    tail -n 5 npm.log >&2
    exit 2
}
cat >recovery.js <<'JS'
"use strict";
const { Server } = require("socket.io");
const { io: connect } = require("socket.io-client");

const MAY_LAST_MS = 30_000, QUIET_MS = 63_000;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function main() {
  const web = require("http").createServer();
  const io = new Server(web, { connectionStateRecovery: { maxDisconnectionDuration: MAY_LAST_MS } });
  io.on("connection", (socket) => socket.recovered || socket.join("room"));
  await new Promise((resolve) => web.listen(0, "127.0.0.1", resolve));

  async function newPlayer() {
    const socket = connect(`http://127.0.0.1:${web.address().port}`, {
      transports: ["websocket"], forceNew: true, reconnectionDelay: 500, randomizationFactor: 0,
    });
    const heard = [];
    socket.onAny((name) => heard.push(name));
    await new Promise((resolve) => socket.once("connect", resolve));
    await sleep(200);
    return { socket, heard };
  }

  /** What a player has of an event that is sent in a loss of half a second. */
  async function afterLoss({ socket, heard }) {
    heard.length = 0;
    socket.io.engine.close();
    await sleep(200);
    io.to("room").emit("missed");
    await new Promise((resolve) => socket.once("connect", resolve));
    await sleep(300);
    return `${socket.recovered ? "recovered" : "not recovered"}, the event ${heard.includes("missed") ? "came" : "is lost"}`;
  }

  const found = [];
  const tell = (who, what) => console.log(`${who.padEnd(36)}: ${found[found.push(what) - 1]}`);
  console.log(`socket.io ${require("socket.io/package.json").version}, Node.js ${process.version}; a disconnection may last ${MAY_LAST_MS / 1000} s`);
  tell("lost for 0.5 s, heard nothing yet", await afterLoss(await newPlayer()));
  const player = await newPlayer();
  io.to("room").emit("hello");
  await sleep(200);
  tell("lost for 0.5 s, just heard an event", await afterLoss(player));
  await sleep(QUIET_MS);
  tell(`lost for 0.5 s, heard one ${Math.round(QUIET_MS / 1000)} s ago`, await afterLoss(player));
  const lost = "not recovered, the event is lost";
  const isSo = found.join() === [lost, "recovered, the event came", lost].join();
  console.log(isSo ? "as described: recovery depends on the age of what was heard last" : "Socket.IO behaves otherwise now");
  process.exit(isSo ? 0 : 1);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
JS
timeout 78 node recovery.js
