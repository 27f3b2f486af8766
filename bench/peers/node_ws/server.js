"use strict";
// A fan-out with ws as its documentation shows it: a ready string to each client. One broadcast a line on standard input.
const { WebSocketServer } = require("ws");
const text = process.argv[2];

const server = new WebSocketServer({
  host: "127.0.0.1", port: 0, backlog: 4096, perMessageDeflate: false, clientTracking: true,
});
server.on("connection", (client) => client.on("error", () => {}));
server.on("listening", () => console.log(`listening ${server.address().port}`));
process.stdin.on("data", (lines) => {
  for (const byte of lines) {
    if (byte === 10) for (const client of server.clients) client.send(text);
  }
});
process.stdin.on("end", () => process.exit(0));
