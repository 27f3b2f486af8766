"""The service in memory, started and ended around a test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.service.house import House


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = await House().start()
    yield house
    await house.stop()
