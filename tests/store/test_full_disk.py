"""A database on a disk that is full, SQLite or PostgreSQL: a small tmpfs, which only root can mount."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import websocket

from bench.processes.target import Target, TargetFailed
from tests.process.clients import call, connect, register, token_of, wait_until
from tests.store.stoppable import StoppablePostgres, stoppable_postgres

pytestmark = pytest.mark.system


@contextlib.contextmanager
def disk_of(size: str, folder: Path, *, mode: str = "0700") -> Iterator[Path]:
    folder.mkdir()
    options = f"size={size},mode={mode}"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "lobby", str(folder)], check=False)
    if mounted.returncode:
        pytest.skip("this user may not mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of 4 MiB."""
    with disk_of("4m", tmp_path / "disk") as folder:
        yield folder


@pytest.fixture
def postgres_disk() -> Iterator[Path]:
    """A folder on a disk that has room for an empty PostgreSQL and some more. Not under pytest's folder, where the user
    that PostgreSQL runs as cannot look."""
    with (
        tempfile.TemporaryDirectory(prefix="lobby-disk-") as parent,
        disk_of("192m", Path(parent) / "disk", mode="0755") as folder,
    ):
        Path(parent).chmod(0o755)
        yield folder


@pytest.fixture
def postgres_on_it(postgres_disk: Path) -> Iterator[StoppablePostgres]:
    with stoppable_postgres(postgres_disk) as started:
        yield started


def fill(folder: Path) -> Path:
    """Take all the room there is; the file that has it."""
    filler = folder / "filler"
    while os.statvfs(folder).f_bavail:  # also what a database has given back meanwhile
        with filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(b"\0" * 4096):
                pass
    return filler


def new_target(folder: Path, log_dir: Path) -> Target:
    """Its log is on another disk."""
    return Target(data_dir=log_dir, flags=["--data-dir", str(folder), "--auth-rate-per-min", "0"])


def test_full_disk_is_named_nothing_is_half_written_and_room_heals_it(small_disk: Path, tmp_path: Path) -> None:
    target = new_target(small_disk, tmp_path)
    confirmed = []
    with target.running():
        assert call(target, "GET", "/readyz").status == 200
        filler = fill(small_disk)
        for number in range(60):
            answer = register(target, f"user{number}")
            if answer.status == 201:
                confirmed.append(f"user{number}")
            else:
                assert (answer.status, answer.body["code"]) == (503, "try_again_later")
                break
        ready = call(target, "GET", "/readyz")
        assert (ready.status, ready.body["error"]) == (503, "The disk of the database is full.")
        assert call(target, "GET", "/healthz").status == 200
        filler.unlink()
        wait_until(lambda: call(target, "GET", "/readyz").status == 200)
        room = call(target, "POST", "/api/rooms", {"gamemode": "ctf"}, token=token_of(target, 900, "host"))
        assert room.status == 201
        assert register(target, "after").status == 201
        confirmed.append("after")
    with contextlib.closing(sqlite3.connect(small_disk / "lobby.sqlite3")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert {name for (name,) in database.execute("SELECT username FROM users")} == set(confirmed)
        assert database.execute("SELECT count(*) FROM rooms").fetchone() == (1,)
    log = target.log_path.read_text()
    assert f"The disk that holds {small_disk / 'lobby.sqlite3'} is full." in log
    assert "cannot be reached" not in log
    assert "Traceback" not in log


def test_no_kick_that_was_confirmed_on_a_full_disk_is_forgotten(small_disk: Path, tmp_path: Path) -> None:
    target = new_target(small_disk, tmp_path)
    target.flags += ["--command-rate-per-s", "0", "--empty-room-ttl-s", "600"]
    guests = {room: range(room * 100, room * 100 + 60) for room in (1, 2)}
    confirmed: list[tuple[str, int]] = []
    with target.running(), contextlib.ExitStack() as stack:
        rooms = {host: room_with(target, host, guests[host], stack) for host in guests}
        filler = fill(small_disk)
        is_refused = False
        for host_id, (room_id, host, peers) in rooms.items():
            for guest_id, peer_id in zip(guests[host_id], peers, strict=True):
                host.send(json.dumps({"type": "kick", "data": {"peerId": peer_id}}))
                while (heard := json.loads(host.recv()))["type"] not in ("peer_left", "error"):
                    pass
                if heard["type"] == "peer_left":
                    confirmed.append((room_id, guest_id))
                is_refused = is_refused or heard["type"] == "error"
        assert is_refused
        target.kill()
    filler.unlink()
    with target.running():
        for room_id, guest_id in confirmed:
            guest = connect(target, token_of(target, guest_id, f"user{guest_id}"))
            assert join(guest, room_id) == {"reason": "banned"}
            guest.shutdown()


def room_with(
    target: Target, host_id: int, guest_ids: range, stack: contextlib.ExitStack
) -> tuple[str, websocket.WebSocket, list[int]]:
    """A room, its host's socket, and the numbers that its guests have in it."""
    token = token_of(target, host_id, f"host{host_id}")
    made = call(target, "POST", "/api/rooms", {"gamemode": "ctf", "maxPlayers": 64}, token=token)
    room_id = made.body["room"]["id"]
    host = connect(target, token)
    stack.callback(host.shutdown)
    host.send(json.dumps({"type": "create_room", "data": {}}))
    peers = []
    for guest_id in guest_ids:
        guest = connect(target, token_of(target, guest_id, f"user{guest_id}"))
        stack.callback(guest.shutdown)
        peers.append(join(guest, room_id)["peerId"])
    return room_id, host, peers


def join(guest: websocket.WebSocket, room_id: str) -> Any:
    """The data of the answer."""
    wish = {"roomId": room_id, "version": "13020", "name": "P"}
    guest.send(json.dumps({"type": "join_room", "data": wish}))
    while (heard := json.loads(guest.recv()))["type"] not in ("room_joined", "error"):
        pass
    return heard["data"]


def test_start_on_a_full_disk_names_it_and_succeeds_when_there_is_room(small_disk: Path, tmp_path: Path) -> None:
    filler = fill(small_disk)
    target = new_target(small_disk, tmp_path)
    target.flags += ["--database-wait-s", "0"]
    with pytest.raises(
        TargetFailed, match=rf"exit code 75\).*lobby-server: The disk that holds {small_disk}\S* is full"
    ):
        target.start()
    filler.unlink()
    target.flags = target.flags[:-2]
    with target.running():
        assert register(target, "ann").status == 201


# -- PostgreSQL -------------------------------------------------------------------------------------------------------


def test_full_disk_of_postgres_is_named_loses_nothing_that_was_confirmed_and_room_heals_it(
    postgres_disk: Path, postgres_on_it: StoppablePostgres, tmp_path: Path
) -> None:
    postgres, name = postgres_on_it, asyncio.run(postgres_on_it.empty_database())
    flags = ["--database-url", postgres.url(name), "--auth-rate-per-min", "0"]
    target = Target(data_dir=tmp_path, flags=flags)
    confirmed = []
    with target.running():
        filler = fill(postgres_disk)
        for number in range(200):
            answer = register(target, f"user{number}")
            if answer.status != 201:
                assert (answer.status, answer.body["code"]) == (503, "try_again_later")
                break
            confirmed.append(f"user{number}")
        assert len(confirmed) < 200
        ready = call(target, "GET", "/readyz")
        assert (ready.status, ready.body["error"]) == (503, "The disk of the database is full.")
        assert call(target, "GET", "/api/rooms").status == 200
        filler.unlink()
        wait_until(lambda: call(target, "GET", "/readyz").status == 200)
        assert register(target, "after").status == 201
        confirmed.append("after")
    names = asyncio.run(postgres.run("SELECT array_agg(username) FROM users", database=name))
    assert sorted(names) == sorted(confirmed)
    log = target.log_path.read_text()
    assert "The disk of the database is full." in log
    assert "cannot be reached" not in log
    assert "Traceback" not in log


def test_start_whose_postgres_has_a_full_disk_names_it_and_succeeds_when_there_is_room(
    postgres_disk: Path, postgres_on_it: StoppablePostgres, tmp_path: Path
) -> None:
    url = postgres_on_it.url(asyncio.run(postgres_on_it.empty_database()))
    filler = fill(postgres_disk)
    target = Target(data_dir=tmp_path, flags=["--database-url", url, "--database-wait-s", "0"])
    with pytest.raises(TargetFailed, match=r"exit code 75\).*lobby-server: The disk of PostgreSQL at \S+ is full"):
        target.start()
    target.stop()
    filler.unlink()
    with target.running():
        assert register(target, "ann").status == 201
