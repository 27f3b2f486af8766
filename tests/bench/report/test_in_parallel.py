"""Work on all cores: the same results in the same order, and the first failure."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from bench.report import in_parallel as module
from bench.report.in_parallel import in_parallel


def test_one_after_the_other_here_while_other_threads_run() -> None:
    over = threading.Event()
    other = threading.Thread(target=over.wait)
    other.start()
    try:
        assert in_parallel([os.getpid, os.getpid]) == [os.getpid()] * 2
    finally:
        over.set()
        other.join()


def test_one_after_the_other_here_on_one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_cores", lambda: 1)
    assert in_parallel([os.getpid, os.getpid]) == [os.getpid()] * 2


SCRIPT = """
import os
from functools import partial
from bench.report import in_parallel as module
module._cores = lambda: 2
known, here = object(), os.getpid()
def piece(number):
    if number == {fails_at}:
        raise ValueError(f"piece {{number}}")
    return number, os.getpid() != here, known is not None
print(module.in_parallel([partial(piece, number) for number in range(5)]), module._pieces)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot copy a process")
def test_copies_of_the_process_work_in_the_order_of_the_pieces() -> None:
    script = SCRIPT.format(fails_at="None")
    told = subprocess.check_output([sys.executable, "-c", script], text=True, timeout=60)
    assert told == f"{[(number, True, True) for number in range(5)]} ()\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot copy a process")
def test_failure_of_a_piece_is_raised() -> None:
    script = SCRIPT.format(fails_at="3")
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert found.returncode == 1
    assert found.stderr.endswith("ValueError: piece 3\n")
