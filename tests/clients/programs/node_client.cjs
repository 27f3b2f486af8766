// A client as a game on Node would have one: it logs in, says what it hears, and comes back by itself. Standard output is
// one JSON object per line. Arguments: the library (ws, undici, or node for Node's own), its folder, address, token.
const path = require("node:path");

const [library, folder, address, token] = process.argv.slice(2);
const find = (name) => require(path.join(folder, "node_modules", name));
const WebSocket = library === "node" ? globalThis.WebSocket : library === "ws" ? find("ws") : find("undici").WebSocket;
const say = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);

function connect() {
  const socket = new WebSocket(address);
  let isOpen = false;
  socket.onopen = () => {
    isOpen = true;
    socket.send(JSON.stringify({ type: "handshake", data: { version: "13020", name: "node", token } }));
  };
  socket.onmessage = ({ data }) => say({ message: JSON.parse(data) });
  socket.onerror = () => {
    // undici, and Node's own of it, tell of a connection that was refused by an error and no close.
    if (!isOpen && library !== "ws") setTimeout(connect, 200);
  };
  socket.onclose = ({ code }) => {
    if (isOpen) say({ closed: code });
    if (code >= 4500) process.exit(0);
    if (isOpen || library === "ws") setTimeout(connect, 200);
  };
}

connect();
