"""What a calibration makes of its readings: CPU that never goes back, and words where there is nothing to tell."""

from __future__ import annotations

import mmap
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from loadtest.calibration.measuring import Calibration, Meter, Window, own_bytes
from loadtest.calibration.table import table_of
from loadtest.players.swarm import Swarm

BURNT_S = 0.05
BIG_BYTES = 32 * 1024 * 1024

GOOD = Window(wall_s=5.0, cpu_s=0.5, events=1_000, reads=900)
MEASURED = Calibration(
    players=300, kib_per_player=9.0, connecting=GOOD, idle=GOOD, singles=GOOD, bursts=GOOD, duration_s=30.0
)


def a_swarm() -> Swarm:
    connections = SimpleNamespace(messages_in=Counter[str]())
    parts: Any = SimpleNamespace(
        recorder=SimpleNamespace(connections=connections), wire=SimpleNamespace(reader=SimpleNamespace(reads=0))
    )
    return cast(Swarm, parts)


def test_thread_that_ends_takes_none_of_the_cpu_with_it() -> None:
    goes_on, has_burnt = threading.Event(), threading.Event()

    def burn() -> None:
        began_s = time.thread_time()
        while time.thread_time() - began_s < BURNT_S:
            pass
        has_burnt.set()
        goes_on.wait()

    burning = threading.Thread(target=burn)
    burning.start()
    has_burnt.wait()
    meter = Meter(a_swarm())
    goes_on.set()
    burning.join()
    assert meter.window().cpu_s > 0


def test_memory_is_what_the_process_holds_whatever_of_its_files_is_resident(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * BIG_BYTES)
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, prot=mmap.PROT_READ) as mapped:
        assert mapped[:: mmap.PAGESIZE]  # each page of it is resident now
        with_file = own_bytes()
    without_file = own_bytes()
    assert with_file - without_file < BIG_BYTES / 2, "its pages may go at any time"
    held = bytearray(b"x") * BIG_BYTES
    assert own_bytes() - without_file > BIG_BYTES / 2
    assert held


def test_parts_that_were_measured_are_told_in_figures() -> None:
    assert MEASURED.is_whole
    text = table_of(MEASURED, is_pinned=True)
    assert "not measured" not in text
    assert "idle                       10.0% of the core" in text


def test_part_that_was_not_measured_is_told_so_in_its_row_and_the_others_in_figures() -> None:
    nothing = Window(wall_s=5.0, cpu_s=0.0, events=0, reads=0)
    found = replace(MEASURED, kib_per_player=-0.3, idle=nothing, bursts=replace(GOOD, events=0))
    assert not found.is_whole
    lines = table_of(found, is_pinned=True).splitlines()
    assert [line.split("  ")[0] for line in lines if "not measured" in line] == [
        "memory", "idle", "events, in bursts",
    ]  # fmt: skip
    assert "nan" not in "".join(lines)
