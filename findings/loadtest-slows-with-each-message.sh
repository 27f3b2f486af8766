#!/usr/bin/env bash
# Guess:    `loadtest -c 1 ws://…` asks a steady server at a steady rate: a run of 25,000 requests has the requests per second
#           of a run of 2,000.
# Really:   with each request loadtest adds three listeners to the connection and never takes one off, and each message of the
#           server calls all of them. The client needs more time per request the longer it runs, and soon more than the
#           server: the last thousand take several times as long as the first.
# Versions: loadtest 8.2.1, with websocket 1.0.35; the server is ws 8.23.0, Node.js 20.20.2, 2026-11-30.
# Who:      anybody who measures a WebSocket server with it for longer than seconds per connection. Node.js warns of
#           "11 message listeners" once per kind, and names no consequence.
# Matters:  it looks just like a server that leaks: the rate falls with the hour, and a restart of the test heals it. A
#           comparison of two servers is one of two lengths of runs. Many connections for a short time each suffer less.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private": true}' >package.json
timeout 60 npm install --no-save --no-fund --no-audit --loglevel=error 'loadtest@8.2.1' 'ws@8.23.0' >npm.log 2>&1 || {
    echo "not installed, so nothing was tried:" >&2
    tail -n 5 npm.log >&2
    exit 2
}
cat >steady.js <<'JS'
"use strict";
const { execFile } = require("child_process");
const { readFileSync } = require("fs");
const { promisify } = require("util");
const { WebSocketServer } = require("ws");

const SHORT = 2_000, LONG = 25_000, STEP = 1_000;
const version = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8")).version;

/** How much CPU time the process has had, in ms: that does not depend on what else runs. Linux counts in 10 ms. */
function cpuMs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

async function main() {
  let count = 0, stamps = [], loadtest = null;
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  server.on("connection", (socket) => socket.on("message", () => {
    if (count % STEP === 0) stamps.push(cpuMs(loadtest.pid));
    count += 1;
    socket.send('{"ok": true}');
  }));
  await new Promise((resolve) => server.once("listening", resolve));

  /** A run of loadtest: its requests per second, and what CPU time it needed for each thousand, in ms. */
  async function run(requests) {
    count = 0;
    stamps = [];
    const args = ["node_modules/.bin/loadtest", "-n", requests, "-c", 1, "--cores", 1, `ws://127.0.0.1:${server.address().port}`];
    const done = promisify(execFile)("node", args.map(String));
    loadtest = done.child;
    const { stdout } = await done;
    const perSecond = Number(/Effective rps:\s+(\d+)/.exec(stdout)[1]);
    return { perSecond, thousands: stamps.slice(1).map((at, number) => at - stamps[number]) };
  }

  console.log(`loadtest ${version("loadtest")}, websocket ${version("websocket")}, ws ${version("ws")}, Node.js ${process.version}`);
  const long = await run(LONG);
  const after = await run(SHORT);
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const first = mean(long.thousands.slice(2, 7)), last = mean(long.thousands.slice(-5));
  console.log(`${LONG} requests over one connection, ${long.perSecond} per second; CPU time of loadtest per thousand:`);
  console.log(`${first.toFixed(0)} ms for the 3rd to 7th thousand, ${last.toFixed(0)} ms for the last five`);
  console.log(`a new run of ${SHORT} with the same server: ${mean(after.thousands).toFixed(0)} ms, ${after.perSecond} per second`);
  const isSo = last > 3 * first && last > 3 * mean(after.thousands);
  console.log(isSo ? "as described: loadtest slows itself with each message" : "loadtest behaves otherwise now");
  process.exit(isSo ? 0 : 1);
}

main().catch((error) => {
  console.log(error);
  process.exit(1);
});
JS
timeout 100 node steady.js
