#!/usr/bin/env bash
# Guess:    in bitECS an entity that was just made has no components, and a component that was just added to it is zero.
# Really:   the component has what the last owner of the entity's number left in it: `removeEntity` clears nothing, and
#           `addComponent` clears only if its fourth argument is true, which is false by default. Numbers are not used again
#           before 1 % of the world's size has been removed, 1,000 with the default size. So the first thousand players start
#           with nothing, as in every test, and the next one has the gold of the first who left.
#           (`removeComponent` does clear, by default.)
# Versions: bitecs 0.3.40, the last of the line with `defineComponent`; in 0.4.0, where components are arrays of one's own,
#           the very first number is used again at once, with the same result. Node.js 20.20.2, 2026-11-30.
# Who:      game servers that count on zero: gold, score, cooldowns, a velocity, the target of a shot.
# Matters:  nothing shows it in development, and on a public server it begins after hours, with the leaving of players and
#           bullets, and depends on who left. `addComponent(world, Component, entity, true)` has it right.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private": true}' >package.json
timeout 60 npm install --no-save --no-fund --no-audit --loglevel=error \
    'bitecs@0.3.40' 'bitecs-newer@npm:bitecs@0.4.0' >npm.log 2>&1 || {
    echo "not installed, so nothing was tried:" >&2
    tail -n 5 npm.log >&2
    exit 2
}
cat >inherit.mjs <<'JS'
import { readFileSync } from "node:fs";
import * as newer from "bitecs-newer";
import * as bitecs from "bitecs";

const PLAYERS = 1_500;
const version = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8")).version;

/** Players come and leave, one after the other, and each earns 500: the first who had gold on coming, from 1, and how much. */
function firstHeir({ gold, come, leave }) {
  for (let player = 1; player <= PLAYERS; player += 1) {
    const entity = come();
    if (gold[entity]) return { player, gold: gold[entity] };
    gold[entity] = 500;
    leave(entity);
  }
  return null;
}

/** The same in bitECS 0.3. */
function inOlder(reset) {
  const world = bitecs.createWorld();
  const Purse = bitecs.defineComponent({ gold: bitecs.Types.ui32 });
  return firstHeir({
    gold: Purse.gold,
    come: () => {
      const entity = bitecs.addEntity(world);
      if (reset) bitecs.addComponent(world, Purse, entity, true);
      else bitecs.addComponent(world, Purse, entity);
      return entity;
    },
    leave: (entity) => bitecs.removeEntity(world, entity),
  });
}

/** The same in bitECS 0.4, whose components are whatever one likes: here as its README has them. */
function inNewer() {
  const world = newer.createWorld();
  const Purse = { gold: [] };
  return firstHeir({
    gold: Purse.gold,
    come: () => {
      const entity = newer.addEntity(world);
      newer.addComponent(world, entity, Purse);
      return entity;
    },
    leave: (entity) => newer.removeEntity(world, entity),
  });
}

const [usual, cleared, other] = [inOlder(false), inOlder(true), inNewer()];
const told = (heir) => (heir ? `player ${heir.player} comes with ${heir.gold} gold` : `none of ${PLAYERS} players comes with gold`);
console.log(`bitecs ${version("bitecs")} and ${version("bitecs-newer")}, Node.js ${process.version}; each player earns 500 gold and leaves`);
console.log(`${version("bitecs")}, addComponent(world, Purse, entity)      : ${told(usual)}`);
console.log(`${version("bitecs")}, addComponent(world, Purse, entity, true): ${told(cleared)}`);
console.log(`${version("bitecs-newer")}, addComponent(world, entity, Purse)       : ${told(other)}`);
const isSo = usual?.gold === 500 && usual.player > 1_000 && usual.player < 1_010 && cleared === null && other?.gold === 500;
console.log(isSo ? "as described: a component begins with what the last owner left" : "bitecs behaves otherwise now");
process.exit(isSo ? 0 : 1);
JS
timeout 20 node inherit.mjs
