#!/usr/bin/env bash
# Guess:    timesync, which asks a peer for its time five times and takes the mean of the answers that were not slow, is at its
#           best in a network where every round trip takes the same time.
# Really:   there it does nothing. It keeps the answers whose round trip is less than the median plus one standard deviation;
#           when all take the same number of milliseconds the deviation is 0, no round trip is less than the median, and the
#           sync ends without an offset, an error or a `change`. Only the first answer ever is applied at once, so that a test
#           of one sync passes. A clock that is set back by 5 s later is 5 s wrong for as long as round trips are equal. With
#           `repeat: 1` no sync after the first does anything, in any network.
# Versions: timesync 1.0.11, Node.js 20.20.2, 2026-11-30. The network and the clocks are simulated, so that each round trip
#           is what it is said to be; the clock that it uses by default, Date.now(), has whole milliseconds.
# Who:      games that show countdowns, or judge who was first, by a clock shared with `timesync`: most of all on a LAN or on one
#           machine, where five round trips of 0 or 1 ms are usual, and where one tries it out.
# Matters:  the clock of a laptop that slept, or was set by NTP, stays wrong just for the players with the
#           best connections. With a `now` that has fractions, performance.timeOrigin + performance.now(), no two are equal.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private": true}' >package.json
timeout 50 npm install --no-save --no-fund --no-audit --loglevel=error 'timesync@1.0.11' >npm.log 2>&1 || {
    echo "not installed, so nothing was tried:" >&2
    tail -n 5 npm.log >&2
    exit 2
}
cat >clocks.js <<'JS'
"use strict";
const { create } = require("timesync/dist/timesync"); // the build for browsers; the one for Node.js needs a package more

/** By how much a clock is wrong after a sync, and after one more when it was set back by 5 s, in ms. */
async function errors(roundTripsMs, repeat) {
  let now = 1_000_000, clockIsBehind = 3_000, count = 0, changes = 0;
  const sync = create({ peers: "server", interval: null, delay: 1, repeat, now: () => now - clockIsBehind });
  sync.on("change", () => (changes += 1));
  sync.send = async (_, request) => {
    const half = roundTripsMs[count++ % roundTripsMs.length] / 2;
    now += half;
    const answer = now;
    now += half;
    setImmediate(() => sync.receive("server", { jsonrpc: "2.0", id: request.id, result: answer }));
  };
  const wrong = () => Math.round(sync.now() - now);
  await sync.sync();
  const first = wrong();
  clockIsBehind += 5_000;
  await sync.sync();
  return { first, second: wrong(), changes };
}

async function main() {
  console.log(`timesync ${require("timesync/package.json").version}, Node.js ${process.version}`);
  const found = [];
  for (const [roundTripsMs, repeat] of [[[20], 5], [[1], 5], [[20, 21, 23, 20, 22], 5], [[20, 21, 23, 20, 22], 1]]) {
    const { first, second, changes } = await errors(roundTripsMs, repeat);
    found.push(second);
    console.log(`round trips of ${roundTripsMs.join(", ")} ms, repeat: ${repeat}: ${first} ms wrong after a sync; `
      + `the clock is set back by 5 s; ${second} ms wrong after one more (${changes} changes)`);
  }
  const isSo = found[0] === -5_000 && found[1] === -5_000 && Math.abs(found[2]) < 10 && found[3] === -5_000;
  console.log(isSo ? "as described: equal round trips are no answer" : "timesync behaves otherwise now");
  process.exit(isSo ? 0 : 1);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
JS
timeout 20 node clocks.js
