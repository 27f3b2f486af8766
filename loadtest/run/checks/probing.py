"""Checks before a run starts: server, tokens, socket, open files. Each failure is one sentence."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from http import HTTPStatus

from loadtest.client import (
    ApiError,
    ClientError,
    KeepAliveHttp,
    LobbyApi,
    ServerAway,
    ServerTimers,
    Timing,
    UnexpectedAnswer,
    socket_url,
)
from loadtest.client.http import HttpAnswer, HttpCall
from loadtest.client.sockets.link import OpenFailed, open_websocket
from loadtest.players.locust_http import moved
from loadtest.results.exit_codes import UsageError
from loadtest.run.checks.file_limits import check_files, raise_file_limit
from loadtest.run.checks.profile_probe import probe_profile
from loadtest.workload.faults import check_faults
from loadtest.workload.identities import DealtTokens, MintedTokens, Tokens
from loadtest.workload.inputs import check_hosts, read_tokens
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
    """Whether there are tokens for so many users, and a process may open the sockets of its share. Raises
    `UsageError`."""
    check_tokens(options, users=users)
    sockets = SwarmPlan(options).sockets_of(users)
    check_files(
        sockets=-(-sockets // processes),
        http_connections=min(options.http_connections, -(-users // processes)),
        allowed=raise_file_limit(),
    )


def check_tokens(options: SwarmOptions, *, users: int) -> None:
    """Whether each of so many users has a token of its own. Raises `UsageError`."""
    tokens = tokens_of(options)
    if not isinstance(tokens, DealtTokens):
        return
    needed = SwarmPlan(options).tokens_for(users)
    if needed > len(tokens):
        raise UsageError(
            f"--tokens: {options.tokens_file} holds {len(tokens):,} tokens and {needed:,} players need one each: mint "
            f"more (lobby-server mint-tokens --count {needed}), or start fewer players."
        )


def probe(host: str | None, options: SwarmOptions) -> None:
    """Every node has to answer. Raises `UsageError`."""
    hosts = check_hosts(host)
    tokens = tokens_of(options)
    check_restart(options.load)
    check_faults(options.faults)
    for each in hosts:
        if options.profile is not None:
            probe_profile(each, options.profile, token="" if tokens is None else tokens.token_of(0))
            continue
        http = _MovedHttp(KeepAliveHttp(each, timeout_s=TIMEOUT_S), options)
        try:
            _probe_api(LobbyApi(http), each, options, None if tokens is None else tokens.token_of(0))
            _probe_socket(each, options)
        finally:
            http.close()


def timers_of(host: str | None, options: SwarmOptions) -> ServerTimers:
    """The timers that the server publishes; the protocol's defaults where it publishes none."""
    if not host or options.profile is not None:
        return ServerTimers()
    http = _MovedHttp(KeepAliveHttp(check_hosts(host)[0], timeout_s=TIMEOUT_S), options)
    try:
        return LobbyApi(http).server_timers()
    except ClientError:
        return ServerTimers()
    finally:
        http.close()


def online_before(host: str | None, options: SwarmOptions, *, users: int) -> int:
    """How many of the first so many players' users are online already; 0 where nobody tells."""
    tokens = tokens_of(options)
    if tokens is None or not host or options.profile is not None:
        return 0
    http = _MovedHttp(KeepAliveHttp(check_hosts(host)[0], timeout_s=TIMEOUT_S), options)
    try:
        online = LobbyApi(http).online_users(tokens.token_of(0))
    except ClientError:
        return 0
    finally:
        http.close()
    return len(tokens.user_ids(users) & {user.user_id for user in online})


def _probe_api(api: LobbyApi, host: str, options: SwarmOptions, token: str | None) -> None:
    """What the base protocol promises over HTTP is the list of rooms. Where the token can be verified, it is."""
    try:
        api.rooms()
    except ApiError as error:
        if error.status == HTTPStatus.NOT_FOUND:
            raise UsageError(
                f"The server at {host} has no list of rooms ({error.sentence}): give the path below which it serves "
                "with --host, or that of the list with --paths."
            ) from None
        raise UsageError(f"The server at {host} is not ready: {error.sentence}") from None
    except ServerAway as error:
        raise UsageError(
            f"No server answers at {host} ({error.why}): start one with lobby-server, or give another --host."
        ) from None
    except ClientError as error:
        raise UsageError(f"What answers at {host} is no lobby server ({error}): give another --host.") from None
    if token is None:
        return
    with contextlib.suppress(UnexpectedAnswer, ServerAway):  # without that call; a handshake tells, too
        try:
            api.verify(token)
        except ApiError as error:
            if error.is_about_the_token:
                raise _refused_token(host, options) from None


def _refused_token(host: str, options: SwarmOptions) -> UsageError:
    if options.jwt_secret is not None:
        return UsageError(f"The server at {host} does not take tokens signed with --jwt-secret: give its own.")
    return UsageError(
        f"The server at {host} does not take the first token of {options.tokens_file}: mint them with its "
        "secret (the same --data-dir or LOBBY_JWT_SECRET)."
    )


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
