"""A disk that takes its time: what a program writes to it, or flushes, returns later, by so much as it is told.

The kernel stops such a call of the program before it is carried out and asks here what to do (seccomp_unotify(2), of
Linux 5.19): this waits and lets the kernel go on with it. The program's thread waits meanwhile as for a real disk: in
the call itself, without CPU, and nothing but SIGKILL interrupts it (only in ``/proc`` it looks asleep, not as one that
waits for a disk). One call is served after the other, as by a disk that can do one thing at a time. Nothing of the
program is changed, and it needs no rights.

Run as a program with a socket, calls and a command, it asks for that and becomes the command (`SlowDisk.prefix`); the
standard library is all that it needs.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import platform
import select
import shutil
import socket
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

FLUSHES = ("fsync", "fdatasync")
WRITES = ("pwrite64",)
_NUMBERS = {
    "x86_64": {"arch": 0xC000003E, "seccomp": 317, "pwrite64": 18, "fsync": 74, "fdatasync": 75},
    "aarch64": {"arch": 0xC00000B7, "seccomp": 277, "pwrite64": 68, "fsync": 82, "fdatasync": 83},
}
_NO_NEW_PRIVS, _SET_MODE_FILTER = 38, 1
_NEW_LISTENER, _WAIT_KILLABLE = 1 << 3, 1 << 5
_ALLOW, _NOTIFY, _CONTINUE = 0x7FFF0000, 0x7FC00000, 1
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_NOTICE_BYTES = 80
_ANSWER = struct.Struct("=QqiI")
_RECEIVE, _SEND = (3 << 30 | size << 16 | ord("!") << 8 | n for n, size in enumerate((_NOTICE_BYTES, _ANSWER.size)))
_LOOK_EVERY_MS = 100


def why_not() -> str:
    """Why there can be none here; empty: there can."""
    numbers, version = _NUMBERS.get(platform.machine()), platform.release().split(".")[:2]
    if sys.platform != "linux" or numbers is None:
        return "this is neither Linux on x86-64 nor on ARM"
    try:
        is_known = "user_notif" in Path("/proc/sys/kernel/seccomp/actions_avail").read_text().split()
    except OSError:
        is_known = False
    return "" if is_known and [int(part) for part in version] >= [5, 19] else "this kernel cannot ask what to do"


class SlowDisk:
    """Of all processes that are started with `prefix`. Use it as a context manager around them."""

    def __init__(self, calls: Sequence[str]) -> None:
        """`calls`: `FLUSHES`, `WRITES` or both."""
        self.delay_s = 0.0
        """Of each call from now on."""
        self.served = 0
        """Calls that waited for it."""
        self._calls = tuple(calls)
        self._folder = Path(tempfile.mkdtemp(prefix="lobby-disk-"))
        self._is_over = threading.Event()
        self._socket = socket.socket(socket.AF_UNIX)
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    @property
    def prefix(self) -> list[str]:
        """A command that becomes the one behind it."""
        program, asked = self._folder / "program.py", self._folder / "asked"
        return [sys.executable, str(program), str(asked), ",".join(self._calls)]

    def enter(self) -> None:
        """In a process that was forked and is about to become the program: what a `prefix` does, for somebody who is
        not allowed to run this Python."""
        _have_asked(str(self._folder / "asked"), self._calls)

    def __enter__(self) -> SlowDisk:
        program, asked = self._folder / "program.py", self._folder / "asked"
        self._folder.chmod(0o755)  # the program may run as somebody else
        program.write_bytes(Path(__file__).read_bytes())
        self._socket.bind(str(asked))
        asked.chmod(0o777)
        self._socket.listen()
        self._socket.settimeout(_LOOK_EVERY_MS / 1000)
        self._threads[0].start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.delay_s = 0.0
        self._is_over.set()
        for thread in self._threads:
            thread.join()
        self._socket.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _accept(self) -> None:
        while not self._is_over.is_set():
            try:
                asking, _ = self._socket.accept()
            except TimeoutError:
                continue
            with asking:
                _, [listener], _, _ = socket.recv_fds(asking, 1, 1)
                thread = threading.Thread(target=self._serve, args=(listener,), daemon=True)
                self._threads.append(thread)
                thread.start()
                asking.sendall(b"!")

    def _serve(self, listener: int) -> None:
        """Until all that it is asked for have ended, or this is over: who is left then gets an error for its calls."""
        asked = select.poll()
        asked.register(listener, select.POLLIN)
        try:
            while not self._is_over.is_set():
                events = asked.poll(_LOOK_EVERY_MS)
                if any(event & select.POLLHUP for _, event in events):
                    return
                if events:
                    self._let_one_go_on(listener)
        finally:
            os.close(listener)

    def _let_one_go_on(self, listener: int) -> None:
        notice = bytearray(_NOTICE_BYTES)
        try:
            fcntl.ioctl(listener, _RECEIVE, notice, True)
            if self.delay_s:
                time.sleep(self.delay_s)
                self.served += 1
            answer = bytearray(_ANSWER.pack(int.from_bytes(notice[:8], sys.byteorder), 0, 0, _CONTINUE))
            fcntl.ioctl(listener, _SEND, answer, True)
        except OSError as error:
            if error.errno != errno.ENOENT:  # it was killed meanwhile
                raise


def become(path: str, calls: Sequence[str], command: Sequence[str]) -> None:
    """Have these calls asked for at the socket, and become the command."""
    _have_asked(path, calls)
    os.execvp(command[0], list(command))


def _have_asked(path: str, calls: Sequence[str]) -> None:
    numbers = _NUMBERS[platform.machine()]
    wanted = [numbers[call] for call in calls]
    size = len(wanted)
    program = [
        (_LOAD, 0, 0, 4), (_EQUAL, 0, size + 1, numbers["arch"]), (_LOAD, 0, 0, 0),
        *((_EQUAL, size - at, 0, number) for at, number in enumerate(wanted)),
        (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _NOTIFY),
    ]  # fmt: skip
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
    held = ctypes.create_string_buffer(code, len(code))
    filters = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(held)))
    libc = ctypes.CDLL(None, use_errno=True)
    with socket.socket(socket.AF_UNIX) as asked:
        asked.connect(path)
        if libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl")
        listener = libc.syscall(numbers["seccomp"], _SET_MODE_FILTER, _NEW_LISTENER | _WAIT_KILLABLE, filters)
        if listener < 0:
            raise OSError(ctypes.get_errno(), "seccomp")
        socket.send_fds(asked, [b"!"], [listener])
        asked.recv(1)  # it is listened to from now on
        os.close(listener)


if __name__ == "__main__":
    become(sys.argv[1], sys.argv[2].split(","), sys.argv[3:])
