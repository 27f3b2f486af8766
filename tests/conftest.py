"""What holds for all tests, and what tests of several folders need."""

from __future__ import annotations

import os
from collections.abc import Iterator

import hypothesis
import pytest

from tests.store.postgres import Postgres, running_postgres

# An example that takes long tells of a busy machine, not of a fault. The default suite tries the same examples each
# time, so that what fails there failed by the change; the slow suite looks for new ones.
hypothesis.settings.register_profile("lobby", deadline=None, derandomize=True)
hypothesis.settings.register_profile("search", deadline=None)
hypothesis.settings.load_profile("search" if os.environ.get("LOBBY_TEST_SEEDS") else "lobby")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.fixture
async def postgres_name(postgres: Postgres) -> str:
    """A database with nothing in it."""
    return await postgres.empty_database()
