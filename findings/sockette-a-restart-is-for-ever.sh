#!/usr/bin/env bash
# Guess:    Sockette, which "will automatically reconnect if the connection is lost", comes back after a restart of the server;
#           its README says that an attempt is queued unless the code is 1000 or 1005.
# Really:   it stays away after 1001 as well, "going away", which is what servers say that shut down; and after 1005, which a
#           plain `close()` of the `ws` package is. It comes back after 1012, and after a crash, which is 1006. `onmaximum`
#           is not called; `onclose` is, as it is before an attempt too.
# Versions: sockette 2.0.6; its WebSocket, and the second server, are ws 8.23.0 on Node.js 20.20.2; the first server is
#           websockets 16.0 on CPython 3.11, 2026-11-30.
# Who:      pages with Sockette and any server that shuts down in good order: `close()` of a server of Python's websockets
#           says 1001 to everybody; many others are told to say it by their own shutdown hook.
# Matters:  a rolling restart, done with care, empties the lobby for good: everybody has to reload the page, while a kill -9
#           has them all back after a second. Close with 1012, "service restart".
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
timeout 60 venv/bin/pip install -q --disable-pip-version-check 'websockets==16.0' >pip.log 2>&1 || {
    echo "not installed, so nothing was tried:" >&2
    tail -n 5 pip.log >&2
    exit 2
}
echo '{"private": true}' >package.json
timeout 60 npm install --no-save --no-fund --no-audit --loglevel=error 'sockette@2.0.6' 'ws@8.23.0' >npm.log 2>&1 || {
    echo "not installed, so nothing was tried:" >&2
    tail -n 5 npm.log >&2
    exit 2
}
cat >server.py <<'PY'
"""A server that says its port, and shuts down in good order when its standard input ends."""

import asyncio
import sys

from websockets.asyncio.server import serve


async def main():
    async with serve(lambda socket: socket.wait_closed(), "127.0.0.1", int(sys.argv[1])) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.to_thread(sys.stdin.read)


asyncio.run(main())
PY
cat >restarts.js <<'JS'
"use strict";
const { spawn } = require("child_process");
const { WebSocket, WebSocketServer } = require("ws");
globalThis.WebSocket = WebSocket; // what Sockette finds in a browser
const Sockette = require("sockette");

const RETRY_MS = 200;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Python's websockets on that port; `stop()` shuts it down in good order, `kill()` does not. */
async function pythonServer(port) {
  const child = spawn("venv/bin/python", ["server.py", String(port)], { stdio: ["pipe", "pipe", "inherit"] });
  const bound = await new Promise((resolve) => child.stdout.once("data", (text) => resolve(Number(text))));
  const ended = new Promise((resolve) => child.once("exit", resolve));
  return {
    port: bound,
    stop: () => { child.stdin.end(); return ended; },
    kill: () => { child.kill("SIGKILL"); return ended; },
  };
}

/** The package ws on that port; `stop()` closes each socket with `args`, then the server. */
async function nodeServer(port, args) {
  const server = new WebSocketServer({ host: "127.0.0.1", port });
  await new Promise((resolve) => server.once("listening", resolve));
  return {
    port: server.address().port,
    stop: () => {
      server.clients.forEach((socket) => socket.close(...args));
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A player sees a restart that ends with `how`: the code that it got, and whether it was back within three seconds. */
async function afterRestart(newServer, how) {
  const first = await newServer(0);
  const seen = { opens: 0, codes: [], maximum: 0 };
  const socket = new Sockette(`ws://127.0.0.1:${first.port}`, {
    timeout: RETRY_MS,
    onopen: () => { seen.opens += 1; },
    onclose: (event) => seen.codes.push(event.code),
    onmaximum: () => { seen.maximum += 1; },
  });
  while (!seen.opens) await sleep(20);
  await first[how]();
  const second = await newServer(first.port);
  const deadline = Date.now() + 3_000;
  while (seen.opens < 2 && Date.now() < deadline) await sleep(20);
  const back = seen.opens > 1;
  if (back) socket.close();
  await sleep(50);
  await second.stop();
  return { code: seen.codes[0], back, maximum: seen.maximum };
}

async function main() {
  const cases = [
    ["Python's websockets, shut down", pythonServer, "stop"],
    ["ws, close()", (port) => nodeServer(port, []), "stop"],
    ["ws, close(1012)", (port) => nodeServer(port, [1012]), "stop"],
    ["Python's websockets, kill -9", pythonServer, "kill"],
  ];
  const version = (name) => require(`./node_modules/${name}/package.json`).version;
  console.log(`sockette ${version("sockette")}, ws ${version("ws")}, Node.js ${process.version}, attempts after ${RETRY_MS} ms`);
  const results = [];
  for (const [name, newServer, how] of cases) {
    const result = await afterRestart(newServer, how);
    results.push(result);
    console.log(`${name.padEnd(30)}: code ${result.code}, ${result.back ? "back" : "away for good"}`);
  }
  const [shut, plain, restart, killed] = results;
  const isSo = shut.code === 1001 && !shut.back && plain.code === 1005 && !plain.back && shut.maximum + plain.maximum === 0
    && restart.code === 1012 && restart.back && killed.code === 1006 && killed.back;
  console.log(isSo ? "as described: only a restart in good order loses the players" : "sockette behaves otherwise now");
  process.exit(isSo ? 0 : 1);
}

main().catch((error) => {
  console.log(error);
  process.exit(1);
});
JS
venv/bin/python -c "import websockets; print('websockets', websockets.__version__)"
timeout 40 node restarts.js
