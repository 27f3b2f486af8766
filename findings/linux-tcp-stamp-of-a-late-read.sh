#!/usr/bin/env bash
# Guess:    with SO_TIMESTAMPNS on a TCP socket, a read tells when the bytes it returns arrived, however late the read
#           is. That is why one would take the kernel's time for a latency and not the reader's.
# Really:   segments that wait for the reader are merged in the receive queue, and the merged one keeps the time of the
#           last. A read of exactly the first message returns the arrival of a message that came half a second after it,
#           and both messages have the same time to the nanosecond. A reader that is in time gets the right ones.
# Versions: Linux 6.18 (loopback), CPython 3.11 (standard library only), 2026-11-29.
# Who:      load generators and monitors that take kernel times of a stream to leave their own delay out.
# Matters:  just when the reader is late, which is what the times are for, all but the last waiting message look younger
#           than they are: a latency of 500 ms is told as 0.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uname -sr
cat >"$folder/stamps.py" <<'PY'
import socket
import struct
import sys
import time

SO_TIMESTAMPNS = 35
MESSAGE = 7

listener = socket.create_server(("127.0.0.1", 0))
sender = socket.create_connection(listener.getsockname())
reader, _ = listener.accept()
sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
reader.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
reader.settimeout(5)


def read():
    """One message and the time of it, in seconds of the epoch."""
    data, ancillary, _, _ = reader.recvmsg(MESSAGE, 64)
    [stamp] = [struct.unpack("qq", each) for _, kind, each in ancillary if kind == SO_TIMESTAMPNS]
    return data.decode(), stamp[0] + stamp[1] / 1e9


def told(gap_s, is_late):
    """How long after the first message was sent each arrived by its time, in ms."""
    start_s, found = time.time(), []
    for text in (b"message", b"another"):
        sender.sendall(text)
        if not is_late:
            found.append(read())
        if text == b"message":
            time.sleep(gap_s)
    if is_late:
        time.sleep(0.05)
        found = [read(), read()]
    return [(text, round((at_s - start_s) * 1e3, 1)) for text, at_s in found]


as_described = True
for gap_s in (0.02, 0.5):
    in_time, late = told(gap_s, is_late=False), told(gap_s, is_late=True)
    print(f"{gap_s * 1e3:.0f} ms apart, read in time: {in_time}; read late: {late}")
    as_described &= in_time[0][1] < gap_s * 500 and in_time[1][1] >= gap_s * 1e3
    as_described &= late[0][1] == late[1][1] >= gap_s * 1e3
print("as described: the first message has the time of the second" if as_described else "behaves otherwise now")
sys.exit(0 if as_described else 1)
PY
timeout 30 python3 "$folder/stamps.py"
