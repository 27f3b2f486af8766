#!/usr/bin/env bash
# Guess:    with `keepalive 32` in the upstream and the usual recipe for WebSocket, the map of $http_upgrade to "upgrade"
#           or, without one, to "close", nginx reuses its connections to the server for ordinary requests.
# Really:   the recipe's "close" is what nginx sends to the server with each ordinary request. So the server closes, and
#           every request has a TCP connection of its own: `keepalive` is without effect, and nothing says so. With ""
#           in place of "close" in the map, WebSockets work as well and twenty requests share one connection.
# Versions: nginx 1.22.1-9+deb12u11 (Debian 12), CPython 3.11, 2026-11-29.
# Who:      anybody who has WebSockets and an API in one location: both recipes are in every guide, seldom in one.
# Matters:  polling looks more expensive than it is when it is compared with WebSockets, and a busy proxy runs out of
#           ports towards its server.
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
python3 -m venv venv
timeout 40 venv/bin/pip install -q --disable-pip-version-check 'websocket-client==1.9.2' || {
    echo "not installed, so nothing was tried" >&2
    exit 2
}
mkdir logs temp
cat >back.py <<'PY'
"""Answers requests and upgrades, and notes each TCP connection in a file."""

import base64
import hashlib
import http.server


class Back(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        with open("connections", "a") as file:
            file.write("one\n")

    def do_GET(self):
        if self.headers.get("Upgrade") == "websocket":
            key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            self.send_response(101)
            self.send_header("Upgrade", "websocket")
            self.send_header("Connection", "Upgrade")
            self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
            self.end_headers()
            self.wfile.write(b"\x81\x02ok")
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Back)
with open("port", "w") as file:
    file.write(str(server.server_port))
server.serve_forever()
PY
timeout 60 python3 back.py &
pids+=($!)
for _ in $(seq 100); do [ -s port ] && break || sleep 0.1; done
read -r recipe empty < <(python3 - <<'PY'
import socket

sockets = [socket.socket() for _ in range(2)]
for each in sockets:
    each.bind(("127.0.0.1", 0))
print(*(each.getsockname()[1] for each in sockets))
PY
)
temp=$(for kind in client_body proxy fastcgi uwsgi scgi; do printf '%s_temp_path temp/%s;' "$kind" "$kind"; done)
location() { # of the map's variable
    echo "location / {
        proxy_pass http://lobby;
        proxy_http_version 1.1;
        proxy_set_header Upgrade \$http_upgrade;
        proxy_set_header Connection $1;
    }"
}
cat >nginx.conf <<CONF
daemon off;
worker_processes 1;
pid nginx.pid;
error_log logs/error.log;
events {}
http {
    access_log off;
    $temp
    map \$http_upgrade \$by_the_recipe { default upgrade; '' close; }
    map \$http_upgrade \$or_nothing { default upgrade; '' ''; }
    upstream lobby { server 127.0.0.1:$(cat port); keepalive 32; }
    server { listen 127.0.0.1:$recipe; $(location '$by_the_recipe') }
    server { listen 127.0.0.1:$empty; $(location '$or_nothing') }
}
CONF
timeout 60 ./usr/sbin/nginx -p "$folder/" -e logs/error.log -c nginx.conf &
pids+=($!)
for _ in $(seq 100); do curl -s -o /dev/null "http://127.0.0.1:$recipe/" && break || sleep 0.1; done
./usr/sbin/nginx -v 2>&1

used=0
ask() { # 20 requests on one connection to nginx; sets used: to how many connections to the server that led
    local urls=()
    for _ in $(seq 20); do urls+=(-o /dev/null "http://127.0.0.1:$1/"); done
    : >connections
    curl -s -m 20 "${urls[@]}"
    used=$(wc -l <connections)
}
upgraded() {
    venv/bin/python -c "import websocket; print(websocket.create_connection('ws://127.0.0.1:$1/', timeout=5).recv())"
}
ask "$recipe" && by_recipe=$used
ask "$empty" && by_empty=$used
said=$(upgraded "$recipe")/$(upgraded "$empty")
echo "'' close: a WebSocket says ${said%/*}; 20 requests took $by_recipe connections to the server"
echo "'' '':    a WebSocket says ${said#*/}; 20 requests took $by_empty connections to the server"

[ "$said" = ok/ok ] && [ "$by_recipe" -eq 20 ] && [ "$by_empty" -eq 1 ] && echo "as described: the recipe's close ends every connection" || {
    echo "nginx behaves otherwise now" >&2
    exit 1
}
