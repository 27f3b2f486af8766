"""What tests need beside this project: where it is missing they are skipped, and fail where it has to be there."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from types import ModuleType
from typing import NoReturn

import pytest

from bench.processes.namespaces import can_have

REQUIRED = "LOBBY_TEST_PROGRAMS"
"""Set to ``required`` in the environment, a test fails for want of a program, in place of being skipped. So it does for
want of a package that is fetched, of Python's or Node's. What this user or this kernel may not do is still skipped."""


def missing(reason: str) -> NoReturn:
    """Skip the test or fail it, for want of what the reason says."""
    if os.environ.get(REQUIRED) == "required":
        pytest.fail(reason)
    pytest.skip(reason)


def needed(why_not: str | None) -> None:
    """`why_not`: what is missing, in a sentence; None or empty: nothing."""
    if why_not:
        missing(why_not)


def program(name: str, *, package: str) -> str:
    """The path of a program of a Debian package."""
    return shutil.which(name) or missing(f"{name} is not installed (Debian package {package})")


def module(name: str) -> ModuleType:
    """A module of an extra."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        missing(f"{name} cannot be imported: {error}")


def namespaces() -> None:
    """Of networks: their program has to be there, for a user who may make them."""
    if sys.platform == "linux" and os.geteuid() == 0:
        program("ip", package="iproute2")
    if not can_have():
        pytest.skip("network namespaces need root on Linux")
