"""The way in: from a URL to a log, in the words of the one who starts a node.

The client library of Valkey is an extra, and 8 MiB of memory: it is loaded here and only when a URL is given.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from lobby_server.service.ports import SharedClock
from lobby_server.service.replica import SharedLog

if TYPE_CHECKING:
    from lobby_server.backplane.inspection import NodeSeen

MISSING = "the package {package} is missing, install lobby-server[cluster]"


def check_url(url: str) -> None:
    """Raises `ValueError` with a sentence."""
    _check_client()
    from redis.asyncio.connection import parse_url

    parse_url(url)


async def list_nodes(url: str, *, cluster: str) -> list[NodeSeen]:
    """The nodes of a lobby. Raises `ValueError` with a sentence, and `BackplaneError`."""
    _check_client()
    from lobby_server.backplane.inspection import nodes_of
    from lobby_server.backplane.valkey.stream import Stream

    stream = Stream(url, cluster=cluster)
    try:
        return await nodes_of(stream)
    finally:
        await stream.close()


def open_log(
    url: str,
    *,
    cluster: str,
    name: str,
    clock: SharedClock,
    new_incarnation: Callable[[], str],
    node_timeout_s: float,
    address: str,
    version: str,
    is_first: bool = False,
    database: Callable[[], Awaitable[str]] | None = None,
) -> SharedLog:
    """A log that has not joined yet. `is_first`: nobody else can have a state. `database`: as of `ValkeyLog`. Raises
    `ValueError` with a sentence."""
    _check_client()
    from lobby_server.backplane.log import ValkeyLog
    from lobby_server.backplane.place.epochs import NEWCOMER_WAITS_S
    from lobby_server.backplane.valkey.stream import Stream

    return ValkeyLog(
        Stream(url, cluster=cluster),
        name=name,
        clock=clock,
        new_incarnation=new_incarnation,
        node_timeout_s=node_timeout_s,
        newcomer_waits_s=0.0 if is_first else NEWCOMER_WAITS_S,
        address=address,
        version=version,
        database=database,
    )


def _check_client() -> None:
    try:
        import hiredis  # noqa: F401
        import redis  # noqa: F401
    except ImportError as missing:
        raise ValueError(MISSING.format(package=missing.name)) from None
