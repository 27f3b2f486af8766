"""The way in: from a URL to a log, in the words of the one who starts a node."""

from __future__ import annotations

from collections.abc import Callable

try:
    from lobby_server.backplane.inspection import NodeSeen, nodes_of
    from lobby_server.backplane.log import ValkeyLog
    from lobby_server.backplane.stream import Stream
except ImportError as missing:  # the extra is not installed, and one process needs none
    if missing.name is None or missing.name.partition(".")[0] != "redis":
        raise
    HAS_CLIENT = False
else:
    HAS_CLIENT = True

from lobby_server.service.replica import SharedLog

MISSING = "the package redis is missing, install lobby-server[cluster]"


async def list_nodes(url: str, *, cluster: str) -> list[NodeSeen]:
    """The nodes of a lobby. Raises `ValueError` with a sentence, and `BackplaneError`."""
    if not HAS_CLIENT:
        raise ValueError(MISSING)
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
    new_incarnation: Callable[[], str],
    node_timeout_s: float,
    address: str,
    version: str,
) -> SharedLog:
    """A log that has not joined yet. Raises `ValueError` with a sentence."""
    if not HAS_CLIENT:
        raise ValueError(MISSING)
    return ValkeyLog(
        Stream(url, cluster=cluster),
        name=name,
        new_incarnation=new_incarnation,
        node_timeout_s=node_timeout_s,
        address=address,
        version=version,
    )
