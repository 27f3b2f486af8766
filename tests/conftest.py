"""What holds for all tests, and what tests of several folders need."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.running import leftovers, longest_first, places
from tests.running.left_out import has_none_for
from tests.store.postgres import Postgres, running_postgres

# An example that takes long, to draw or to run, tells of a busy machine, not of a fault. The default suite tries the
# same examples each time, so that what fails there failed by the change; the slow suite looks for new ones.
PATIENT = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
hypothesis.settings.register_profile("lobby", derandomize=True, **PATIENT)
hypothesis.settings.register_profile("search", **PATIENT)
hypothesis.settings.load_profile("search" if os.environ.get("LOBBY_TEST_SEEDS") else "lobby")


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # by a shell that ran this in the background
        signal.signal(signal.SIGINT, signal.default_int_handler)  # or what tests start would ignore Ctrl-C, too
    for plugin in (leftovers, longest_first, places):
        config.pluginmanager.register(plugin)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Read no file whose tests are all left out, unless it is named: each worker collects everything for itself."""
    named = [Path(argument.partition("::")[0]).resolve() for argument in config.args]
    if not collection_path.match("test_*.py") or collection_path in named:
        return None
    text = collection_path.read_text(encoding="utf-8")
    return True if has_none_for(config.option.markexpr, text) else None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Without the garbage collector, which would go through a million objects again and again that all stay."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.fixture
async def postgres_name(postgres: Postgres) -> str:
    """A database with nothing in it."""
    return await postgres.empty_database()
