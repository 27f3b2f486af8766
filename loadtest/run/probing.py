"""One look at all that a run needs, before thousands arrive: server, tokens, socket, files. One sentence each."""

from __future__ import annotations

from dataclasses import replace

from loadtest.client import ApiError, ClientError, KeepAliveHttp, LobbyApi, ServerAway, Timing, socket_url
from loadtest.client.http import HttpAnswer, HttpCall
from loadtest.client.sockets.link import OpenFailed, open_websocket
from loadtest.players.locust_http import NOT_FOUND, moved
from loadtest.results.exit_codes import UsageError
from loadtest.run.limits import check_files, raise_file_limit
from loadtest.workload.identities import DealtTokens, MintedTokens, Tokens
from loadtest.workload.inputs import check_host, read_tokens
from loadtest.workload.options import SwarmOptions
from loadtest.workload.plan import SwarmPlan
from loadtest.workload.restart import check_restart

TIMEOUT_S = 5.0


def tokens_of(options: SwarmOptions) -> Tokens | None:
    """Raises `UsageError`."""
    if options.jwt_secret is not None:
        return MintedTokens(options.jwt_secret)
    return DealtTokens(read_tokens(options.tokens_file)) if options.tokens_file is not None else None


def check_limits(options: SwarmOptions, *, users: int, processes: int) -> None:
    """Whether a process may open the sockets of its share of so many users. Raises `UsageError`."""
    sockets = SwarmPlan(options).sockets_of(users)
    check_files(
        sockets=-(-sockets // processes),
        http_connections=min(options.http_connections, -(-users // processes)),
        allowed=raise_file_limit(),
    )


def probe(host: str | None, options: SwarmOptions) -> None:
    """Raises `UsageError`."""
    host = check_host(host)
    tokens = tokens_of(options)
    check_restart(options.load)
    http = _MovedHttp(KeepAliveHttp(host, timeout_s=TIMEOUT_S), options)
    try:
        _probe_api(LobbyApi(http), host, options, None if tokens is None else tokens.token_of(0))
        _probe_socket(host, options)
    finally:
        http.close()


def _probe_api(api: LobbyApi, host: str, options: SwarmOptions, token: str | None) -> None:
    try:
        api.rooms()
        if token is not None:
            api.verify(token)
    except ApiError as error:
        if error.status == NOT_FOUND and token is not None:
            return  # another server, without that call: the handshakes will tell
        if not error.is_about_the_token:
            raise UsageError(f"The server at {host} is not ready: {error.sentence}") from None
        if options.jwt_secret is not None:
            raise UsageError(
                f"The server at {host} does not take tokens signed with --jwt-secret: give its own."
            ) from None
        raise UsageError(
            f"The server at {host} does not take the first token of {options.tokens_file}: mint them with its "
            "secret (the same --data-dir or LOBBY_JWT_SECRET)."
        ) from None
    except ServerAway as error:
        raise UsageError(
            f"No server answers at {host} ({error.why}): start one with lobby-server, or give another --host."
        ) from None
    except ClientError as error:
        raise UsageError(f"What answers at {host} is no lobby server ({error}): give another --host.") from None


def _probe_socket(host: str, options: SwarmOptions) -> None:
    if not SwarmPlan(options).sockets_of(1000):
        return
    try:
        opened = open_websocket(socket_url(host, options.ws_path), Timing(connect_timeout_s=TIMEOUT_S))
    except OpenFailed as failed:
        raise UsageError(
            f"The server at {host} opens no WebSocket ({failed.why}): give its path with --ws-path."
        ) from None
    opened.stream.close()


class _MovedHttp:
    """An `HttpCaller` for a server that has the contract's paths elsewhere."""

    def __init__(self, http: KeepAliveHttp, options: SwarmOptions) -> None:
        self.url = http.url
        self.close = http.close
        self._http = http
        self._paths = options.paths

    def call(self, request: HttpCall) -> HttpAnswer:
        return self._http.call(replace(request, path=moved(request.path, self._paths)))
