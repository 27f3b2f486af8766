#!/usr/bin/env bash
# Guess:    a lobby of boardgame.io that asks `listMatches(game, {updatedAfter: time of the last answer})` gets the matches
#           in which something has changed: made, joined, left, renamed, played.
# Really:   only making a match and a move in it set `updatedAt`. To join, to leave and to change a player's name or data
#           do not, so that the question never finds them. The match itself, asked for by its id, has the new player.
# Versions: boardgame.io 0.50.2, Node.js 20.20.2, 2026-11-29.
# Who:      anybody who polls for changes in place of the whole list, or sweeps by `updatedBefore` what nobody uses.
# Matters:  seats that are taken look free until the first move; and a match that fills slowly looks abandoned.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
# The deprecated koa-compose 4.2.0 takes no middleware after the start, and the lobby's would be missing.
echo '{"private": true, "overrides": {"koa-compose": "4.1.0"}}' >package.json
timeout 100 npm install --no-save --no-fund --no-audit --ignore-scripts --omit=optional --loglevel=error \
    'boardgame.io@0.50.2' >npm.log 2>&1 || {
    echo "not installed, so nothing was tried:" >&2
    tail -n 5 npm.log >&2
    exit 2
}
cat >lobby.js <<'JS'
"use strict";
const { Client, LobbyClient } = require("boardgame.io/client");
const { SocketIO } = require("boardgame.io/multiplayer");
const { Origins, Server } = require("boardgame.io/server");

const game = { name: "duel", setup: () => ({ moves: 0 }), moves: { pass: ({ G }) => ({ moves: G.moves + 1 }) } };
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function main() {
  console.info = console.log = () => {}; // what the server says
  const say = (text) => process.stdout.write(`${text}\n`);
  const server = Server({ games: [game], origins: [Origins.LOCALHOST] });
  const { appServer } = await server.run({ port: { host: "127.0.0.1", port: 0 } });
  const url = `http://127.0.0.1:${appServer.address().port}`;
  const lobby = new LobbyClient({ server: url });
  say(`boardgame.io ${require("boardgame.io/package.json").version}, Node.js ${process.version}`);

  const { matchID } = await lobby.createMatch("duel", { numPlayers: 2 });
  const found = []; // by each question: matches that have changed since the question before
  let asked = 0;
  async function ask(what) {
    await sleep(100);
    const { matches } = await lobby.listMatches("duel", { updatedAfter: asked });
    asked = Date.now();
    await sleep(100);
    const { players } = await lobby.getMatch("duel", matchID);
    found.push(matches.length);
    say(`${what.padEnd(17)}: ${matches.length} changed; the match itself has ${players.map(({ name }) => name ?? "a free seat").join(" and ")}`);
  }
  const join = (playerID, playerName) => lobby.joinMatch("duel", matchID, { playerID, playerName });

  await ask("made");
  const { playerCredentials } = await join("0", "Ann");
  await ask("Ann has joined");
  const bob = await join("1", "Bob");
  await ask("Bob has joined");
  await lobby.updatePlayer("duel", matchID, { playerID: "0", credentials: playerCredentials, newName: "Anna" });
  await ask("Ann is now Anna");
  await lobby.leaveMatch("duel", matchID, { playerID: "1", credentials: bob.playerCredentials });
  await ask("Bob has left");
  const player = Client({ game, matchID, playerID: "0", credentials: playerCredentials, multiplayer: SocketIO({ server: url }), debug: false });
  player.start();
  for (let tries = 0; tries < 50 && !player.getState(); tries += 1) await sleep(100);
  player.moves.pass();
  await ask("Anna has moved");

  const isSo = found.join() === "1,0,0,0,0,1";
  say(isSo ? "as described: only a new match and a move are updates" : "boardgame.io behaves otherwise now");
  process.exit(isSo ? 0 : 1);
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
JS
NODE_ENV=production timeout 60 node lobby.js
