"use strict";
// As the documentation of Colyseus shows its LobbyRoom: game rooms are listed there as they come and go.
const http = require("http");
const { Server, LobbyRoom, Room } = require("@colyseus/core");
const { WebSocketTransport } = require("@colyseus/ws-transport");

class Game extends Room {
  constructor() {
    super();
    this.maxClients = 8;
    this.seatReservationTime = 2; // a room whose host does not come is gone after that
  }
}

const app = http.createServer();
const game = new Server({ transport: new WebSocketTransport({ server: app }), greet: false });
game.define("lobby", LobbyRoom);
game.define("game", Game).enableRealtimeListing();

process.stdin.resume().on("end", () => process.exit(0));
game.listen(0, "127.0.0.1").then(() => console.log(`listening ${app.address().port}`));
