"""The check of a server of another protocol before a run: what its profile says is where the profile says."""

from __future__ import annotations

import msgspec

from loadtest.client import KeepAliveHttp, ServerAway, Timing, socket_url
from loadtest.client.http import HttpCall
from loadtest.client.sockets.link import OpenFailed, open_websocket
from loadtest.results.exit_codes import UsageError
from loadtest.wire.profiles.paths import NotThere
from loadtest.wire.profiles.profile import Profile, Who

TIMEOUT_S = 5.0


def probe_profile(host: str, profile: Profile, *, token: str) -> None:
    """Asks for the list of rooms, where there is one, and for the WebSocket, unless that has to be entered over HTTP.
    Raises `UsageError`."""
    if "rooms" in profile.calls:
        _probe_rooms(host, profile)
    if "enter" in profile.calls:
        return
    path = profile.path_for(Who(name="probe", token=token))
    try:
        opened = open_websocket(socket_url(host, path), Timing(connect_timeout_s=TIMEOUT_S))
    except OpenFailed as failed:
        raise UsageError(
            f"The server at {host} opens no WebSocket at {path} ({failed.why}): give another --host, or another "
            f"[socket] path in the profile {profile.name}."
        ) from None
    opened.stream.close()


def _probe_rooms(host: str, profile: Profile) -> None:
    call, http = profile.calls["rooms"], KeepAliveHttp(host, timeout_s=TIMEOUT_S)
    path = call.path_for({})
    try:
        answer = http.call(HttpCall(method=call.method, path=path, route=path))
    except ServerAway as error:
        raise UsageError(f"No server answers at {host} ({error.why}): start one, or give another --host.") from None
    finally:
        http.close()
    try:
        if answer.status >= 400:
            raise NotThere(f"the answer is {answer.status}")
        profile.rooms_in(msgspec.json.decode(answer.body))
    except (NotThere, msgspec.MsgspecError, UnicodeError) as error:
        raise UsageError(
            f"{call.method} {path} gives no list of rooms ({error}): the answer is {answer.body[:120]!r}; say where "
            f"the list is with [http.rooms] in the profile {profile.name}."
        ) from None
