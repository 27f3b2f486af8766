"""Hashes of passwords give way to the event loop: their threads have a lower priority, and those that argon2 starts."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from bench.processes.target import Target
from lobby_server.process.priority import NICE, stand_back
from lobby_server.service.auth import Passwords
from tests.patience import PATIENCE_S

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(sys.platform != "linux", reason="Linux counts priorities by thread"),
]


def priority(thread: int) -> int:
    return os.getpriority(os.PRIO_PROCESS, thread)


def test_thread_that_stands_back_leaves_the_others_as_they_are() -> None:
    own = priority(threading.get_native_id())
    with ThreadPoolExecutor(1, initializer=stand_back) as pool:
        assert pool.submit(lambda: priority(threading.get_native_id())).result() == min(19, own + NICE)
    assert priority(threading.get_native_id()) == own


def test_threads_that_argon2_starts_have_the_priority_of_the_thread_that_hashes() -> None:
    own = priority(threading.get_native_id())
    seen: list[int] = []
    passwords = Passwords(new_salt=os.urandom)
    deadline_s = time.monotonic() + PATIENCE_S
    with ThreadPoolExecutor(1, initializer=stand_back) as pool:
        pool.submit(threading.get_native_id).result()  # its thread has stood back
        before = {each.id for each in psutil.Process().threads()}
        while len(seen) < 5:  # they live for milliseconds, in which this thread may have no core
            assert time.monotonic() < deadline_s, "argon2 starts no threads"
            hashing = pool.submit(passwords.hash, "a password")
            while not hashing.done():
                for thread in {each.id for each in psutil.Process().threads()} - before:
                    with contextlib.suppress(ProcessLookupError):  # it has ended
                        seen.append(priority(thread))
    assert set(seen) == {min(19, own + NICE)}


def test_server_hashes_in_threads_that_stand_back() -> None:
    with Target(flags=("--auth-rate-per-min", "0")) as target:
        body = json.dumps({"username": "somebody", "password": "a password"}).encode()
        request = urllib.request.Request(
            f"{target.http_url}/api/auth/register", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            assert answer.status == 201
        own = priority(target.pid)
        threads = {priority(each.id) for each in psutil.Process(target.pid).threads()}
    assert threads == {own, min(19, own + NICE)}
