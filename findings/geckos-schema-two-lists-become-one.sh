#!/usr/bin/env bash
# Guess:    with @geckos.io/typed-array-buffer-schema a schema of a player may stand in two places, `red: [player]` and
#           `blue: [player]`, and each list comes out of `fromBuffer` as it went into `toBuffer`.
# Really:   both come out as one list with the players of both: everybody is in both teams. With one player each, both lists
#           have the player of the last team by name, and the other's is nowhere. What is read is kept by schema, not by
#           place. And an empty list comes out as no property at all, `undefined`. There is no error in either.
# Versions: @geckos.io/typed-array-buffer-schema 1.2.1, Node.js 20.20.2, 2026-11-30. The README does not exclude it.
# Who:      games that send snapshots in binary with geckos.io: teams, positions and velocities of one `vector` schema, lists
#           that are empty at the start of a match.
# Matters:  each single list works, so that a test with one team passes. Give each place a schema of its own: the same fields
#           under another name are enough; and write `state.red ?? []`, for it is undefined when the last of red is gone.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private": true}' >package.json
timeout 60 npm install --no-save --no-fund --no-audit --loglevel=error '@geckos.io/typed-array-buffer-schema@1.2.1' >npm.log 2>&1 || {
    echo "not installed, so nothing was tried:" >&2
    tail -n 5 npm.log >&2
    exit 2
}
cat >teams.js <<'JS'
"use strict";
const { readFileSync } = require("fs");
const { BufferSchema, Model, uint8 } = require("@geckos.io/typed-array-buffer-schema");

const fields = { id: uint8, hp: uint8 };
const player = BufferSchema.schema("player", fields);
const shared = new Model(BufferSchema.schema("shared", { red: [player], blue: [player] }));
const apart = new Model(BufferSchema.schema("apart", {
  red: [BufferSchema.schema("red", fields)], blue: [BufferSchema.schema("blue", fields)],
}));

const team = (...ids) => ids.map((id) => ({ id, hp: 100 }));
const ids = (players) => (players ? players.map(({ id }) => id).sort().join(" ") || "nobody" : String(players));

/** Who is in which team for the client: "red 1 2, blue 3". */
function seen(model, state) {
  const { red, blue } = model.fromBuffer(model.toBuffer(state));
  return `red ${ids(red)}, blue ${ids(blue)}`;
}

const { version } = JSON.parse(readFileSync("node_modules/@geckos.io/typed-array-buffer-schema/package.json", "utf8"));
console.log(`typed-array-buffer-schema ${version}, Node.js ${process.version}`);
const sent = [{ red: team(1, 2), blue: team(3, 4) }, { red: team(1), blue: team(2) }, { red: [], blue: team(3, 4) }];
const results = sent.map((state) => {
  const result = { shared: seen(shared, state), apart: seen(apart, state) };
  console.log(`sent red ${ids(state.red)}, blue ${ids(state.blue)}`);
  console.log(`  one schema in both places: ${result.shared}`);
  console.log(`  a schema for each         : ${result.apart}`);
  return result;
});
const isSo = results[0].shared === "red 1 2 3 4, blue 1 2 3 4" && results[0].apart === "red 1 2, blue 3 4"
  && results[1].shared === "red 1, blue 1" && results[1].apart === "red 1, blue 2"
  && results[2].shared === "red 3 4, blue 3 4" && results[2].apart === "red undefined, blue 3 4";
console.log(isSo ? "as described: two lists of one schema become one" : "typed-array-buffer-schema behaves otherwise now");
process.exit(isSo ? 0 : 1);
JS
timeout 20 node teams.js
