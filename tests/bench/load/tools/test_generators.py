"""Load generators as processes: how they are ended, and what is said of one that left nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.load import generators
from bench.load.attendance import NotAllCame
from bench.load.generators import LAST_WORDS, Aim, GeneratorFailed, Tool, end_in_words, running
from tests.patience import PATIENCE_S
from tests.process.clients import wait_until

READY = "print('ready', flush=True)"
ENDS_WHEN_TOLD = f"import time; {READY}; time.sleep({PATIENCE_S})"
IGNORES = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); {ENDS_WHEN_TOLD}"


def aim(folder: Path) -> Aim:
    return Aim(
        port=1, tokens=folder / "tokens", players=1, players_per_s=1.0, heartbeat_s=1.0, features=(), folder=folder
    )


def tool(script: str) -> Tool:
    return Tool("a tool", lambda aim: [sys.executable, "-S", "-c", script])


def is_ready(at: Aim) -> bool:
    return "ready" in at.words.read_text()


def test_tool_that_ends_when_it_is_told_to_was_not_killed(tmp_path: Path) -> None:
    at = aim(tmp_path)
    with running(tool(ENDS_WHEN_TOLD), at, cpus=None) as generator:
        wait_until(lambda: is_ready(at))
    assert not generator.was_killed
    assert "KeyboardInterrupt" in generator.last_words()


def test_tool_that_does_not_end_is_killed_and_that_is_said_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generators, "END_TIMEOUT_S", 0.1)
    at = aim(tmp_path)
    with running(tool(IGNORES), at, cpus=None) as generator:
        wait_until(lambda: is_ready(at))
    assert generator.was_killed
    assert generator.last_words() == "it was told to end, did not within 0.1 s and was killed: ready"


def test_tool_that_ended_by_itself_says_why(tmp_path: Path) -> None:
    at = aim(tmp_path)
    says_why = pytest.raises(GeneratorFailed, match="it ended with 1: no such host")
    with running(tool("import sys; sys.exit('no such host')"), at, cpus=None) as generator, says_why:
        wait_until(lambda: generator.check() is not None)


def test_tool_whose_players_did_not_come_is_ended_all_the_same(tmp_path: Path) -> None:
    at = aim(tmp_path)
    started = []

    def play() -> None:
        with running(tool(ENDS_WHEN_TOLD), at, cpus=None) as generator:
            started.append(generator)
            wait_until(lambda: is_ready(at))
            raise NotAllCame("0 of 1")

    with pytest.raises(NotAllCame):
        play()
    assert started[0].last_words().startswith("it ended with")


TABLE = """
WS       upgrade                                         0     0(0.00%) |      0       0
--------|-------------------------------------------|-------|-------------|-------|-----
         Aggregated                                5833014     0(0.00%) |     25       0

Response time percentiles (approximated)
Type     Name                                          50%    66%  # reqs
--------|------------------------------------------|--------|------|------
         Aggregated                                      0      0 5833014
--------|------------------------------------------|--------|------|------
"""


@pytest.mark.parametrize(
    ("printed", "words"),
    [
        ("", ""),
        ("\n----\n", ""),
        ("one\ntwo  words\n\n  three\n=====\n", "two words / three"),
        (TABLE, "Type Name 50% 66% # reqs / Aggregated 0 0 5833014"),
        ("a" * LAST_WORDS + "\nno such host", "no such host"),
        ("first\n" + "b" * 2 * LAST_WORDS, "b" * (LAST_WORDS - 1) + "…"),
    ],
)
def test_last_words_are_one_line_of_bounded_length(printed: str, words: str) -> None:
    assert end_in_words(printed) == words
    assert len(words) <= LAST_WORDS


def test_all_that_a_tool_printed_is_kept_for_the_log(tmp_path: Path) -> None:
    lines = [f"line {number}" for number in range(9)]
    at = aim(tmp_path)
    with running(tool(f"print({chr(10).join(lines)!r})"), at, cpus=None) as generator:
        generator._process.wait(PATIENCE_S)
    assert generator.last_words() == "it ended with 0: line 7 / line 8"
    assert generator.printed().splitlines() == lines


def test_peak_of_a_tool_is_what_it_held_before_it_gave_back(tmp_path: Path) -> None:
    at = aim(tmp_path)
    gives_back = f"held = bytearray(64 << 20); held[::4096] = bytes(len(held[::4096])); del held; {ENDS_WHEN_TOLD}"
    with running(tool(gives_back), at, cpus=None) as generator:
        wait_until(lambda: is_ready(at))
        assert generator.resident_kib(peak=True) - generator.resident_kib() > 48 << 10
