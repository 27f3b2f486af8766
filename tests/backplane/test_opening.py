"""The way into a backplane, without the library for it."""

from __future__ import annotations

import sys

import pytest

from lobby_server.backplane.opening import list_nodes, open_log
from tests.fakes.clock import VirtualClock


async def test_missing_client_library_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(ValueError, match=r"install lobby-server\[cluster\]"):
        await list_nodes("redis://127.0.0.1:1", cluster="lobby")
    with pytest.raises(ValueError, match=r"install lobby-server\[cluster\]"):
        open_log(
            "redis://127.0.0.1:1",
            cluster="lobby",
            name="n",
            clock=VirtualClock(),
            new_incarnation=lambda: "i",
            node_timeout_s=4.0,
            address="",
            version="",
        )
