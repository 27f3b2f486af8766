#!/usr/bin/env bash
# Guess:    when an ASGI server is ended by SIGTERM, each consumer of Django Channels has its `disconnect` called, and each client
#           a close frame. "Twisted already does it for us", says issue 38 of Daphne, closed.
# Really:   of four servers uvicorn does so, with 1012. Under Daphne and granian no `disconnect` is called, and the clients find
#           the connection at its end without a close frame: 1006. Hypercorn waits for three seconds, says 1011 (an internal
#           error) to the clients, and calls no `disconnect` either.
# Versions: Daphne 4.2.3, Hypercorn 0.18.0 (wsproto 1.3.2), granian 2.8.9, uvicorn 0.54.0 (websockets 17.4), channels 4.3.2,
#           Django 5.2.19, CPython 3.11, 2026-11-30.
# Who:      lobbies and chats on Channels: Daphne is its own project's server, and all four take the same application.
# Matters:  with each deployment all who were online stay online: rooms, seats and counters in Redis or a database are not
#           given back, for `disconnect` is where that is done. Let entries of presence expire, and renew them.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
timeout 90 venv/bin/pip install -q --disable-pip-version-check 'daphne==4.2.3' 'hypercorn==0.18.0' 'wsproto==1.3.2' \
    'granian==2.8.9' 'uvicorn==0.54.0' 'websockets==17.4' 'channels==4.3.2' 'django==5.2.19' || {
    echo "not installed, so nothing was tried" >&2
    exit 2
}
cat >lobby.py <<'PY'
"""A consumer that notes who comes and who goes."""

from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

settings.configure()


def note(*words):
    with open("notes", "a") as notes:
        print(*words, file=notes)


class Player(AsyncWebsocketConsumer):
    async def connect(self):
        await self.accept()
        note("connect")

    async def disconnect(self, code):
        note("disconnect", code)


app = Player.as_asgi()
PY
cat >ended.py <<'PY'
"""Two players of each server, which is ended: what they are told, and the consumers."""

import asyncio
import signal
import socket
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import websockets

PLAYERS = 2
SERVERS = {
    "daphne": "daphne --port {} lobby:app",
    "granian": "granian --interface asginl --port {} lobby:app",
    "hypercorn": "hypercorn --bind 127.0.0.1:{} lobby:app",
    "uvicorn": "uvicorn --lifespan off --ws websockets --port {} lobby:app",
}


async def ended(command):
    """The close codes of the players, after how many seconds, and what the consumers noted."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    notes = Path("notes")
    notes.write_text("")
    with open("log", "w") as log:
        server = subprocess.Popen(f"venv/bin/{command.format(port)}".split(), stdout=log, stderr=log)
    try:
        players = []
        while len(players) < PLAYERS:
            try:
                players.append(await websockets.connect(f"ws://127.0.0.1:{port}/"))
            except OSError:
                await asyncio.sleep(0.1)
        while notes.read_text().count("\n") < PLAYERS:
            await asyncio.sleep(0.1)
        server.send_signal(signal.SIGTERM)
        began = time.monotonic()
        for player in players:
            await player.wait_closed()
        after_s = time.monotonic() - began
        await asyncio.to_thread(server.wait, 15)
    finally:
        server.kill()
    return [player.close_code for player in players], after_s, notes.read_text().split("\n")[:-1]


async def main():
    print(", ".join(f"{name} {version(name)}" for name in ("channels", "django")))
    codes, told = {}, {}
    for name, command in SERVERS.items():
        codes[name], after_s, notes = await asyncio.wait_for(ended(command), 25)
        told[name] = sum(note.startswith("disconnect") for note in notes)
        print(
            f"{name} {version(name)}: of {PLAYERS} consumers {told[name]} are told to disconnect; "
            f"the players see {[int(code) for code in codes[name]]} after {after_s:.1f} s"
        )
    is_so = (
        told == {"daphne": 0, "granian": 0, "hypercorn": 0, "uvicorn": PLAYERS}
        and set(codes["daphne"] + codes["granian"]) == {1006}
        and 1012 not in codes["hypercorn"]
        and set(codes["uvicorn"]) == {1012}
    )
    print("as described: only under uvicorn a consumer is told" if is_so else "a server behaves otherwise now")
    sys.exit(0 if is_so else 1)


asyncio.run(main())
PY
timeout 70 venv/bin/python ended.py
