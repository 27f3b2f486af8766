#!/usr/bin/env bash
# Guess:    `bots` in GameDig's answer are a Source server's bots and `players` are the others: the server says who is what.
# Really:   it says only how many bots there are. GameDig takes that many of the names that have been on the server longest,
#           and calls them bots. Where bots fill up what players leave free, or came with the last change of the map, they
#           are the newest: the two who have played for an hour are `bots`, and two bots are `players`. The README says of
#           `bots` nothing but "same schema as players".
# Versions: gamedig 5.3.3, Node.js 20.20.2, 2026-11-30. The server answers A2S_INFO and A2S_PLAYER as Valve documents them.
# Who:      Discord bots, status pages and statistics of communities whose servers fill up with bots.
# Matters:  lists of who is online, playing times and rewards go to bots, and the regulars, of all people, are left out. The
#           two numbers, `numplayers` and `raw.numbots`, are right; names need RCON's `status`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private": true}' >package.json
timeout 60 npm install --no-save --no-fund --no-audit --loglevel=error 'gamedig@5.3.3' >npm.log 2>&1 || {
    echo "not installed, so nothing was tried:" >&2
    tail -n 5 npm.log >&2
    exit 2
}
cat >query.mjs <<'JS'
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { GameDig } from "gamedig";

const HUMANS = [["ada", 31, 5_400], ["grace", 27, 3_900]]; // name, score, seconds on the server
const BOTS = [["Bot Fred", 4, 120], ["Bot Gary", 2, 95]]; // both came with the map

const string = (text) => Buffer.from(`${text}\0`);
const HEADER = Buffer.from([0xff, 0xff, 0xff, 0xff]);

/** A2S_INFO: four on the server, two of them bots. */
function info(port) {
  const total = HUMANS.length + BOTS.length;
  return Buffer.concat([
    HEADER, Buffer.from([0x49, 17]), string("The regulars"), string("cp_badlands"), string("tf"), string("Team Fortress"),
    Buffer.from([440 & 0xff, 440 >> 8, total, 24, BOTS.length]), Buffer.from("dl"), Buffer.from([0, 1]), string("8622567"),
    Buffer.from([0x80, port & 0xff, port >> 8]),
  ]);
}

/** A2S_PLAYER: a name, a score and a time for each, humans and bots alike. */
function players() {
  const entries = [...HUMANS, ...BOTS].map(([name, score, seconds]) => {
    const numbers = Buffer.alloc(8);
    numbers.writeInt32LE(score, 0);
    numbers.writeFloatLE(seconds, 4);
    return Buffer.concat([Buffer.from([0]), string(name), numbers]);
  });
  return Buffer.concat([HEADER, Buffer.from([0x44, entries.length]), ...entries]);
}

const server = createSocket("udp4");
server.on("message", (request, { port, address }) => {
  const reply = { 0x54: () => info(server.address().port), 0x55: players }[request[4]];
  if (reply) server.send(reply(), port, address);
});
server.bind(0, "127.0.0.1");
await once(server, "listening");
const where = { host: "127.0.0.1", port: server.address().port, givenPortOnly: true };
const state = await GameDig.query({ type: "teamfortress2", ...where });
server.close();

const names = (list) => list.map(({ name }) => name).sort();
const version = JSON.parse(readFileSync("node_modules/gamedig/package.json", "utf8")).version;
console.log(`gamedig ${version}, Node.js ${process.version}`);
console.log(`on the server: ${HUMANS.map(([name, , s]) => `${name} for ${s / 60} min`).join(", ")}, and two bots for two minutes`);
console.log(`numplayers ${state.numplayers}, raw.numbots ${state.raw.numbots}`);
console.log(`players: ${names(state.players).join(", ")}`);
console.log(`bots   : ${names(state.bots).join(", ")}`);
const isSo = names(state.bots).join() === "ada,grace" && names(state.players).join() === "Bot Fred,Bot Gary"
  && state.numplayers === 4 && state.raw.numbots === 2;
console.log(isSo ? "as described: who has been there longest is a bot" : "gamedig behaves otherwise now");
process.exit(isSo ? 0 : 1);
JS
timeout 30 node query.mjs
