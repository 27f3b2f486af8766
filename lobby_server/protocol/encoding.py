"""JSON, as everything that the server says is written: compact, in UTF-8."""

from __future__ import annotations

import msgspec

encode_json = msgspec.json.Encoder().encode
"""The JSON text of a struct, or of anything made of plain types. O(size)."""
