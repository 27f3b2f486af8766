"""Calls of an administrator to the server that runs on the same machine.

A user who can read the secret may do what an administrator may: a token that lives for a minute is signed with it, and
the running server is called over HTTP at the address that its settings name. Nothing but the secret and the address is
shared with it.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from lobby_server.clock import LoopClock
from lobby_server.core.presence import User
from lobby_server.options import environment_name_of
from lobby_server.secret import lacks_secret, new_token_id, secret_path, secrets_of
from lobby_server.service.auth import ADMIN_ROLE, MAX_USER_ID, Tokens
from lobby_server.settings import Settings, SettingsError

TOKEN_TTL_S = 60
TIMEOUT_S = 10.0
_EVERY_INTERFACE = {"0.0.0.0": "127.0.0.1", "::": "::1"}


class LocalCallError(Exception):
    """It did not get through. The text is one sentence that says what to do."""


def post(settings: Settings, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """What the running server answers to a call. Raises `LocalCallError`, `SettingsError`."""
    if not settings.port:
        raise SettingsError("--port is 0: give the one that the server listens on; its first line says which.")
    url = server_url(settings)
    request = urllib.request.Request(
        f"{url}{path}",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {_admin_token(settings)}", "Content-Type": "application/json"},
    )
    # A proxy of the environment has no business between two programs of one machine.
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=_tls_of(settings))
    )
    try:
        with opener.open(request, timeout=TIMEOUT_S) as answer:
            return dict(json.loads(answer.read()))
    except urllib.error.HTTPError as refused:
        with refused:
            raise LocalCallError(_why(url, refused.code, refused.read())) from None
    except (OSError, ValueError, TypeError):
        raise LocalCallError(f"No lobby-server answers at {url}: start it, or give --address and --port.") from None


def server_url(settings: Settings) -> str:
    """Where a server with these settings is called from its own machine."""
    address = _EVERY_INTERFACE.get(settings.addresses[0], settings.addresses[0])
    scheme = "https" if settings.tls_cert else "http"
    return f"{scheme}://{f'[{address}]' if ':' in address else address}:{settings.port}{settings.path_prefix}"


def _admin_token(settings: Settings) -> str:
    is_given = settings.jwt_secret or settings.jwt_secret_file
    if not is_given and lacks_secret(settings.data_dir):  # one made now would be nobody's
        path, variable = secret_path(settings.data_dir), environment_name_of("jwt_secret")
        raise SettingsError(f"{path} does not exist: give the server's --data-dir, or its {variable}.")
    secrets, _ = secrets_of(settings)
    loop = asyncio.new_event_loop()
    tokens = Tokens(*secrets, ttl_s=TOKEN_TTL_S, clock=LoopClock(loop), new_token_id=new_token_id)
    loop.close()
    return tokens.issue(User(MAX_USER_ID, "administrator"), role=ADMIN_ROLE)


def _tls_of(settings: Settings) -> ssl.SSLContext | None:
    """The server's own certificate is the one to be met there; whatever name it is for."""
    if not settings.tls_cert:
        return None
    try:
        context = ssl.create_default_context(cafile=str(Path(settings.tls_cert)))
    except (OSError, ssl.SSLError):
        raise SettingsError(f"{settings.tls_cert} cannot be read: check --tls-cert.") from None
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _why(url: str, status: int, answer: bytes) -> str:
    try:
        problem = json.loads(answer)
        sentence, code = str(problem["error"]), str(problem["code"])
    except (ValueError, KeyError, TypeError):
        return f"What answers at {url} is no lobby-server (status {status}): give --address and --port."
    if code == "invalid_token":
        return f"The server at {url} has another secret: give its --data-dir or {environment_name_of('jwt_secret')}."
    return f"The server at {url} refused: {sentence}"
