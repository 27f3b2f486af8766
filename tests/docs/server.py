"""The server that the examples talk with, a process of its own, and what the tests of the pages say to it."""

from __future__ import annotations

import websocket

from bench.processes.target import Target as Target
from tests.process.clients import Answer as Answer
from tests.process.clients import call as call
from tests.process.clients import connect as _connect
from tests.process.clients import register as register
from tests.process.clients import token_of as token_of
from tests.process.clients import wait_until as wait_until


def connect_raw(target: Target) -> websocket.WebSocket:
    """A socket whose handshake is still to come."""
    return _connect(target)
