#!/usr/bin/env bash
# Guess:    in a Colyseus room `maxMessagesPerSecond = 5` lets a client send two messages per second for ever, and
#           `this.clock.setTimeout(f, 100)` calls f after a tenth of a second, however rarely the state goes out.
# Really:   without a time step of its own the room's clock moves only when a patch is sent. With `patchRate = 5000`, as a
#           turn-based game or a waiting room may have it, a "second" of the limit lasts five: the client is thrown out
#           with its sixth message, by code 4002, and the timer of 100 ms fires after 5,000.
# Versions: @colyseus/core 0.18.17, @colyseus/ws-transport 0.18.4, Node.js 20.20.2, 2026-11-29.
# Who:      anybody who sends the state rarely to save traffic, and limits what clients send.
# Matters:  honest players are disconnected by a limit that they keep, and no log says that the clock stood still. A
#           `setTimestep` with an empty function makes the clock run.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private": true}' >package.json
timeout 90 npm install --no-save --no-fund --no-audit --loglevel=error \
    '@colyseus/core@0.18.17' '@colyseus/ws-transport@0.18.4' >npm.log 2>&1 || {
    echo "not installed, so nothing was tried:" >&2
    tail -n 5 npm.log >&2
    exit 2
}
cat >rooms.js <<'JS'
"use strict";
const http = require("http");
const WebSocket = require("ws");
const { Server, Room } = require("@colyseus/core");
const { WebSocketTransport } = require("@colyseus/ws-transport");

const JOIN = 10, DATA = 13, MESSAGES = 9, EVERY_MS = 500;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const seen = {}; // by the name of the room: messages that arrived, and when the timer of 100 ms fired

class Usual extends Room {
  autoDispose = false; // so that the timer fires, whoever has left
  maxMessagesPerSecond = 5;

  onCreate() {
    const mine = (seen[this.roomName] = { arrived: 0, timerMs: null });
    const started = performance.now();
    this.clock.setTimeout(() => (mine.timerMs = Math.round(performance.now() - started)), 100);
    this.onMessage("move", () => (mine.arrived += 1));
  }
}

class Rare extends Usual {
  patchRate = 5000;
}

class Ticking extends Rare {
  onCreate() {
    super.onCreate();
    this.setTimestep(() => {});
  }
}

async function play(origin, name) {
  const answer = await fetch(`http://${origin}/matchmake/joinOrCreate/${name}`, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: "{}",
  });
  const { error, processId, roomId, sessionId } = await answer.json();
  if (error) throw new Error(error);
  const socket = new WebSocket(`ws://${origin}/${processId}/${roomId}?sessionId=${sessionId}`);
  let code = "open";
  socket.on("close", (told) => (code = told));
  await new Promise((resolve, reject) => {
    socket.on("error", reject).on("message", (frame) => frame[0] === JOIN && resolve());
  });
  socket.send(Buffer.from([JOIN]));
  const move = Buffer.concat([Buffer.from([DATA, 0xa0 + "move".length]), Buffer.from("move")]);
  for (let sent = 0; sent < MESSAGES; sent += 1) {
    if (socket.readyState === WebSocket.OPEN) socket.send(move);
    await sleep(EVERY_MS);
  }
  await sleep(1500);
  const atTheEnd = code;
  socket.terminate();
  return { atTheEnd, ...seen[name] };
}

async function main() {
  const web = http.createServer();
  const game = new Server({ transport: new WebSocketTransport({ server: web }), greet: false });
  game.define("usual", Usual);
  game.define("rare", Rare);
  game.define("ticking", Ticking);
  await game.listen(0, "127.0.0.1");
  const origin = `127.0.0.1:${web.address().port}`;
  console.log(`@colyseus/core ${require("@colyseus/core/package.json").version}, Node.js ${process.version}`);
  console.log(`ticking is rare with an empty time step; at most 5 messages per second are allowed; ${MESSAGES} are sent, one per ${EVERY_MS} ms`);
  const names = ["usual", "rare", "ticking"];
  const told = await Promise.all(names.map((name) => play(origin, name)));
  names.forEach((name, at) => {
    const { arrived, atTheEnd, timerMs } = told[at];
    console.log(`${name.padEnd(7)}: ${arrived} arrived, connection ${atTheEnd}, the timer of 100 ms fired after ${timerMs} ms`);
  });
  const [usual, rare, ticking] = told;
  const runs = ({ arrived, atTheEnd, timerMs }) => arrived === MESSAGES && atTheEnd === "open" && timerMs < 1000;
  const isSo = runs(usual) && runs(ticking) && rare.arrived < MESSAGES && rare.atTheEnd === 4002 && rare.timerMs > 4000;
  console.log(isSo ? "as described: the room's seconds are as long as its patches are apart" : "Colyseus behaves otherwise now");
  process.exit(isSo ? 0 : 1);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
JS
timeout 60 node rooms.js
