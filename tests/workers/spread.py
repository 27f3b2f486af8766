"""How connections are spread over processes that share a port, in three ways: ``python -m tests.workers.spread``.

Each process accepts as the server does, eight per turn of its loop, and works 0.3 ms for each. Prints the fewest and
the most sockets that one of them got of 500, for three runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from lobby_server.web.websocket.listener import ACCEPTS_PER_TURN, MOST_YIELDS, YIELD_S
from lobby_server.workers.board import Board, Seat, make_board
from tests.patience import PATIENCE_S

SOCKETS, RUNS = 500, 3
WORK_S = 0.0003


def serve(listener: socket.socket, *, seat: Seat | None, counted: Path) -> None:
    """Accept for ever, and keep saying how many there are."""
    loop = asyncio.new_event_loop()
    held: list[socket.socket] = []
    yielded = 0

    def watch() -> None:
        loop.add_reader(listener.fileno(), accept)

    def accept() -> None:
        nonlocal yielded
        if seat is not None and not seat.may_take(len(held)) and yielded < MOST_YIELDS:
            yielded += 1
            loop.remove_reader(listener.fileno())
            loop.call_later(YIELD_S, watch)
            return
        yielded = 0
        for _ in range(ACCEPTS_PER_TURN):
            try:
                held.append(listener.accept()[0])
            except BlockingIOError:
                return
            busy_until_s = time.perf_counter() + WORK_S
            while time.perf_counter() < busy_until_s:
                pass

    def tell() -> None:
        draft = counted.with_suffix(".draft")
        draft.write_text(str(len(held)))
        draft.replace(counted)
        loop.call_later(0.05, tell)

    watch()
    tell()
    loop.run_forever()


def listeners(way: str, count: int) -> list[socket.socket]:
    port, made = 0, []
    for _ in range(count if way == "reuseport" else 1):
        listener = socket.socket()
        if way == "reuseport":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(("127.0.0.1", port))
        port = listener.getsockname()[1]
        listener.listen(4096)
        listener.setblocking(False)
        made.append(listener)
    return made if way == "reuseport" else made * count


@contextlib.contextmanager
def processes(way: str, count: int, folder: Path) -> Iterator[int]:
    """The port that they share."""
    make_board(folder / "board", count=count)
    shared = listeners(way, count)
    pids = []
    for number in range(1, count + 1):
        pid = os.fork()
        if not pid:
            seat = Seat(Board(folder / "board"), number) if way == "board" else None
            serve(shared[number - 1], seat=seat, counted=folder / f"{number}.count")
        pids.append(pid)
    try:
        yield shared[0].getsockname()[1]
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        for listener in set(shared):
            listener.close()


def run(way: str, count: int, gap_s: float) -> tuple[int, int]:
    with tempfile.TemporaryDirectory() as name, processes(way, count, Path(name)) as port:
        time.sleep(0.3)
        clients = []
        for _ in range(SOCKETS):
            clients.append(socket.create_connection(("127.0.0.1", port)))
            time.sleep(gap_s)
        counts, give_up_s = [0], time.monotonic() + PATIENCE_S
        while sum(counts) != SOCKETS and time.monotonic() < give_up_s:
            time.sleep(0.05)
            counts = [int(path.read_text()) for path in Path(name).glob("*.count")]
        for client in clients:
            client.close()
    return min(counts), max(counts)


if __name__ == "__main__":
    for workers in (2, 4):
        for title, pause_s in (("one by one", 0.002), ("in a burst", 0.0)):
            for how in ("reuseport", "queue", "board"):
                print(workers, "processes,", title, how, [run(how, workers, pause_s) for _ in range(RUNS)], flush=True)
