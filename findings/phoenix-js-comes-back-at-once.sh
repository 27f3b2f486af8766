#!/usr/bin/env bash
# Guess:    phoenix.js backs off from a server that will not have it, up to 5 s, and a close code tells it to stay away:
#           1000 for "done", 1008 for a policy, or one of the application's own.
# Really:   the back-off begins anew with each connection that opens, and no close code ends it. A server that takes the
#           WebSocket, looks at the client and closes, whatever its code, is asked again 10 ms later, for ever: some 80
#           connections per second from one client. Refused at the upgrade, with a 403, the same client backs off.
# Versions: phoenix 1.8.16, ws 8.23.0, Node.js 20.20.2, 2026-11-30.
# Who:      servers that check the token or the number of players in the open socket, or drain behind a balancer that goes
#           on sending them clients; with clients that keep phoenix.js's defaults.
# Matters:  a hundred players with an old token are eight thousand handshakes per second. Refuse at the upgrade, or give
#           the socket a `reconnectAfterMs` that does not begin at 10, and call `disconnect()` from `onClose`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private": true}' >package.json
timeout 60 npm install --no-save --no-fund --no-audit --loglevel=error 'phoenix@1.8.16' 'ws@8.23.0' >npm.log 2>&1 || {
    echo "not installed, so nothing was tried:" >&2
    tail -n 5 npm.log >&2
    exit 2
}
cat >closed.js <<'JS'
"use strict";
const http = require("http");
const { readFileSync } = require("fs");
const { Socket } = require("phoenix");
const WebSocket = require("ws");

const FOR_MS = 2000;

/** How often one client comes within two seconds. `code`: with which it is closed each time; null: refused with a 403. */
async function visits(code) {
  let count = 0;
  const web = http.createServer();
  const server = new WebSocket.WebSocketServer({ noServer: true });
  web.on("upgrade", (request, stream, head) => {
    count += 1;
    if (code === null) stream.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    else server.handleUpgrade(request, stream, head, (socket) => socket.close(code, "not you"));
  });
  await new Promise((resolve) => web.listen(0, "127.0.0.1", resolve));
  const player = new Socket(`ws://127.0.0.1:${web.address().port}/socket`, { transport: WebSocket });
  player.connect();
  await new Promise((resolve) => setTimeout(resolve, FOR_MS));
  player.disconnect();
  web.close();
  return count;
}

async function main() {
  console.log(`phoenix ${JSON.parse(readFileSync("node_modules/phoenix/package.json", "utf8")).version}, Node.js ${process.version}`);
  const closed = [];
  for (const code of [1000, 1008, 4500]) {
    closed.push(await visits(code));
    console.log(`let in and closed with ${code}: comes ${closed.at(-1)} times in ${FOR_MS / 1000} s`);
  }
  const refused = await visits(null);
  console.log(`refused at the upgrade with 403: comes ${refused} times in ${FOR_MS / 1000} s`);
  const isSo = closed.every((count) => count > 40) && refused <= 10;
  console.log(isSo ? "as described: a connection that opens ends the back-off, and no code ends the return" : "phoenix.js behaves otherwise now");
  process.exit(isSo ? 0 : 1);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
JS
timeout 40 node closed.js
