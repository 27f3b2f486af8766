// A load generator as one writes it by hand: players that shake hands, count what they hear, note when, and send
// heartbeats. node client.js WS_URL TOKEN_FILE HEARTBEAT_S PLAYERS_PER_S FEATURES
//
// It prints "connected N" when all have been accepted. With its standard input, or with SIGINT, it ends, with "heard N"
// and the count, p50 and p99 in ms of what it timed.

"use strict";

const fs = require("fs");
const WebSocket = require("ws");

const [url, tokenFile, heartbeatS, playersPerS, features] = process.argv.slice(2);
const tokens = fs.readFileSync(tokenFile, "utf8").split("\n").filter(Boolean);
const heartbeatMs = Number(heartbeatS) * 1000;
let accepted = 0;
let heard = 0;
const times = new Map();

function note(kind, ms) {
  let series = times.get(kind);
  if (series === undefined) times.set(kind, (series = []));
  series.push(ms);
}

function play(token, number) {
  const began = performance.now();
  const socket = new WebSocket(url, { perMessageDeflate: false });
  let pinged = 0;
  let timer = null;
  socket.on("open", () => {
    note("upgrade", performance.now() - began);
    const data = { version: "13020", name: `player ${number}`, token };
    if (features) data.features = features.split(",");
    socket.send(JSON.stringify({ type: "handshake", data }));
  });
  socket.on("message", (bytes) => {
    const message = JSON.parse(bytes);
    if (message.type === "handshake_accepted") {
      accepted += 1;
      const ping = () => {
        pinged = performance.now();
        socket.send('{"type":"ping","data":{}}');
      };
      timer = setTimeout(() => {
        ping();
        timer = setInterval(ping, heartbeatMs);
      }, Math.random() * heartbeatMs);
      if (accepted === tokens.length) console.log(`connected ${accepted}`);
    } else if (message.type === "pong") {
      note("heartbeat", performance.now() - pinged);
    } else {
      heard += 1;
      note(message.type, performance.now());
    }
  });
  socket.on("close", () => clearTimeout(timer));
  socket.on("error", (error) => console.error(String(error)));
}

let next = 0;
const start = performance.now();
function more() {
  const due = Math.min(tokens.length, Math.ceil(((performance.now() - start) / 1000) * Number(playersPerS)));
  while (next < due) play(tokens[next], next++);
  if (next < tokens.length) setTimeout(more, 5);
}
more();

function percentile(sorted, q) {
  return sorted[Math.max(0, Math.ceil((q / 100) * sorted.length) - 1)];
}

function end() {
  console.log(`heard ${heard}`);
  const figures = {};
  for (const kind of ["upgrade", "heartbeat"]) {
    const sorted = Float64Array.from(times.get(kind) ?? []).sort();
    if (sorted.length) figures[kind] = [sorted.length, percentile(sorted, 50), percentile(sorted, 99)];
  }
  console.log(`times ${JSON.stringify(figures)}`);
  process.exit(0);
}

process.stdin.resume();
process.stdin.on("end", end);
process.on("SIGINT", end);
