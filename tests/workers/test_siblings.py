"""Workers that ask each other: answers of those that live, nothing of those that do not, and never a long wait."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lobby_server.workers import siblings as siblings_module
from lobby_server.workers.siblings import Siblings
from tests.patience import PATIENCE_S


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer that comes is too late."""
    monkeypatch.setattr(siblings_module, "ANSWER_TIMEOUT_S", PATIENCE_S)


def sibling(folder: Path, number: int) -> Siblings:
    return Siblings(folder, number=number, count=3, name_of=lambda each: f"host/{each}")


def saying(text: bytes) -> Callable[[], bytes]:
    return lambda: text


async def test_each_is_told_what_the_others_say_now_and_who_says_nothing(tmp_path: Path) -> None:
    one, two = sibling(tmp_path, 1), sibling(tmp_path, 2)
    await one.start(saying(b"I am one"))
    await two.start(saying(b"x" * 1_000_000))
    try:
        assert await two.ask() == {1: b"I am one", 3: None}
        assert await one.ask() == {2: b"x" * 1_000_000, 3: None}
        assert (one.name, two.name_of(3)) == ("host/1", "host/3")
    finally:
        one.close(), two.close()


async def test_place_of_one_that_was_killed_is_taken_by_the_next(tmp_path: Path) -> None:
    for text in (b"the first life", b"the second"):
        one, two = sibling(tmp_path, 1), sibling(tmp_path, 2)
        await one.start(saying(text))
        assert (await two.ask())[1] == text
        assert one._server is not None
        one._server.close()  # and its socket's name stays, as after a kill


async def test_one_that_hangs_costs_a_bounded_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(siblings_module, "ANSWER_TIMEOUT_S", 0.05)
    with socket.socket(socket.AF_UNIX) as hangs:
        hangs.bind(str(tmp_path / "worker-2.sock"))
        hangs.listen()
        began_s = time.monotonic()
        assert await sibling(tmp_path, 1).ask() == {2: None, 3: None}
        assert time.monotonic() - began_s < 5
