"""Programs beside Python: a test that needs one is skipped where it is missing, and fails where it has to be there."""

from __future__ import annotations

import os
import shutil

import pytest

REQUIRED = "LOBBY_TEST_PROGRAMS"
"""Set to ``required`` in the environment, a missing program fails the test in place of skipping it."""


def program(name: str, *, package: str) -> str:
    """The path of a program of a Debian package."""
    path = shutil.which(name)
    if path is not None:
        return path
    missing = f"{name} is not installed (Debian package {package})"
    if os.environ.get(REQUIRED) == "required":
        pytest.fail(missing)
    pytest.skip(missing)
