"use strict";
// Rooms over HTTP, everything else as events of Socket.IO. With MUTE=1 it accepts players and tells nobody of anything.
const http = require("http");
const { Server } = require("socket.io");

const mute = process.env.MUTE === "1";
const rooms = new Map();
let lastRoom = 0;

const server = http.createServer((request, response) => {
  const answer = (status, body) => {
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(body));
  };
  const id = decodeURIComponent((request.url.match(/^\/rooms\/(.+)$/) || [])[1] || "");
  if (request.method === "GET" && request.url === "/rooms") return answer(200, [...rooms.values()]);
  if (request.method === "POST" && request.url === "/rooms") {
    let text = "";
    request.on("data", (chunk) => (text += chunk));
    request.on("end", () => {
      const room = { id: `room-${++lastRoom}`, title: JSON.parse(text).title };
      rooms.set(room.id, room);
      tell("rooms changed", { count: rooms.size });
      answer(201, { room });
    });
    return;
  }
  if (request.method === "DELETE" && rooms.delete(id)) {
    tell("rooms changed", { count: rooms.size });
    return answer(200, {});
  }
  answer(404, { error: "there is nothing" });
});

const io = new Server(server, { pingInterval: 1000 });
function tell(name, data) {
  if (!mute) io.emit(name, data);
}

io.on("connection", (socket) => {
  socket.on("join", ({ name }) => {
    socket.data.name = name;
    socket.emit("joined", { user: name });
    tell("user joined", { user: name });
  });
  socket.on("join room", ({ id }) => {
    if (!rooms.has(id)) return socket.emit("refused", { reason: "there is no such room" });
    socket.data.room = id;
    socket.join(id);
    socket.emit("room joined", { id });
  });
  socket.on("leave room", () => socket.leave(socket.data.room));
  socket.on("say", ({ text }) => io.to(socket.data.room).emit("message", { from: socket.data.name, text }));
  socket.on("disconnect", () => {
    if (socket.data.name) tell("user left", { user: socket.data.name });
  });
});

process.stdin.resume().on("end", () => process.exit(0));
server.listen(0, "127.0.0.1", () => console.log(`listening ${server.address().port}`));
