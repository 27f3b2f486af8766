from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.docs.server import Target


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    """A server with default settings, but for two limits in time that would make an example depend on the pace of the
    machine. Each example leaves it with nobody online and no room."""
    with Target(flags=["--auth-rate-per-min", "0", "--rooms-notify-interval-ms", "0"]) as running:
        yield running


@pytest.fixture(scope="module")
def plain_target() -> Iterator[Target]:
    """A server with default settings, to ask what it is."""
    with Target() as running:
        yield running
