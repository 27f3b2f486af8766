#!/usr/bin/env bash
# Guess:    `randomization_factor=0.5` of python-socketio's clients, the default, means "that each delay is randomly adjusted
#           by +/- 50%", as its documentation says and as socket.io-client does.
# Really:   it adds at most half a second either way, whatever the delay is. After a delay of 6 s, clients come back between
#           5.5 s and 6.5 s in place of 3 s and 9 s: in one second in place of six. The factor is a number of seconds.
# Versions: python-socketio 5.18.1 with aiohttp 3.14.5 on CPython 3.11; socket.io-client 4.8.4, and the server socket.io 4.8.4,
#           on Node.js 20.20.2, 2026-11-30.
# Who:      bots and load tests with python-socketio (Locust's SocketIOUser is one), and services that are its clients, with a
#           longer delay than the default of 1 s, which is chosen in order to spare the server.
# Matters:  the longer the delay, the denser the wave that meets a server which has just come up: with 30 s everybody is back
#           within the same second. Have `randomization_factor` be half of `reconnection_delay`, in seconds, not more, for a
#           wait below zero is none. A load test of reconnects with this client is harder on the server than browsers are.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
timeout 60 venv/bin/pip install -q --disable-pip-version-check 'python-socketio==5.18.1' 'aiohttp==3.14.5' >pip.log 2>&1 || {
    echo "not installed, so nothing was tried:" >&2
    tail -n 5 pip.log >&2
    exit 2
}
echo '{"private": true}' >package.json
timeout 60 npm install --no-save --no-fund --no-audit --loglevel=error 'socket.io@4.8.4' 'socket.io-client@4.8.4' >npm.log 2>&1 || {
    echo "not installed, so nothing was tried:" >&2
    tail -n 5 npm.log >&2
    exit 2
}
cat >clients.py <<'PY'
"""So many clients of that server; a line when all are connected, and the end when standard input ends."""

import asyncio
import sys

import socketio

url, count, delay_s = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])


async def main():
    clients = []
    for _ in range(count):
        client = socketio.AsyncClient(reconnection_delay=delay_s, reconnection_delay_max=60, reconnection_attempts=1)
        await client.connect(url, transports=["websocket"])
        clients.append(client)
    print("connected", flush=True)
    await asyncio.to_thread(sys.stdin.read)


asyncio.run(main())
PY
cat >clients.js <<'JS'
// The same with socket.io-client.
const { io } = require("socket.io-client");
const [url, count, delayS] = process.argv.slice(2);
let connected = 0;
for (let number = 0; number < Number(count); number += 1) {
  const options = { transports: ["websocket"], forceNew: true };
  const reconnection = { reconnectionDelay: 1_000 * delayS, reconnectionDelayMax: 60_000, reconnectionAttempts: 1 };
  io(url, { ...options, ...reconnection }).on("connect", () => {
    connected += 1;
    if (connected === Number(count)) console.log("connected");
  });
}
process.stdin.on("end", () => process.exit()).resume();
JS
cat >server.js <<'JS'
// A server on any free port, which it says.
const { Server } = require("socket.io");
const http = require("http").createServer();
new Server(http);
http.listen(0, "127.0.0.1", () => console.log(http.address().port));
JS
cat >waves.js <<'JS'
"use strict";
const { spawn } = require("child_process");
const net = require("net");

const CLIENTS = 40, DELAY_S = 6;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const start = (command, ...args) => spawn(command, args, { stdio: ["pipe", "pipe", "ignore"] });
const firstLine = (child) => new Promise((resolve) => child.stdout.once("data", (text) => resolve(String(text).trim())));

/** Clients lose their server: when each of them tries again, in seconds after the loss, in order. */
async function attempts(...command) {
  const server = start("node", "server.js");
  const port = Number(await firstLine(server));
  const clients = start(...command, `http://127.0.0.1:${port}`, String(CLIENTS), String(DELAY_S));
  await firstLine(clients);
  server.kill("SIGKILL");
  await new Promise((resolve) => server.once("exit", resolve));
  const lost = performance.now();
  const came = [];
  const gate = net.createServer((socket) => {
    came.push((performance.now() - lost) / 1_000);
    socket.on("error", () => {}).once("data", () => socket.end("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
  });
  await new Promise((resolve) => gate.listen(port, "127.0.0.1", resolve));
  while (came.length < CLIENTS && performance.now() - lost < 1_500 * DELAY_S + 6_000) await sleep(50);
  clients.stdin.end();
  gate.close();
  return came;
}

async function main() {
  const version = (name) => require(`./node_modules/${name}/package.json`).version;
  console.log(`socket.io ${version("socket.io")}, socket.io-client ${version("socket.io-client")}, Node.js ${process.version}`);
  const [python, script] = await Promise.all([attempts("venv/bin/python", "clients.py"), attempts("node", "clients.js")]);
  const told = (came) => `${came.length} attempts, ${came[0].toFixed(1)} to ${came.at(-1).toFixed(1)} s after the loss`;
  console.log(`a delay of ${DELAY_S} s and a factor of 0.5, ${CLIENTS} clients that lose the connection together:`);
  console.log(`python-socketio : ${told(python)}`);
  console.log(`socket.io-client: ${told(script)}`);
  const spread = (came) => came.at(-1) - came[0];
  const isSo = python.length === CLIENTS && script.length === CLIENTS && spread(python) < 2 && spread(script) > 3;
  console.log(isSo ? "as described: the factor is half a second, not a half" : "python-socketio behaves otherwise now");
  process.exit(isSo ? 0 : 1);
}

main().catch((error) => {
  console.log(error);
  process.exit(1);
});
JS
venv/bin/pip list --disable-pip-version-check 2>/dev/null | grep -E '^(python-socketio|aiohttp) '
timeout 60 node waves.js
