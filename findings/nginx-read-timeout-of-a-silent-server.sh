#!/usr/bin/env bash
# Guess:    `proxy_read_timeout 3s` ends a WebSocket whose server has sent nothing for three seconds: "the connection will be
#           closed if the proxied server does not transmit any data" within that time, says nginx's page on WebSocket.
# Really:   what the client sends counts as well. As long as it talks more often than every three seconds, a server that is
#           frozen keeps it for ever; with a silent client the same server loses it after three seconds.
# Versions: nginx 1.22.1-9+deb12u11 (Debian 12), CPython 3.11, 2026-11-30.
# Who:      lobbies whose clients send heartbeats or moves, and whose operators count on this time-out to free the players of a
#           server that hangs (a lock, a stopped process, a machine that swaps), so that they come back to another one.
# Matters:  just the active players stay with the dead server, while those who only watch are let go. Have the client give up on
#           a server that answers no heartbeat.
set -euo pipefail

folder=$(mktemp -d)
pids=()
cleanup() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    rm -rf "$folder"
}
trap cleanup EXIT
cd "$folder"
chmod 755 . # for nginx's worker

timeout 30 apt-get download -qq -o APT::Sandbox::User=root nginx=1.22.1-9+deb12u11 >/dev/null || {
    echo "not installed, so nothing was tried" >&2
    exit 2
}
dpkg -x nginx_*.deb .
mkdir logs temp
read -r back front < <(python3 - <<'PY'
import socket

sockets = [socket.socket() for _ in range(2)]
for each in sockets:
    each.bind(("127.0.0.1", 0))
print(*(each.getsockname()[1] for each in sockets))
PY
)
temp=$(for kind in client_body proxy fastcgi uwsgi scgi; do printf '%s_temp_path temp/%s;' "$kind" "$kind"; done)
cat >nginx.conf <<CONF
daemon off;
worker_processes 1;
pid nginx.pid;
error_log logs/error.log;
events {}
http {
    access_log off;
    $temp
    server {
        listen 127.0.0.1:$front;
        location / {
            proxy_pass http://127.0.0.1:$back;
            proxy_http_version 1.1;
            proxy_set_header Upgrade \$http_upgrade;
            proxy_set_header Connection upgrade;
            proxy_read_timeout 3s;
        }
    }
}
CONF
cat >frozen.py <<'PY'
"""A server that lets everybody in and says nothing more, and two clients: one of them talks."""

import base64
import hashlib
import socket
import sys
import threading
import time

SEEN_FOR_S = 15.0
EVERY_S = 1.0
KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
PING = b"\x89\x80\x00\x00\x00\x00"


def serve(listener):
    accept = base64.b64encode(hashlib.sha1(KEY + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    held = []
    while True:
        connection, _ = listener.accept()
        connection.recv(65536)
        connection.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        held.append(connection)  # and it reads no more


def client(port, *, talks):
    """For how long a client is connected, in s; SEEN_FOR_S at most."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=5)
    connection.sendall(
        b"GET / HTTP/1.1\r\nHost: lobby\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + KEY + b"\r\n\r\n"
    )
    if b" 101 " not in connection.recv(4096):
        raise SystemExit("not let in")
    began = time.monotonic()
    connection.settimeout(EVERY_S)
    while time.monotonic() - began < SEEN_FOR_S:
        if talks:
            connection.sendall(PING)
        try:
            if not connection.recv(4096):
                break
        except TimeoutError:
            pass
    return time.monotonic() - began


back, front = map(int, sys.argv[1:])
threading.Thread(target=serve, args=(socket.create_server(("127.0.0.1", back)),), daemon=True).start()
for _ in range(100):
    try:
        socket.create_connection(("127.0.0.1", front)).close()
        break
    except OSError:
        time.sleep(0.1)
lasted = {}
threads = [
    threading.Thread(target=lambda talks=talks: lasted.update({talks: client(front, talks=talks)})) for talks in (False, True)
]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(f"the client that says nothing is let go after {lasted[False]:.1f} s")
print(f"the client that pings each second has {'been let go' if lasted[True] < SEEN_FOR_S else 'a connection still'} after {lasted[True]:.1f} s")
sys.exit(0 if 2.5 < lasted[False] < 8 and lasted[True] >= SEEN_FOR_S else 1)
PY
timeout 60 ./usr/sbin/nginx -p "$folder/" -e logs/error.log -c nginx.conf &
pids+=($!)
./usr/sbin/nginx -v 2>&1
timeout 40 python3 frozen.py "$back" "$front" && echo "as described: what the client sends keeps a silent server" || {
    echo "nginx behaves otherwise now" >&2
    exit 1
}
