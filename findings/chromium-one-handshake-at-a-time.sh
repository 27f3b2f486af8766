#!/usr/bin/env bash
# Guess:    a page that opens five WebSockets has all five handshakes under way at once, as it has six HTTP requests. If
#           the server takes 0.3 s to let somebody in, all are open after 0.3 s.
# Really:   Chromium has one handshake at a time under way per address and port (RFC 6455, 4.1, asks for it): in one page,
#           and across all pages, even those of isolated contexts. The others wait in the browser, unseen by the server:
#           the fifth is open after 1.5 s. A client on Node.js (`ws`) opens all in 0.3 s.
# Versions: Chromium 153 (@sparticuz/chromium 153.0.0), playwright-core 1.65.1, ws 8.23.0, Node.js 20.20.2, 2026-11-29.
# Who:      pages with a socket each for lobby, chat and game; players with many tabs; load tests with one browser and a
#           context per player.
# Matters:  one slow upgrade (a token that is checked elsewhere) holds up every other socket to that address, and times
#           "to connect" that are taken in the page grow with the number of sockets, while the server's own stay short.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export TMPDIR=$folder PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1
echo '{"private": true}' >package.json
timeout 100 npm install --no-save --no-fund --no-audit --loglevel=error \
    '@sparticuz/chromium@153.0.0' 'playwright-core@1.65.1' 'ws@8.23.0' >npm.log 2>&1 || {
    echo "not installed, so nothing was tried:" >&2
    tail -n 5 npm.log >&2
    exit 2
}
cat >sockets.mjs <<'JS'
import http from "node:http";
import packed from "@sparticuz/chromium";
import { chromium } from "playwright-core";
import WebSocket, { WebSocketServer } from "ws";

const SOCKETS = 5, UPGRADE_MS = 300;
let waiting = 0, most = 0; // handshakes that the server has got and not yet answered
const sockets = new WebSocketServer({ noServer: true });
const web = http.createServer((_, response) => response.end("<!doctype html><title>Lobby</title>"));
web.on("upgrade", (request, stream, head) => {
  waiting += 1;
  most = Math.max(most, waiting);
  setTimeout(() => {
    waiting -= 1;
    sockets.handleUpgrade(request, stream, head, () => {});
  }, UPGRADE_MS);
});
await new Promise((resolve) => web.listen(0, "127.0.0.1", resolve));
const origin = `127.0.0.1:${web.address().port}`;

/** Milliseconds until each of some sockets, made at once, was open. */
function open(Socket, url, count) {
  const started = performance.now();
  const one = () => new Promise((resolve, reject) => {
    const socket = new Socket(url);
    socket.onopen = () => resolve(Math.round(performance.now() - started));
    socket.onerror = () => reject(new Error("not opened"));
  });
  return Promise.all(Array.from({ length: count }, one));
}

async function measured(openAll) {
  most = 0;
  const times = await openAll();
  return { times: times.sort((a, b) => a - b), most };
}

const url = `ws://${origin}/`;
const browser = await chromium.launch({ executablePath: await packed.executablePath(), args: packed.args, headless: true });
async function newPage() {
  const page = await (await browser.newContext()).newPage();
  await page.goto(`http://${origin}/`);
  return page;
}
const openIn = (page, count) => page.evaluate(`(${open})(WebSocket, "${url}", ${count})`);
const pages = await Promise.all(Array.from({ length: SOCKETS }, newPage));
const seen = {
  "ws on Node.js": await measured(() => open(WebSocket, url, SOCKETS)),
  "one page": await measured(() => openIn(pages[0], SOCKETS)),
  "a page each, in isolated contexts": await measured(async () => (await Promise.all(pages.map((page) => openIn(page, 1)))).flat()),
};
console.log(`Chromium ${browser.version()}, Node.js ${process.version}; the server answers an upgrade after ${UPGRADE_MS} ms`);
for (const [who, { times, most }] of Object.entries(seen)) {
  console.log(`${who.padEnd(33)}: open after ${times.join(", ")} ms; the server had at most ${most} to answer at once`);
}
await browser.close();

const [inNode, ...inChromium] = Object.values(seen);
const isQueue = ({ times, most }) => most === 1 && times.at(-1) >= (SOCKETS - 1) * UPGRADE_MS;
const isSo = inNode.most === SOCKETS && inChromium.every(isQueue);
console.log(isSo ? "as described: the handshakes go one after the other" : "Chromium behaves otherwise now");
process.exit(isSo ? 0 : 1);
JS
timeout 80 node sockets.mjs
