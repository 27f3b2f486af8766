#!/usr/bin/env bash
# Guess:    the number of `clients` in the list of Colyseus's LobbyRoom is the number of players in the room, or at least
#           becomes so again: with `enableRealtimeListing()` the lobby hears of every change.
# Really:   a seat counts from the moment it is asked for over HTTP, and nobody tells the lobby when it expires. If a
#           player asks for a seat and never opens the socket (a closed tab, a lost network), the next one who joins
#           makes the lobby tell of both. When the seat expires, after 15 s by default, the matchmaker has the right
#           number again, and the lobby keeps the wrong one on every screen until somebody else comes or goes.
# Versions: @colyseus/core 0.18.17, @colyseus/ws-transport 0.18.4, Node.js 20.20.2, 2026-11-29.
# Who:      anybody who shows players "3 of 4" from the LobbyRoom, or compares its list with the room in a test.
# Matters:  rooms look fuller than they are for as long as they are quiet, and a test that counts players finds one who
#           does not exist.
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
cat >lobby.js <<'JS'
"use strict";
const http = require("http");
const WebSocket = require("ws");
const { Server, LobbyRoom, Room, matchMaker } = require("@colyseus/core");
const { unpack } = require("msgpackr");
const { WebSocketTransport } = require("@colyseus/ws-transport");

const JOIN = 10, DATA = 13, SEAT_S = 2;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
let origin;

class Game extends Room {
  maxClients = 4;
  seatReservationTimeout = SEAT_S; // 15 by default
}

async function seat(call) {
  const answer = await fetch(`http://${origin}/matchmake/${call}`, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: "{}",
  });
  return answer.json();
}

function enter({ processId, roomId, sessionId }, hear = () => {}) {
  const socket = new WebSocket(`ws://${origin}/${processId}/${roomId}?sessionId=${sessionId}`);
  return new Promise((resolve, reject) => {
    socket.on("error", reject).on("message", (frame) => {
      if (frame[0] === JOIN) {
        socket.send(Buffer.from([JOIN]));
        resolve(socket);
      } else if (frame[0] === DATA) {
        const nameLength = frame[1] - 0xa0; // a text in MessagePack
        hear(frame.subarray(2, 2 + nameLength).toString(), unpack(frame.subarray(2 + nameLength)));
      }
    });
  });
}

async function main() {
  const web = http.createServer();
  const game = new Server({ transport: new WebSocketTransport({ server: web }), greet: false });
  game.define("lobby", LobbyRoom);
  game.define("game", Game).enableRealtimeListing();
  await game.listen(0, "127.0.0.1");
  origin = `127.0.0.1:${web.address().port}`;
  console.log(`@colyseus/core ${require("@colyseus/core/package.json").version}, Node.js ${process.version}`);

  const shown = new Map(); // what a screen that follows the lobby shows: clients by room
  await enter(await seat("joinOrCreate/lobby"), (name, data) => {
    if (name === "rooms") data.forEach((room) => shown.set(room.roomId, room.clients));
    if (name === "+") shown.set(data[0], data[1].clients);
    if (name === "-") shown.delete(data);
  });
  const host = await seat("create/game");
  const { roomId } = host;
  await enter(host);
  const truth = async () => ({
    shown: shown.get(roomId),
    counted: (await matchMaker.query({ roomId }))[0].clients,
    present: matchMaker.getLocalRoomById(roomId).clients.length,
  });
  const say = (when, { shown, counted, present }) =>
    console.log(`${when}: the lobby shows ${shown}, the matchmaker counts ${counted}, in the room are ${present}`);

  await sleep(300);
  const alone = await truth();
  say("the host alone", alone);
  await seat(`joinById/${roomId}`); // and never comes
  await sleep(300);
  say("another has asked for a seat", await truth());
  await enter(await seat(`joinById/${roomId}`));
  await sleep(300);
  const before = await truth();
  say("a guest has come", before);
  await sleep((SEAT_S + 2) * 1000);
  const after = await truth();
  say(`${SEAT_S + 2} s later the seat has expired`, after);

  const isSo = alone.shown === 1 && before.shown === 3 && before.present === 2;
  const isKept = after.shown === 3 && after.counted === 2 && after.present === 2;
  console.log(isSo && isKept ? "as described: the lobby keeps a player who never came" : "Colyseus behaves otherwise now");
  process.exit(isSo && isKept ? 0 : 1);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
JS
timeout 60 node lobby.js
