"""What a failed test leaves open fails no other test.

The frames of a failure hold what was open when it came: sockets, files, processes. The garbage collector comes upon
them in whichever test runs then, and pytest makes that one fail by a `ResourceWarning` that is not its own. So they are
let go as soon as the failed test has been reported, and what they complain of is not heard: its failure has been told.
A test that passes and leaves something open still fails, and so does one that is expected to fail (`xfail`), whose
failure is not told.

A plugin of pytest, entered by the conftest of all tests.
"""

from __future__ import annotations

import contextlib
import gc
import sys
import traceback
import warnings
from collections.abc import Generator, Iterable, Iterator

import pytest

_FAILURES: pytest.StashKey[list[BaseException]] = pytest.StashKey()
_LAST = ("last_type", "last_value", "last_traceback", "last_exc")
"""Of `sys`: pytest leaves the last failure there, for debuggers."""


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield  # after all others have had it: one that was skipped or expected to fail has not failed
    if report.failed and call.excinfo is not None:
        item.stash.setdefault(_FAILURES, []).append(call.excinfo.value)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    done = yield
    if failures := item.stash.get(_FAILURES, []):
        let_go(failures)
        failures.clear()
    return done


def let_go(failures: Iterable[BaseException]) -> None:
    """Whatever only the frames of these hold is gone when this returns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for error in _with_causes(failures):
            traceback.clear_frames(error.__traceback__)
            for frame, _ in traceback.walk_tb(error.__traceback__):
                frame.f_locals.keys()  # up to Python 3.12 a copy, which follows when it is looked at
        for name in _LAST:
            with contextlib.suppress(AttributeError):
                delattr(sys, name)
        gc.collect()


def _with_causes(failures: Iterable[BaseException]) -> Iterator[BaseException]:
    """These, what they came of, and the members of groups; each once."""
    left, seen = list(failures), set()
    while left:
        error = left.pop()
        if id(error) not in seen:
            seen.add(id(error))
            left += [each for each in (error.__cause__, error.__context__) if each is not None]
            left += getattr(error, "exceptions", ())
            yield error
