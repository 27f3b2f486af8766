"""What the unit of systemd takes from the server, as far as a program can take it from another one without systemd:
memory that is both writable and executable, new privileges, capabilities, modes of new files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.processes.target import Target
from tests.deploy.test_files import unit
from tests.process.clients import call, connect, register, token_of

pytestmark = [pytest.mark.system, pytest.mark.skipif(sys.platform != "linux", reason="systemd is Linux's")]

PR_SET_NO_NEW_PRIVS, PR_CAPBSET_DROP, PR_SET_MDWE = 38, 24, 65
TAKE_AWAY = f"""
import ctypes, os, sys
prctl = ctypes.CDLL(None, use_errno=True).prctl
os.umask(0o{{umask}})
for capability in range(64):
    prctl({PR_CAPBSET_DROP}, capability, 0, 0, 0)
assert prctl({PR_SET_NO_NEW_PRIVS}, 1, 0, 0, 0) == 0
if prctl({PR_SET_MDWE}, 1, 0, 0, 0) != 0:
    sys.exit(99)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Linux 6.3 and later: prctl(2)."""


def taken_away() -> list[str]:
    """A command before the server's."""
    service = unit()["Service"]
    for what in ("MemoryDenyWriteExecute", "NoNewPrivileges"):
        assert service[what] == "yes"
    assert service["CapabilityBoundingSet"] == ""
    prefix = [sys.executable, "-c", TAKE_AWAY.format(umask=service["UMask"].lstrip("0"))]
    code = subprocess.run([*prefix, "/bin/true"], check=False).returncode
    if code == 99:
        pytest.skip("this kernel has no PR_SET_MDWE")
    assert code == 0
    return prefix


def test_memory_that_is_writable_and_executable_is_refused_after_it_was_taken_away() -> None:
    """Or the other tests would show nothing."""
    ask = "import mmap; mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)"
    done = subprocess.run([*taken_away(), sys.executable, "-c", ask], capture_output=True, text=True, check=False)
    assert "PermissionError" in done.stderr


@pytest.mark.parametrize("flags", [[], ["--workers", "2"], ["--compression"]], ids=" ".join)
def test_server_serves_with_what_the_unit_leaves_it(tmp_path: Path, flags: list[str]) -> None:
    with Target(data_dir=tmp_path / "data", flags=flags, prefix=taken_away()) as target:
        assert register(target, "ann").status == 201  # which hashes
        room = call(target, "POST", "/api/rooms", {"gamemode": "ctf"}, token=token_of(target, 1, "ann"))
        assert room.status == 201
        client = connect(target, token_of(target, 1, "ann"))
        client.send(json.dumps({"type": "ping", "data": {}}))
        while json.loads(client.recv())["type"] != "pong":
            pass
        client.close()
        own = [path for path in (tmp_path / "data").iterdir() if path.name != "server.log"]
        assert [path.name for path in own if path.stat().st_mode & 0o077] == []
        assert target.stop() == 0
    log = target.log_path.read_text()
    assert "Traceback" not in log
    assert "Permission denied" not in log
