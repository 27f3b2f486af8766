"""The check of a server of another protocol before a run: what its profile says is where the profile says."""

from __future__ import annotations

from typing import Any

import msgspec

from loadtest.client import KeepAliveHttp, ServerAway, Timing, socket_url
from loadtest.client.http import HttpAnswer, HttpCall
from loadtest.client.sockets.link import OpenFailed, open_websocket
from loadtest.results.exit_codes import UsageError
from loadtest.wire.profiles.paths import NotThere, filled
from loadtest.wire.profiles.profile import Call, Profile, Who

TIMEOUT_S = 5.0


def probe_profile(host: str, profile: Profile, *, token: str) -> None:
    """Asks for the list of rooms, where there is one, and enters as a player would: the call before the socket, where
    there is one, and the socket. Raises `UsageError`."""
    who = Who(name="probe", token=token)
    if "rooms" in profile.calls:
        _probe_rooms(host, profile, who)
    entered = _enter(host, profile, who) if "enter" in profile.calls else None
    path = profile.path_for(who, entered)
    try:
        opened = open_websocket(socket_url(host, path), Timing(connect_timeout_s=TIMEOUT_S))
    except OpenFailed as failed:
        raise UsageError(
            f"The server at {host} opens no WebSocket at {path} ({failed.why}): give another --host, or another "
            f"[socket] path in the profile {profile.name}."
        ) from None
    opened.stream.close()


def _probe_rooms(host: str, profile: Profile, who: Who) -> None:
    call = profile.calls["rooms"]
    answer = _call(host, call, who)
    try:
        if answer.status >= 400:
            raise NotThere(f"the answer is {answer.status}")
        profile.rooms_in(msgspec.json.decode(answer.body))
    except (NotThere, msgspec.MsgspecError, UnicodeError) as error:
        raise UsageError(
            f"{_name_of(call, who)} gives no list of rooms ({error}): the answer is {answer.body[:120]!r}; say where "
            f"the list is with [http.rooms] in the profile {profile.name}."
        ) from None


def _enter(host: str, profile: Profile, who: Who) -> Any:
    """The answer, which has what the path of the socket needs."""
    call = profile.calls["enter"]
    answer = _call(host, call, who)
    try:
        if answer.status >= 400:
            raise NotThere(f"the answer is {answer.status}")
        entered = msgspec.json.decode(answer.body)
        profile.path_for(who, entered)
    except (NotThere, msgspec.MsgspecError, UnicodeError) as error:
        raise UsageError(
            f"{_name_of(call, who)} does not let a player in ({error}): the answer is {answer.body[:300]!r}; say what "
            f"to ask, and where in the answer the parts of the path are, with [http.enter] in the profile "
            f"{profile.name}."
        ) from None
    return entered


def _call(host: str, call: Call, who: Who) -> HttpAnswer:
    http, values = KeepAliveHttp(host, timeout_s=TIMEOUT_S), who.values()
    path, headers = call.path_for(values), call.headers_for(values)
    body = None
    if call.body is not None:
        body, headers = msgspec.json.encode(filled(call.body, values)), {"content-type": "application/json", **headers}
    try:
        return http.call(HttpCall(method=call.method, path=path, route=path, headers=headers, body=body))
    except ServerAway as error:
        raise UsageError(f"No server answers at {host} ({error.why}): start one, or give another --host.") from None
    finally:
        http.close()


def _name_of(call: Call, who: Who) -> str:
    return f"{call.method} {call.path_for(who.values())}"
