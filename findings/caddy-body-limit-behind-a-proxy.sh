#!/usr/bin/env bash
# Guess:    Caddy's `request_body { max_size 1KB }` in front of `reverse_proxy` answers a request with a larger
#           Content-Length with 413 and does not pass it on, as nginx's client_max_body_size does.
# Really:   the limit counts bytes while the body is copied to the upstream. The upstream is called, with the full
#           Content-Length and a body that breaks off; an upstream that answers what it could read says 200. The client
#           gets 502 (or the upstream's own complaint about a body that is too short), and 413 only for a body sent in
#           chunks.
# Versions: Caddy 2.6.2-5 (Debian 12), CPython 3.11, 2026-11-29.
# Who:      anybody who limits bodies at the proxy and counts 5xx as faults of the upstream, or whose upstream acts
#           before it has the whole body.
# Matters:  a client that sends too much raises the alarm for a broken upstream, and reads "try again" instead of "too
#           large".
set -euo pipefail

folder=$(mktemp -d)
pids=()
cleanup() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    rm -rf "$folder"
}
trap cleanup EXIT
cd "$folder"

apt-get download -qq -o APT::Sandbox::User=root caddy=2.6.2-5 >/dev/null
dpkg -x caddy_2.6.2-5_*.deb .
cat >upstream.py <<'PY'
import http.server


class Upstream(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        length = self.headers.get("Content-Length")
        if length is None:
            return
        got = len(self.rfile.read(int(length)))
        with open("called", "a") as file:
            file.write(f"{length} announced, {got} arrived\n")
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        try:
            self.wfile.write(b"ok")
        except OSError:
            pass

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
with open("port", "w") as file:
    file.write(str(server.server_port))
server.serve_forever()
PY
timeout 60 python3 upstream.py 2>/dev/null &
pids+=($!)
for _ in $(seq 100); do [ -s port ] && break || sleep 0.1; done

front=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >Caddyfile <<CADDY
{
	admin off
	auto_https off
}
http://127.0.0.1:$front {
	request_body {
		max_size 1KB
	}
	reverse_proxy 127.0.0.1:$(cat port)
}
CADDY
HOME=$folder XDG_DATA_HOME=$folder XDG_CONFIG_HOME=$folder timeout 60 ./usr/bin/caddy run --config Caddyfile \
    >caddy.log 2>&1 &
pids+=($!)

head -c 500 /dev/zero >small
head -c 5000 /dev/zero >large
post() { curl -s -o /dev/null -m 10 -w '%{http_code}' "$@" "http://127.0.0.1:$front/" || true; }
for _ in $(seq 100); do [ "$(post --data-binary @small)" = 200 ] && break || sleep 0.1; done
rm -f called

echo "Caddy $(./usr/bin/caddy version)"
small=$(post --data-binary @small)
large=$(post --data-binary @large)
chunked=$(post -H 'Transfer-Encoding: chunked' --data-binary @large)
echo "500 bytes: $small; 5,000 bytes: $large; 5,000 bytes in chunks: $chunked"
echo "what the upstream saw of those with a length:"
cat called

[ "$small" = 200 ] && [ "$large" = 502 ] && [ "$chunked" = 413 ] && grep -q '^5000 announced, 1000 arrived$' called &&
    echo "as described: the upstream was called, and the client was not told 413" || {
    echo "Caddy behaves otherwise now" >&2
    exit 1
}
