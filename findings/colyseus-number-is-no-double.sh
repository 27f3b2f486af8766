#!/usr/bin/env bash
# Guess:    a field of type "number" in Colyseus's state has on the client the value that it has on the server. Both are
#           JavaScript, whose numbers are doubles, and the type is said to choose a width that fits the value.
# Really:   a fraction is sent as a single-precision float where that is less than 0.0001 away, however small or exact the
#           value is meant to be. 0.1 arrives as 0.10000000149011612, 99999.99999 as 100000. Infinity arrives as
#           9007199254740991 and NaN as 0. Whole numbers, and fields of type "float64", arrive as they are.
# Versions: @colyseus/schema 5.0.34, Node.js 20.20.2, 2026-11-29.
# Who:      clients that show, compare or add up what the state says: prices, coordinates, times with a fraction; and
#           prediction that checks whether the server came to the same position.
# Matters:  `state.x === x` is false though nothing went wrong, each prediction counts as missed, and "no limit" becomes
#           a limit of nine quadrillion.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private": true}' >package.json
timeout 90 npm install --no-save --no-fund --no-audit --loglevel=error '@colyseus/schema@5.0.34' >npm.log 2>&1 || {
    echo "not installed, so nothing was tried:" >&2
    tail -n 5 npm.log >&2
    exit 2
}
cat >state.js <<'JS'
"use strict";
const { Decoder, Encoder, schema, t } = require("@colyseus/schema");

const State = schema({ number: t.number(), float64: t.float64() }, "State");

/** What a client has of a value of the server, by the type of the field. */
function received(value) {
  const state = new State();
  Object.assign(state, { number: value, float64: value });
  const client = new State();
  new Decoder(client).decode(new Encoder(state).encodeAll());
  return client;
}

console.log(`@colyseus/schema ${JSON.parse(require("fs").readFileSync("node_modules/@colyseus/schema/package.json")).version}, Node.js ${process.version}`);
const VALUES = [0.5, 8, 1764450000123, 0.1, 52.5200066, 1234.5678, 99999.99999, Infinity, NaN];
let kept = true; // as "float64"
const changed = VALUES.filter((value) => {
  const { number, float64 } = received(value);
  console.log(`${String(value).padStart(14)}: as "number" ${String(number).padEnd(20)} as "float64" ${float64}`);
  kept &&= Object.is(float64, value);
  return !Object.is(number, value);
});
console.log(`changed on the way: ${changed.join(", ")}`);
const isSo = kept && received(0.5).number === 0.5 && received(0.1).number === Math.fround(0.1) && received(99999.99999).number === 100000 && received(Infinity).number === Number.MAX_SAFE_INTEGER && received(NaN).number === 0;
console.log(isSo ? "as described: a number is not what was sent" : "@colyseus/schema behaves otherwise now");
process.exit(isSo ? 0 : 1);
JS
timeout 30 node state.js
