#!/usr/bin/env bash
# Guess:    Hypercorn with `websocket_ping_interval` closes a WebSocket whose client answers no ping any more, as uvicorn and
#           others do with theirs.
# Really:   it only sends pings, and does not look for answers. A client that is frozen (a phone asleep, a process stopped)
#           while its machine still confirms TCP stays connected for as long as there is room in the socket buffers, and the
#           application hears nothing. There is no setting for a time-out.
# Versions: Hypercorn 0.18.0 (wsproto 1.3.2), uvicorn 0.54.0 (websockets 17.4) beside it, CPython 3.11, 2026-11-30.
# Who:      lobbies and chats on Quart, FastAPI or Starlette that go from one ASGI server to another.
# Matters:  players who are long gone stay online, and hold their seats. Ask for a message of your own from each client.
set -euo pipefail

folder=$(mktemp -d)
pids=()
cleanup() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    rm -rf "$folder"
}
trap cleanup EXIT
cd "$folder"
python3 -m venv venv
timeout 70 venv/bin/pip install -q --disable-pip-version-check 'hypercorn==0.18.0' 'wsproto==1.3.2' 'uvicorn==0.54.0' 'websockets==17.4' || {
    echo "not installed, so nothing was tried" >&2
    exit 2
}
cat >lobby.py <<'PY'
"""An ASGI application that takes WebSockets and waits for them to end."""


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            event = (await receive())["type"]
            await send({"type": f"{event}.complete"})
            if event == "lifespan.shutdown":
                return
    await receive()
    await send({"type": "websocket.accept"})
    while (await receive())["type"] != "websocket.disconnect":
        pass
PY
cat >silent.py <<'PY'
"""A client that takes what comes and answers nothing, for 15 s: how many pings it had, and whether it was closed."""

import socket
import sys
import time

PING, CLOSE = 0x89, 0x88
for _ in range(100):
    try:
        connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=1)
        break
    except OSError:
        time.sleep(0.1)
connection.sendall(
    b"GET / HTTP/1.1\r\nHost: lobby\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
received = b""
began = time.monotonic()
ended = ""
while not ended and time.monotonic() - began < 15:
    try:
        data = connection.recv(4096)
    except TimeoutError:
        continue
    received += data
    frames = received.partition(b"\r\n\r\n")[2]
    if not data or bytes([CLOSE]) in frames:
        ended = f"closed after {time.monotonic() - began:.0f} s"
print(frames.count(bytes([PING])), ended or "still open after 15 s", sep=" pings, ")
PY
read -r first second < <(python3 - <<'PY'
import socket

sockets = [socket.socket() for _ in range(2)]
for each in sockets:
    each.bind(("127.0.0.1", 0))
print(*(each.getsockname()[1] for each in sockets))
PY
)
timeout 60 venv/bin/hypercorn --websocket-ping-interval 1 --bind "127.0.0.1:$first" lobby:app >hypercorn.log 2>&1 &
pids+=($!)
timeout 60 venv/bin/uvicorn --ws websockets --ws-ping-interval 1 --ws-ping-timeout 2 --port "$second" lobby:app >uvicorn.log 2>&1 &
pids+=($!)
timeout 40 python3 silent.py "$first" >by_hypercorn &
timeout 40 python3 silent.py "$second" >by_uvicorn
wait $!
venv/bin/python -c "from importlib.metadata import version as v; print('Hypercorn', v('hypercorn') + ', uvicorn', v('uvicorn'))"
echo "a client that answers no ping, Hypercorn: $(cat by_hypercorn)"
echo "a client that answers no ping, uvicorn:   $(cat by_uvicorn)"
grep -q '^1[0-9] pings, still open' by_hypercorn && grep -q 'closed after' by_uvicorn &&
    echo "as described: Hypercorn pings and does not listen" || {
    echo "a server behaves otherwise now" >&2
    exit 1
}
