"""Clients on the far side of a proxy: HTTP/1.1, HTTP/2, and WebSocket over both (RFC 8441)."""

from __future__ import annotations

import http.client
import json
import socket
import time
from dataclasses import dataclass
from typing import Any

import h2.config
import h2.connection
import h2.events
import h2.settings
import websocket

from tests.patience import PATIENCE_S
from tests.proxies.running import Proxy

CLIENT = "127.0.0.5"
"""Where the clients of the tests are; the proxy itself is at 127.0.0.1."""
OTHER_CLIENT = "127.0.0.6"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


def call(proxy: Proxy, method: str, path: str, body: Any = None, *, source: str = CLIENT, **headers: str) -> Answer:
    """One call over HTTP/1.1 from the address `source`; header names with _ for -."""
    raw = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    connection = http.client.HTTPSConnection(
        "localhost", proxy.port, timeout=PATIENCE_S, context=proxy.tls(), source_address=(source, 0)
    )
    try:
        connection.request(method, path, raw, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def announce_body(proxy: Proxy, path: str, *, size_bytes: int) -> Answer:
    """The answer to a body of that size, of which only the beginning is sent."""
    connection = http.client.HTTPSConnection("localhost", proxy.port, timeout=PATIENCE_S, context=proxy.tls())
    try:
        connection.putrequest("POST", path)
        connection.putheader("Content-Length", str(size_bytes))
        connection.endheaders(b"x" * 1000)
        answer = connection.getresponse()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def connect(
    proxy: Proxy, token: str | None = None, *, path: str = "/ws", origin: str | None = None
) -> websocket.WebSocket:
    """A socket; with a token its handshake is accepted."""
    bare = socket.create_connection(("127.0.0.1", proxy.port), PATIENCE_S, source_address=(CLIENT, 0))
    client = websocket.create_connection(
        f"wss://localhost:{proxy.port}{path}",
        timeout=PATIENCE_S,
        socket=proxy.tls().wrap_socket(bare, server_hostname="localhost"),
        origin=origin,
        suppress_origin=origin is None,
    )
    if token is not None:
        client.send(json.dumps({"type": "handshake", "data": {"version": "13020", "name": "P", "token": token}}))
        assert json.loads(client.recv())["type"] == "handshake_accepted"
    return client


def ping(client: websocket.WebSocket) -> None:
    """There and back, whatever comes in between."""
    client.send('{"type":"ping","data":{}}')
    while json.loads(client.recv())["type"] != "pong":
        pass


class Http2:
    """One HTTP/2 connection; one request at a time."""

    def __init__(self, proxy: Proxy) -> None:
        bare = socket.create_connection(("127.0.0.1", proxy.port), PATIENCE_S, source_address=(CLIENT, 0))
        self.socket = proxy.tls("h2").wrap_socket(bare, server_hostname="localhost")
        assert self.socket.selected_alpn_protocol() == "h2"
        self.authority = f"localhost:{proxy.port}"
        self.state = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.state.initiate_connection()
        self._flush()

    def __enter__(self) -> Http2:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def get(self, path: str) -> Answer:
        stream = self._request([(":method", "GET"), (":path", path)], end_stream=True)
        headers: dict[str, str] = {}
        raw = b""
        while True:
            for event in self.events():
                if getattr(event, "stream_id", None) != stream:
                    continue
                if isinstance(event, h2.events.ResponseReceived):
                    headers = dict(event.headers)
                elif isinstance(event, h2.events.DataReceived):
                    raw += event.data
                elif isinstance(event, h2.events.StreamEnded):
                    return Answer(int(headers[":status"]), headers, raw)

    def open_socket(self, path: str) -> int:
        """An extended CONNECT; the stream whose data are frames from now on."""
        while not self.state.remote_settings.get(h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL, 0):
            list(self.events())
        stream = self._request(
            [(":method", "CONNECT"), (":protocol", "websocket"), (":path", path), ("sec-websocket-version", "13")],
            end_stream=False,
        )
        while True:
            for event in self.events():
                if isinstance(event, h2.events.ResponseReceived) and event.stream_id == stream:
                    assert dict(event.headers)[":status"] == "200"
                    return stream

    def send(self, stream: int, data: bytes) -> None:
        self.state.send_data(stream, data)
        self._flush()

    def read_until(self, stream: int, wanted: bytes) -> bytes:
        """Data of a stream until that text is in it."""
        deadline_s, raw = time.monotonic() + PATIENCE_S, b""
        while wanted not in raw:
            assert time.monotonic() < deadline_s, raw
            for event in self.events():
                if isinstance(event, h2.events.DataReceived) and event.stream_id == stream:
                    raw += event.data
        return raw

    def events(self) -> list[h2.events.Event]:
        data = self.socket.recv(65536)
        assert data, "the connection is over"
        found = self.state.receive_data(data)
        for event in found:
            if isinstance(event, h2.events.DataReceived):
                self.state.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        self._flush()
        return list(found)

    # -- private --------------------------------------------------------------------------------------------------

    def _request(self, headers: list[tuple[str, str]], *, end_stream: bool) -> int:
        stream = self.state.get_next_available_stream_id()
        fields = [headers[0], *headers[1:], (":scheme", "https"), (":authority", self.authority)]
        fields.sort(key=lambda each: not each[0].startswith(":"))
        self.state.send_headers(stream, fields, end_stream=end_stream)
        self._flush()
        return stream

    def _flush(self) -> None:
        if data := self.state.data_to_send():
            self.socket.sendall(data)


def masked_text(text: str) -> bytes:
    """A frame of a client (RFC 6455 section 5.2), with the mask of zeros."""
    raw = text.encode()
    size = bytes((0x80 | len(raw),)) if len(raw) < 126 else bytes((0x80 | 126,)) + len(raw).to_bytes(2, "big")
    return b"\x81" + size + b"\0\0\0\0" + raw
