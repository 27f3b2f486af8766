"""The key of a request for a WebSocket."""

from __future__ import annotations

import base64
import binascii

from hypothesis import example, given
from hypothesis import strategies as st

from lobby_server.web.websocket.upgrade import is_key

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
NEAR_KEYS = st.text("AZaz09+/=-_ \n\u0664", min_size=22, max_size=26)


@given(st.binary(min_size=14, max_size=18).map(lambda raw: base64.b64encode(raw).decode()) | NEAR_KEYS)
@example(KEY)
@example(f"{KEY}\n")
@example(KEY.replace("=", "A"))
def test_key_is_one_when_it_is_16_bytes_in_base64_and_nothing_else(text: str) -> None:
    try:
        is_one = len(text) == 24 and len(base64.b64decode(text, validate=True)) == 16
    except (binascii.Error, ValueError):
        is_one = False
    assert is_key(text) is is_one
    assert is_key(text.encode()) is is_one
