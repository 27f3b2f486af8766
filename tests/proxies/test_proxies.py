"""The lobby behind nginx, HAProxy and Caddy, as deploy/ configures them."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
import websocket

from bench.processes.target import Target
from tests.patience import PATIENCE_S
from tests.process.clients import close_code_of, log_lines, token_of, wait_until
from tests.proxies.clients import CLIENT, OTHER_CLIENT, Http2, announce_body, call, connect, masked_text, ping
from tests.proxies.running import DEPLOY, Proxy, running

pytestmark = pytest.mark.system

PROXIES = ("nginx", "haproxy", "caddy")
FLAGS = ["--trusted-proxies", "127.0.0.1", "--log-format", "json"]
MADE_UP = {"X_Forwarded_For": "192.0.2.1", "X_Real_Ip": "192.0.2.2", "Forwarded": "for=192.0.2.3"}


@pytest.fixture(scope="module")
def lobby(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with Target(data_dir=tmp_path_factory.mktemp("lobby"), flags=FLAGS).running() as target:
        yield target


@pytest.fixture(scope="module", params=PROXIES)
def proxy(request: pytest.FixtureRequest, lobby: Target, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with running(request.param, lobby_port=lobby.port, folder=tmp_path_factory.mktemp(request.param)) as started:
        yield started


def lines(target: Target, event: str) -> list[dict[str, Any]]:
    return log_lines(target.log_path, event)


def address_of(target: Target, username: str) -> str:
    """Where the log says that a user came from."""

    def entered() -> list[dict[str, Any]]:
        return [line for line in lines(target, "authenticated") if f"({username!r})" in line["message"]]

    wait_until(entered)
    return str(entered()[-1]["address"])


def test_socket_goes_through_tls_and_the_page_of_this_host_may_open_it(proxy: Proxy, lobby: Target) -> None:
    client = connect(proxy, token_of(lobby, 1, "ann"), origin=proxy.origin)
    ping(client)
    client.close()


def test_page_of_another_host_may_not_open_a_socket(proxy: Proxy) -> None:
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        connect(proxy, origin="https://other.example")
    assert refused.value.status_code == 403


def test_api_is_served_over_http2(proxy: Proxy) -> None:
    with Http2(proxy) as connection:
        answer = connection.get("/api/rooms")
        assert (answer.status, answer.body["count"]) == (200, 0)
        assert answer.headers["etag"]
        assert connection.get("/api/rooms/none").body["code"] == "room_not_found"


def test_server_knows_the_clients_address_whatever_the_client_says(proxy: Proxy, lobby: Target) -> None:
    before = len(lines(lobby, "login_failed"))
    body = {"username": "nobody", "password": "a password"}
    assert call(proxy, "POST", "/api/auth/login", body, **MADE_UP).status == 401
    wait_until(lambda: len(lines(lobby, "login_failed")) > before)
    assert lines(lobby, "login_failed")[-1]["address"] == CLIENT
    name = f"bob_{proxy.name}"
    client = connect(proxy, token_of(lobby, 2, name))
    assert address_of(lobby, name) == CLIENT
    client.close()


def test_body_too_large_is_413_by_the_server_and_far_too_large_by_the_proxy(proxy: Proxy) -> None:
    by_server = call(proxy, "POST", "/api/rooms", b"x" * 100_000)
    assert (by_server.status, by_server.body["code"]) == (413, "payload_too_large")
    by_proxy = announce_body(proxy, "/api/rooms", size_bytes=1_100_000)
    assert by_proxy.status == 413
    assert "application/json" not in by_proxy.headers.get("content-type", "")


def test_metrics_are_not_for_the_world_and_pages_are(proxy: Proxy) -> None:
    assert call(proxy, "GET", "/metrics").status == 403
    assert call(proxy, "GET", "/").headers["content-type"].startswith("text/html")


METRICS = ("/metrics", "/lobby/metrics", "/lobby/metrics?x=1")
"""Where a server below the path /lobby shows them."""
SHORTER = {
    "nginx": {"proxy_read_timeout 120s": "proxy_read_timeout 2s", "proxy_send_timeout 120s": "proxy_send_timeout 2s"},
    "haproxy": {"timeout tunnel 120s": "timeout tunnel 2s", "timeout client 60s": "timeout client 2s"},
}
"""Seconds in place of minutes; Caddy has no such limit."""


@pytest.mark.slow
def test_quiet_socket_is_cut_by_a_proxy_that_is_less_patient_than_the_server(
    lobby: Target, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for name, changes in SHORTER.items():
        with running(name, lobby_port=lobby.port, folder=tmp_path_factory.mktemp(name), changes=changes) as proxy:
            client = connect(proxy, token_of(lobby, 1, "ann"))
            with pytest.raises((websocket.WebSocketConnectionClosedException, OSError)):
                quiet_of(client, for_s=8.0)
            client.shutdown()


@pytest.mark.slow
def test_quiet_socket_outlives_the_proxys_patience_by_the_servers_heartbeat(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with Target(
        data_dir=tmp_path_factory.mktemp("lobby"), flags=[*FLAGS, "--heartbeat-timeout-s", "1.2"]
    ).running() as lobby:
        for name, changes in SHORTER.items():
            folder = tmp_path_factory.mktemp(name)
            with running(name, lobby_port=lobby.port, folder=folder, changes=changes) as proxy:
                client = connect(proxy, token_of(lobby, 1, "ann"))
                client.settimeout(0.5)
                quiet_of(client, for_s=4.0)
                client.settimeout(PATIENCE_S)
                ping(client)
                client.close()


def quiet_of(client: websocket.WebSocket, *, for_s: float) -> None:
    """Say nothing but the pongs that a client's library says by itself."""
    end_s = time.monotonic() + for_s
    while time.monotonic() < end_s:
        try:
            client.recv()
        except websocket.WebSocketTimeoutException:
            continue


def test_haproxy_takes_websocket_over_http2(lobby: Target, tmp_path_factory: pytest.TempPathFactory) -> None:
    with running("haproxy", lobby_port=lobby.port, folder=tmp_path_factory.mktemp("h2")) as proxy, Http2(proxy) as peer:
        stream = peer.open_socket("/ws")
        handshake = {"version": "13020", "name": "P", "token": token_of(lobby, 3, "eve")}
        peer.send(stream, masked_text(json.dumps({"type": "handshake", "data": handshake})))
        assert b"handshake_accepted" in peer.read_until(stream, b'"user_online"')
        peer.send(stream, masked_text('{"type":"ping","data":{}}'))
        peer.read_until(stream, b'"pong"')
        assert peer.get("/api/stats").body["online"] >= 1  # beside it, on the same connection


def test_haproxy_has_each_call_in_its_log_once(lobby: Target, tmp_path_factory: pytest.TempPathFactory) -> None:
    with (
        running("haproxy", lobby_port=lobby.port, folder=tmp_path_factory.mktemp("log")) as proxy,
        Http2(proxy) as peer,
    ):
        for path in ("/api/rooms?the-first", "/api/rooms?the-second"):
            peer.get(path)
        output = proxy.folder / "output"
        wait_until(lambda: "the-second" in output.read_text())
        assert output.read_text().count("the-first") == 1


@pytest.mark.parametrize("name", PROXIES)
def test_reload_of_the_proxy_loses_nobody_for_good(
    name: str, lobby: Target, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """nginx and HAProxy leave open sockets to the old process; Caddy 2.6 closes them, and they come back."""
    with running(name, lobby_port=lobby.port, folder=tmp_path_factory.mktemp(name)) as proxy:
        token = token_of(lobby, 4, "dan")
        client = connect(proxy, token)
        before = proxy.workers()
        proxy.reload()
        if name != "caddy":  # which has one process, and answers when it has reloaded
            wait_until(lambda: proxy.workers() - before)
        wait_until(lambda: comes_in(proxy))
        try:
            ping(client)
            survived = True
        except (websocket.WebSocketException, OSError, json.JSONDecodeError):
            survived = False
            again = connect(proxy, token)
            ping(again)
            again.close()
        client.shutdown()
        assert survived or name == "caddy"


@pytest.mark.parametrize("name", PROXIES)
def test_limit_counts_by_the_address_of_the_client_and_not_of_the_proxy(
    name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    flags = [*FLAGS, "--auth-rate-per-min", "2"]
    with (
        Target(data_dir=tmp_path_factory.mktemp("lobby"), flags=flags).running() as lobby,
        running(name, lobby_port=lobby.port, folder=tmp_path_factory.mktemp(name)) as proxy,
    ):
        calls = [*[(CLIENT, {})] * 3, (CLIENT, MADE_UP), (OTHER_CLIENT, {}), (OTHER_CLIENT, MADE_UP)]
        statuses = [call(proxy, "POST", "/api/auth/login", {}, source=each, **more).status for each, more in calls]
        assert statuses == [400, 400, 429, 429, 400, 400]
        assert {line["address"] for line in lines(lobby, "rate_limited")} == {CLIENT}


@pytest.mark.parametrize("name", PROXIES)
def test_orderly_restart_of_the_server_is_told_through_the_proxy_and_clients_come_back(
    name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    lobby = Target(data_dir=tmp_path_factory.mktemp("lobby"), flags=FLAGS)
    with lobby.running(), running(name, lobby_port=lobby.port, folder=tmp_path_factory.mktemp(name)) as proxy:
        token = token_of(lobby, 5, "fay")
        client = connect(proxy, token)
        os.kill(lobby.pid, signal.SIGTERM)
        assert close_code_of(client) == 1001
        assert lobby.stop() == 0
        lobby.start()
        wait_until(lambda: comes_in(proxy))
        again = connect(proxy, token)
        ping(again)
        again.close()


def comes_in(proxy: Proxy) -> bool:
    try:
        return call(proxy, "GET", "/healthz").status == 200
    except OSError:
        return False


@pytest.mark.parametrize("name", PROXIES)
def test_lobby_below_a_path(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    changes = {"GET /readyz": "GET /lobby/readyz"} if name == "haproxy" else {}
    with (
        Target(data_dir=tmp_path_factory.mktemp("lobby"), flags=[*FLAGS, "--path-prefix", "/lobby"]).running() as lobby,
        running(name, lobby_port=lobby.port, folder=tmp_path_factory.mktemp(name), changes=changes) as proxy,
    ):
        assert call(proxy, "GET", "/lobby").headers["location"] == "/lobby/"
        page = call(proxy, "GET", "/lobby/").raw.decode()
        assert 'src="static/lobby.js"' in page
        assert call(proxy, "GET", "/lobby/static/lobby.js").status == 200
        assert call(proxy, "GET", "/lobby/api/rooms").body["count"] == 0
        assert [call(proxy, "GET", path).status for path in METRICS] == [403] * len(METRICS)
        for path in ("/lobby", "/lobby/", "/lobby/ws"):
            client = connect(proxy, token_of(lobby, 1, "ann"), path=path, origin=proxy.origin)
            ping(client)
            client.close()


def test_nginx_with_the_lobby_at_a_path_among_other_things(tmp_path_factory: pytest.TempPathFactory) -> None:
    with Target(
        data_dir=tmp_path_factory.mktemp("lobby"), flags=[*FLAGS, "--path-prefix", "/lobby"]
    ).running() as lobby:
        at_path = (
            (DEPLOY / "nginx/lobby-at-path.conf").read_text().replace("127.0.0.1:30820", f"127.0.0.1:{lobby.port}")
        )
        changes = {  # a site that limits nothing by itself
            "client_max_body_size 128k": "client_max_body_size 1m",
            "location ~ /metrics$": "location = /of-the-site",
            "    # For operators only, below": at_path + "    # For operators only, below",
        }
        with running("nginx", lobby_port=lobby.port, folder=tmp_path_factory.mktemp("path"), changes=changes) as proxy:
            assert call(proxy, "GET", "/lobby").headers["location"].endswith("/lobby/")
            assert call(proxy, "GET", "/lobby/api/rooms").status == 200
            assert call(proxy, "GET", "/lobby/metrics").status == 403
            too_large = announce_body(proxy, "/lobby/api/rooms", size_bytes=200_000)
            assert (too_large.status, too_large.headers["content-type"]) == (413, "text/html")
            client = connect(proxy, token_of(lobby, 1, "ann"), path="/lobby/ws", origin=proxy.origin)
            ping(client)
            client.close()
            assert address_of(lobby, "ann") == CLIENT


def test_nginx_that_speaks_http_1_0_is_told_which_setting_is_missing(
    lobby: Target, tmp_path_factory: pytest.TempPathFactory
) -> None:
    changes = {"        proxy_http_version 1.1;\n": ""}
    with running("nginx", lobby_port=lobby.port, folder=tmp_path_factory.mktemp("old"), changes=changes) as proxy:
        with pytest.raises(websocket.WebSocketBadStatusException) as refused:
            connect(proxy)
        assert refused.value.status_code == 426
        assert b"proxy_http_version" in (refused.value.resp_body or b"")
        wait_until(lambda: lines(lobby, "upgrade_refused"))
