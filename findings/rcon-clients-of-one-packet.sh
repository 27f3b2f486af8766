#!/usr/bin/env bash
# Guess:    `await rcon.send("whitelist list")` has the whole answer of the server, as its console would show it.
# Really:   Minecraft and Source servers send an answer in packets of 4,096 bytes at most, all with the id of the request.
#           rcon-client and minecraft-server-util resolve with the first one and drop the rest: no error, no mark, and the cut
#           is in the middle of a name. The longer the list, the more is missing. (rcon of PyPI has it whole.)
# Versions: rcon-client 4.2.5, minecraft-server-util 5.4.4, rcon 2.4.9 (PyPI), Node.js 20.20.2, CPython 3.11, 2026-11-30. The
#           server is 30 lines that send as Minecraft does.
# Who:      whoever has panels, bots and back-ups read lists from a running game server: players, bans, the whitelist, the
#           data of an entity, `cvarlist`.
# Matters:  a job that compares the list with its own acts on what is missing: for it nobody after the 270th name or so is on the
#           whitelist, or banned. An answer whose length is 4,096 is cut; ask for less at a time, or take another client.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
timeout 60 venv/bin/pip install -q --disable-pip-version-check 'rcon==2.4.9' >pip.log 2>&1 || {
    echo "not installed, so nothing was tried:" >&2
    tail -n 5 pip.log >&2
    exit 2
}
echo '{"private": true}' >package.json
timeout 60 npm install --no-save --no-fund --no-audit --loglevel=error \
    'rcon-client@4.2.5' 'minecraft-server-util@5.4.4' >npm.log 2>&1 || {
    echo "not installed, so nothing was tried:" >&2
    tail -n 5 npm.log >&2
    exit 2
}
cat >ask.py <<'PY'
"""Ask the server on that port, and print the answer."""

import sys

from rcon.source import Client

with Client("127.0.0.1", int(sys.argv[1]), passwd="secret", timeout=10) as client:
    print(client.run("whitelist", "list"), end="")
PY
cat >whitelist.js <<'JS'
"use strict";
const { execFile } = require("child_process");
const net = require("net");
const { promisify } = require("util");
const { Rcon } = require("rcon-client");
const { RCON } = require("minecraft-server-util");

const PACKET_BYTES = 4_096, PLAYERS = 600;
const NAMES = Array.from({ length: PLAYERS }, (_, number) => `player_${String(number).padStart(6, "0")}`);
const ANSWER = `There are ${PLAYERS} whitelisted players: ${NAMES.join(", ")}`;

function packet(id, type, text) {
  const body = Buffer.from(text);
  const bytes = Buffer.alloc(14 + body.length);
  bytes.writeInt32LE(10 + body.length, 0);
  bytes.writeInt32LE(id, 4);
  bytes.writeInt32LE(type, 8);
  body.copy(bytes, 12);
  return bytes;
}

/** A server that lets everybody in, and splits its answer as Minecraft does. */
const server = net.createServer((socket) => {
  let kept = Buffer.alloc(0);
  socket.on("error", () => {});
  socket.on("data", (bytes) => {
    kept = Buffer.concat([kept, bytes]);
    while (kept.length >= 4 && kept.length >= 4 + kept.readInt32LE(0)) {
      const id = kept.readInt32LE(4), type = kept.readInt32LE(8);
      kept = kept.subarray(4 + kept.readInt32LE(0));
      if (type === 3) socket.write(packet(id, 2, ""));
      else if (type !== 2) socket.write(packet(id, 0, `Unknown request ${type.toString(16)}`));
      else {
        for (let at = 0; at < ANSWER.length; at += PACKET_BYTES) {
          socket.write(packet(id, 0, ANSWER.slice(at, at + PACKET_BYTES)));
        }
      }
    }
  });
});

async function main() {
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  const answers = {};

  const first = await Rcon.connect({ host: "127.0.0.1", port, password: "secret" });
  answers["rcon-client"] = await first.send("whitelist list");
  await first.end();

  const second = new RCON();
  await second.connect("127.0.0.1", port);
  await second.login("secret");
  answers["minecraft-server-util"] = await second.execute("whitelist list");
  second.close();

  answers["rcon of PyPI"] = (await promisify(execFile)("venv/bin/python", ["ask.py", String(port)])).stdout;

  const version = (name) => require(`./node_modules/${name}/package.json`).version;
  console.log(`rcon-client ${version("rcon-client")}, minecraft-server-util ${version("minecraft-server-util")}, Node.js ${process.version}`);
  console.log(`the answer of the server has ${ANSWER.length} bytes and ${PLAYERS} names`);
  const wholeNames = (answer) => answer.split(": ")[1].split(", ").filter((name) => NAMES.includes(name)).length;
  for (const [name, answer] of Object.entries(answers)) {
    console.log(`${name.padEnd(22)}: ${answer.length} bytes, ${wholeNames(answer)} names, ends with "${answer.slice(-16)}"`);
  }
  const isSo = answers["rcon-client"] === ANSWER.slice(0, PACKET_BYTES)
    && answers["minecraft-server-util"] === ANSWER.slice(0, PACKET_BYTES) && answers["rcon of PyPI"] === ANSWER;
  console.log(isSo ? "as described: an answer ends with its first packet" : "these clients behave otherwise now");
  process.exit(isSo ? 0 : 1);
}

main().catch((error) => {
  console.log(error);
  process.exit(1);
});
JS
venv/bin/pip list --disable-pip-version-check 2>/dev/null | grep '^rcon '
timeout 40 node whitelist.js
