"""What all commands are, and the format in which they and the state are written."""

from __future__ import annotations

import msgspec

FORMAT = 10
"""Goes up with every change of a command or of the state that an older node would read wrongly, and of a rule by which
it would come to another state (`tests/core/test_format.py`)."""


class Command(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """One thing that is to happen."""
