#!/usr/bin/env bash
# Guess:    when the SDK server of Agones, the sidecar, is restarted, a game server that calls `health()` every two seconds
#           is heard again as soon as the channel is back, as its other calls are; if not, `errorCallback` says so, which is
#           documented to receive "an error whenever emitted from the health check stream".
# Really:   the Node.js SDK opens one stream at the first `health()` and keeps it for ever. When the sidecar goes, the stream
#           ends, its error is ignored, and every later `health()` is written into the dead stream: no error, no callback, no
#           ping. `ready()`, `getGameServer()` and the rest work again at once, so that all looks well.
# Versions: @google-cloud/agones-sdk 1.61.0, @grpc/grpc-js 1.14.4, Node.js 20.20.2, 2026-11-30. The sidecar is the package's
#           own service definition, served on the loopback interface.
# Who:      game servers in Node.js under Agones whose sidecar is restarted while they run: out of memory, its own liveness
#           probe, a lost Kubernetes API.
# Matters:  with the usual period of 5 s and threshold of 3, the new sidecar calls the server Unhealthy 15 s after its initial
#           delay, and the pod is deleted with the match in it, though the log has no error. A new `AgonesSDK` pings again:
#           have the game server make one when `watchGameServer` tells its own `errorCallback`, which it does.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private": true}' >package.json
timeout 60 npm install --no-save --no-fund --no-audit --loglevel=error \
    '@google-cloud/agones-sdk@1.61.0' '@grpc/grpc-js@1.14.4' >npm.log 2>&1 || {
    echo "not installed, so nothing was tried:" >&2
    tail -n 5 npm.log >&2
    exit 2
}
cat >restart.js <<'JS'
"use strict";
const grpc = require("@grpc/grpc-js");
const AgonesSDK = require("@google-cloud/agones-sdk");
const definition = require("@google-cloud/agones-sdk/lib/sdk_grpc_pb");
const { Empty, GameServer } = require("@google-cloud/agones-sdk/lib/sdk_pb");

const EVERY_MS = 100;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const heard = { streams: 0, pings: 0 };

/** A sidecar that counts health pings and answers what the game server asks; port 0 is any that is free. */
function newSidecar(port) {
  const sidecar = new grpc.Server();
  const answer = (message) => (call, done) => done(null, message);
  sidecar.addService(grpc.loadPackageDefinition(definition).agones.dev.sdk.SDK.service, {
    health(call, done) {
      heard.streams += 1;
      call.on("data", () => { heard.pings += 1; });
      call.on("end", () => done(null, new Empty()));
      call.on("error", () => {});
    },
    watchGameServer: (call) => call.write(new GameServer()),
    ready: answer(new Empty()), getGameServer: answer(new GameServer()),
  });
  return new Promise((resolve, reject) => {
    sidecar.bindAsync(`localhost:${port}`, grpc.ServerCredentials.createInsecure(), (error, bound) => {
      if (error) reject(error);
      else resolve({ sidecar, port: bound });
    });
  });
}

/** How many pings were heard in the next two seconds. */
async function pingsHeard() {
  heard.pings = heard.streams = 0;
  await sleep(2_000);
  return heard.pings;
}

async function main() {
  const { sidecar, port } = await newSidecar(0);
  process.env.AGONES_SDK_GRPC_PORT = String(port);
  let sdk = new AgonesSDK();
  const told = { health: 0, watch: 0 };
  const attempts = { begun: 0 };
  await sdk.connect();
  await sdk.ready();
  sdk.watchGameServer(() => {}, () => { told.watch += 1; });
  const beat = setInterval(() => {
    attempts.begun += 1;
    try {
      sdk.health(() => { told.health += 1; });
    } catch {
      told.health += 1;
    }
  }, EVERY_MS);

  const before = await pingsHeard();
  sidecar.forceShutdown();
  await sleep(300);
  await newSidecar(port);
  const deadline = Date.now() + 20_000;
  while (!(await sdk.getGameServer().then(() => true, () => false)) && Date.now() < deadline) await sleep(100);
  const answered = await sdk.getGameServer().then(() => "is answered", (error) => error.message);
  attempts.begun = 0;
  const after = await pingsHeard();
  const { begun } = attempts;
  sdk = new AgonesSDK();
  await sdk.connect();
  const renewed = await pingsHeard();
  clearInterval(beat);

  const version = (name) => require(`${name}/package.json`).version;
  console.log(`agones-sdk ${version("@google-cloud/agones-sdk")}, grpc-js ${version("@grpc/grpc-js")}, Node.js ${process.version}`);
  console.log(`health() each ${EVERY_MS} ms: ${before} pings heard in 2 s`);
  console.log(`after a restart of the sidecar: getGameServer() ${answered}, health() called ${begun} times, ${after} pings heard`);
  console.log(`errors that health() told: ${told.health}, that watchGameServer() told: ${told.watch}`);
  console.log(`with a new AgonesSDK: ${renewed} pings heard in 2 s`);
  const isSo = before > 5 && answered === "is answered" && begun > 5 && after === 0 && told.health === 0
    && told.watch > 0 && renewed > 5;
  console.log(isSo ? "as described: health pings end with the sidecar, and nobody is told" : "agones-sdk behaves otherwise now");
  process.exit(isSo ? 0 : 1);
}

main().catch((error) => {
  console.log(error);
  process.exit(1);
});
JS
timeout 45 node restart.js
