#!/usr/bin/env bash
# Guess:    after a loss, `socket.connect(session)` on the same socket of Nakama's JavaScript client is a fresh start: the
#           new connection has a heartbeat of its own.
# Really:   the heartbeat of the lost connection goes on. If a ping was under way when it was lost, the time-out of that
#           ping closes the new connection, which has answered everything. If not, the old heartbeat pings the new connection
#           beside the new one: twice as many pings after the first loss, three times as many after the second.
# Versions: @heroiclabs/nakama-js 2.8.0, with ws 8.23.0 as the WebSocket of Node.js 20.20.2, 2026-11-30. The heartbeat is
#           set to 2 s for the trial (10 s by default), and the server is 20 lines that answer `ping`.
# Who:      games whose `ondisconnect` calls `connect` again; most of all when a server hung before it was started anew, or
#           a network stalled before it broke: then every client has a ping under way.
# Matters:  everybody who came back is lost once more within ten seconds, with "Server unreachable from heartbeat" about a
#           server that is well, and comes back in one more wave. `client.createSocket()` for each connection avoids it.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private": true}' >package.json
timeout 60 npm install --no-save --no-fund --no-audit --loglevel=error '@heroiclabs/nakama-js@2.8.0' 'ws@8.23.0' >npm.log 2>&1 || {
    echo "not installed, so nothing was tried:" >&2
    tail -n 5 npm.log >&2
    exit 2
}
cat >pings.js <<'JS'
"use strict";
const { WebSocket, WebSocketServer } = require("ws");
Object.assign(globalThis, { WebSocket, window: globalThis }); // what the client finds in a browser
const { Client, Session } = require("@heroiclabs/nakama-js");

const HEARTBEAT_MS = 2_000;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A server that answers pings while it does not hang, and counts those of the newest connection. */
async function newServer() {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  const state = { server, hangs: false, pings: 0 };
  server.on("connection", (socket) => {
    state.pings = 0;
    socket.on("message", (text) => {
      const { cid, ping } = JSON.parse(text);
      if (!ping) return;
      state.pings += 1;
      if (!state.hangs) socket.send(JSON.stringify({ cid, pong: {} }));
    });
  });
  await new Promise((resolve) => server.on("listening", resolve));
  return state;
}

function newSession() {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { uid: "7e1f", usn: "ada", exp: Math.floor(Date.now() / 1000) + 3_600 };
  const token = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}.${part("signed")}`;
  return Session.restore(token, token);
}

/** A player who comes back after each loss; `losses` has one entry per loss. */
async function newPlayer(port, { newSocketEachTime = false } = {}) {
  const client = new Client("defaultkey", "127.0.0.1", String(port), false);
  const losses = [];
  let socket = null;
  async function connect() {
    if (!socket || newSocketEachTime) {
      socket = client.createSocket(false, false);
      socket.setHeartbeatTimeoutMs(HEARTBEAT_MS);
      socket.ondisconnect = () => {
        losses.push(Date.now());
        setTimeout(connect, 50);
      };
    }
    await socket.connect(newSession());
  }
  await connect();
  return losses;
}

/** The server hangs, is cut off and is well again: how often players lose the connection, and how long after the first loss. */
async function afterHang(options) {
  const state = await newServer();
  const losses = await newPlayer(state.server.address().port, options);
  await sleep(HEARTBEAT_MS - 400);
  state.hangs = true;
  await sleep(1_200); // the second ping is under way
  state.hangs = false;
  state.server.clients.forEach((socket) => socket.terminate());
  await sleep(2 * HEARTBEAT_MS + 500);
  return losses.map((at) => at - losses[0]);
}

/** Three losses while no ping is under way: how many pings the last connection has in three heartbeats. */
async function pingsAfterLosses(count) {
  const state = await newServer();
  await newPlayer(state.server.address().port);
  for (let loss = 0; loss < count; loss += 1) {
    await sleep(400);
    state.server.clients.forEach((socket) => socket.terminate());
  }
  await sleep(400);
  state.pings = 0;
  await sleep(3 * HEARTBEAT_MS);
  return state.pings;
}

async function main() {
  const version = require("@heroiclabs/nakama-js/package.json").version;
  console.log(`nakama-js ${version}, Node.js ${process.version}, heartbeat ${HEARTBEAT_MS} ms`);
  console.error = () => {}; // the client's "Server unreachable from heartbeat"
  const [same, fresh, none, two] = await Promise.all([
    afterHang(), afterHang({ newSocketEachTime: true }), pingsAfterLosses(0), pingsAfterLosses(2),
  ]);
  console.log(`a hang, a cut, the same socket: lost ${same.length} times, ${same.join(" and ")} ms after the cut`);
  console.log(`a hang, a cut, a new socket   : lost ${fresh.length} time, ${fresh.join(" and ")} ms after the cut`);
  console.log(`pings in three heartbeats: ${none}; after two losses: ${two}`);
  const isSo = same.length === 2 && fresh.length === 1 && two >= 2 * none;
  console.log(isSo ? "as described: the old heartbeat has the new connection" : "nakama-js behaves otherwise now");
  process.exit(isSo ? 0 : 1);
}

main().catch((error) => {
  console.log(error);
  process.exit(1);
});
JS
timeout 40 node pings.js
