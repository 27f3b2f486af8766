"use strict";
// The server that the specification describes, as a Node.js author would write it: Express for the rooms, ws for the events,
// broadcastToAll to everyone connected. A line on standard input stands for one change of the rooms.
const fs = require("fs");
const http = require("http");
const express = require("express");
const jwt = require("jsonwebtoken");
const { WebSocketServer, WebSocket } = require("ws");

const secret = process.env.PEER_SECRET || "";
const rooms = process.argv[2] ? JSON.parse(fs.readFileSync(process.argv[2], "utf8")) : { count: 0, rooms: [] };

const app = express();
app.get("/api/rooms", (request, response) => response.json(rooms));

const server = http.createServer(app);
const sockets = new WebSocketServer({ server });

function send(client, type, data) {
  client.send(JSON.stringify({ type, data }));
}

function broadcastToAll(type, data) {
  const text = JSON.stringify({ type, data });
  for (const client of sockets.clients) if (client.readyState === WebSocket.OPEN) client.send(text);
}

function verifyToken(token) {
  try {
    return jwt.verify(token, secret, { algorithms: ["HS256"] });
  } catch {
    return null;
  }
}

sockets.on("connection", (client) => {
  const session = { isAuthenticated: false };
  client.on("error", () => {});
  client.on("message", (raw) => {
    const { type, data } = JSON.parse(raw);
    switch (type) {
      case "handshake": {
        const user = verifyToken(data.token);
        if (!user) return send(client, "error", { reason: "invalid_token" });
        Object.assign(session, { userId: user.userId, name: user.username, isAuthenticated: true });
        broadcastToAll("user_online", { user_id: session.userId, username: session.name });
        return send(client, "handshake_accepted", { peer_id: 0, user_id: session.userId, username: session.name });
      }
      case "ping":
        return send(client, "pong", { ts: Date.now() });
    }
  });
  client.on("close", () => {
    if (session.isAuthenticated) broadcastToAll("user_offline", { user_id: session.userId, username: session.name });
  });
});

process.stdin.on("data", (lines) => {
  for (const byte of lines) if (byte === 10) broadcastToAll("rooms_changed", {});
});
process.stdin.on("end", () => process.exit(0));
server.listen({ host: "127.0.0.1", port: 0, backlog: 4096 }, () => console.log(`listening ${server.address().port}`));
