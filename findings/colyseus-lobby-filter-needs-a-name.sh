#!/usr/bin/env bash
# Guess:    a filter of Colyseus's LobbyRoom that has `metadata` alone, `{metadata: {mode: "duel"}}`, lists every room
#           with that metadata. Both fields are optional in its type, and the one with a name alone works.
# Really:   a filter without `name` lists nothing, ever: the missing name is compared with that of the room, and no room
#           has none. The answer is an empty list, as if nobody played.
# Versions: @colyseus/core 0.18.17 (tried here; 0.16.26 did the same), Node.js 20.20.2, 2026-11-29.
# Who:      anybody who lists rooms across several kinds of game, by map, region or mode.
# Matters:  an empty lobby is a plausible answer: one looks for the fault in the server's metadata, not in the filter.
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

const JOIN = 10, DATA = 13;
let origin;

class Game extends Room {
  onCreate({ mode }) {
    this.setMetadata({ mode });
  }
}

/** The rooms that the lobby lists to somebody who joins it with this filter, as "name mode". */
async function listed(filter) {
  const answer = await fetch(`http://${origin}/matchmake/joinOrCreate/lobby`, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ filter }),
  });
  const { processId, roomId, sessionId } = await answer.json();
  const socket = new WebSocket(`ws://${origin}/${processId}/${roomId}?sessionId=${sessionId}`);
  const rooms = await new Promise((resolve, reject) => {
    socket.on("error", reject).on("message", (frame) => {
      if (frame[0] === JOIN) socket.send(Buffer.from([JOIN]));
      if (frame[0] !== DATA) return;
      const end = 2 + frame[1] - 0xa0; // of the name, a text in MessagePack
      if (frame.subarray(2, end).toString() === "rooms") resolve(unpack(frame.subarray(end)));
    });
  });
  socket.terminate();
  return rooms.map((room) => `${room.name} ${room.metadata.mode}`).sort();
}

async function main() {
  const web = http.createServer();
  const game = new Server({ transport: new WebSocketTransport({ server: web }), greet: false });
  game.define("lobby", LobbyRoom);
  game.define("chess", Game).enableRealtimeListing();
  game.define("go", Game).enableRealtimeListing();
  await game.listen(0, "127.0.0.1");
  origin = `127.0.0.1:${web.address().port}`;
  console.log(`@colyseus/core ${require("@colyseus/core/package.json").version}, Node.js ${process.version}`);
  for (const [name, mode] of [["chess", "duel"], ["chess", "team"], ["go", "duel"]]) await matchMaker.createRoom(name, { mode });

  const filters = [undefined, { name: "chess" }, { name: "chess", metadata: { mode: "duel" } }, { metadata: { mode: "duel" } }];
  const told = [];
  for (const filter of filters) {
    told.push((await listed(filter)).join(", "));
    console.log(`${(JSON.stringify(filter) ?? "no filter").padEnd(45)}: ${told.at(-1) || "nothing"}`);
  }
  const isSo = JSON.stringify(told) === JSON.stringify(["chess duel, chess team, go duel", "chess duel, chess team", "chess duel", ""]);
  console.log(isSo ? "as described: without a name the filter lists nothing" : "Colyseus behaves otherwise now");
  process.exit(isSo ? 0 : 1);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
JS
timeout 60 node lobby.js
