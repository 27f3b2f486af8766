"""A lobby server whose hashes of passwords cost next to nothing: the prefix of a `Target` that needs many accounts.

argon2 takes 64 MiB and 0.15 s of CPU per password, so that nobody can try many: a fifth of what a person costs on a
page. How passwords are kept is tested in `tests/web/api`. Run as a program with the command of a server, it becomes
that server, in the same process.
"""

from __future__ import annotations

import functools
import os
import runpy
import sys

import argon2

PREFIX = [sys.executable, __file__]


def main() -> None:
    """The command behind this program's name is ``python -m lobby_server``, with flags."""
    _, *options = sys.argv[1:]
    assert options[:2] == ["-m", "lobby_server"], sys.argv
    sys.argv[:] = options[1:]
    sys.path[0] = os.getcwd()  # as ``-m`` has it
    argon2.PasswordHasher = functools.partial(argon2.PasswordHasher, time_cost=1, memory_cost=64, parallelism=1)
    runpy.run_module("lobby_server", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
