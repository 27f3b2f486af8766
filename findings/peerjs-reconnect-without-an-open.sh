#!/usr/bin/env bash
# Guess:    `peer.reconnect()` of PeerJS, with the id and the token that it had, ends with `open`: the server answers OPEN to each
#           connection that it takes, and says ID-TAKEN to one that it does not.
# Really:   it answers OPEN only to an id that is new to it. While it has not missed the old connection yet, it takes the new one
#           in its place without a word. What others send arrives there, but the client waits for OPEN before it emits `open`,
#           so that the player is in and is never told.
# Versions: peer 1.0.2 (the server), ws 8.23.0 as the client, Node.js 20.20.2, 2026-11-30. See issue 1289 of peerjs, unconfirmed,
#           and pull request 462 of the server, open. The old connection is one that the client has left and the server still
#           has, as after a change of network; `alive_timeout`, 90 s by default, is set to 3 s.
# Who:      games and lobbies with a PeerServer whose players go from Wi-Fi to mobile, or close and open a laptop.
# Matters:  a player who is back within 90 s waits for ever, and one who is away longer is in at once: the shorter the loss, the
#           worse. In a test that closes the socket in an orderly way all is well. Take the first answer to anything for OPEN,
#           or make a new Peer if `open` has not come after a few seconds.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private": true}' >package.json
timeout 60 npm install --no-save --no-fund --no-audit --loglevel=error 'peer@1.0.2' 'ws@8.23.0' >npm.log 2>&1 || {
    echo "not installed, so nothing was tried:" >&2
    tail -n 5 npm.log >&2
    exit 2
}
cat >back.js <<'JS'
"use strict";
const { createServer } = require("http");
const { readFileSync } = require("fs");
const { ExpressPeerServer } = require("peer");
const express = require("express");
const WebSocket = require("ws");

const ALIVE_MS = 3_000;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function main() {
  const app = express();
  const web = createServer(app);
  app.use("/", ExpressPeerServer(web, { path: "/", alive_timeout: ALIVE_MS }));
  await new Promise((resolve) => web.listen(0, "127.0.0.1", resolve));

  /** A player as peerjs comes; what the server says is in `heard`. */
  async function come(id, token) {
    const socket = new WebSocket(`ws://127.0.0.1:${web.address().port}/peerjs?key=peerjs&id=${id}&token=${token}&version=1.5.4`);
    const heard = [];
    socket.on("message", (data) => heard.push(JSON.parse(data).type));
    await new Promise((resolve) => socket.on("open", resolve));
    const beating = setInterval(() => socket.readyState === 1 && socket.send('{"type":"HEARTBEAT"}'), 1_000);
    await sleep(500);
    return { socket, heard, leave: () => clearInterval(beating) };
  }
  const say = (heard) => heard.join(", ") || "nothing";
  const version = JSON.parse(readFileSync("node_modules/peer/package.json", "utf8")).version;
  console.log(`peer ${version}, Node.js ${process.version}`);

  const first = await come("ann", "token");
  console.log(`Ann comes, and hears: ${say(first.heard)}`);
  first.leave(); // her network is gone, and the server does not know
  const back = await come("ann", "token");
  const bob = await come("bob", "other");
  bob.socket.send(JSON.stringify({ type: "OFFER", dst: "ann", payload: {} }));
  await sleep(2 * ALIVE_MS);
  console.log(`Ann is back before the server has missed her, and hears within ${2 * ALIVE_MS / 1_000} s: ${say(back.heard)} (OFFER is from Bob)`);
  const another = await come("ann", "another token");
  console.log(`somebody comes as Ann with another token, and hears: ${say(another.heard)}`);
  back.leave();
  await sleep(ALIVE_MS + 1_000);
  const later = await come("ann", "token");
  console.log(`Ann is back after the server has missed her, and hears: ${say(later.heard)}`);
  const found = [first, back, another, later].map(({ heard }) => say(heard)).join("; ");
  const isSo = found === "OPEN; OFFER; ID-TAKEN; OPEN";
  console.log(isSo ? "as described: a player who is back too early is let in and not told" : "the server behaves otherwise now");
  process.exit(isSo ? 0 : 1);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
JS
timeout 40 node back.js
