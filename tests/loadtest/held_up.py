"""A swarm that other work on the machine kept from its core: what it says of that itself, and what a test makes of it.

A swarm measures how late its own ticks are, and its validity tells. A test whose run says so has no case: it is run
again where that is cheap, and skipped with what was found where it comes out so again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import pytest

_WORDS = ("was delayed: ", "stood still for ", "players acted late: ")
"""In the sentences of `loadtest.measure.judging.validity` of a swarm that was kept from its core."""
_OWN_WORK = ("used more than ", "was near its limit: ")
"""Of one that had its core and used it up: no excuse for what it found."""


def held_up(run: dict[str, Any]) -> list[str]:
    """What run.json says of a swarm that was held up; nothing where it was not."""
    return [reason for reason in run["validity"]["reasons"] if any(words in reason for words in _WORDS)]


def doubts(run: dict[str, Any]) -> list[str]:
    """Why a run is not to be trusted otherwise."""
    of_itself = (*_WORDS, *_OWN_WORK)
    return [reason for reason in run["validity"]["reasons"] if not any(words in reason for words in of_itself)]


@contextmanager
def unless_held_up(*runs: dict[str, Any]) -> Iterator[None]:
    """What is asked in this block is not judged where a run says that it was held up."""
    try:
        yield
    except AssertionError as error:
        reasons = [reason for run in runs for reason in held_up(run)]
        if not reasons:
            raise
        skip_held_up(reasons[0], error)


def skip_held_up(reason: str, found: object) -> NoReturn:
    pytest.skip(f"other work had the cores ({reason}), and it found: {found}")
