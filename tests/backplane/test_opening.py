"""The way into a backplane, without the library for it."""

from __future__ import annotations

import sys

import pytest

from lobby_server.backplane.opening import list_nodes, open_log
from tests.fakes.clock import VirtualClock


@pytest.mark.parametrize("package", ["redis", "hiredis"])
async def test_missing_client_library_is_one_sentence(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    sentence = rf"^the package {package} is missing, install lobby-server\[cluster\]$"
    with pytest.raises(ValueError, match=sentence):
        await list_nodes("redis://127.0.0.1:1", cluster="lobby")
    with pytest.raises(ValueError, match=sentence):
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
