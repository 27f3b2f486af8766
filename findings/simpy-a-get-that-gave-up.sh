#!/usr/bin/env bash
# Guess:    in SimPy, `yield store.get() | env.timeout(1)` waits a second for a message, as `asyncio.wait_for` does: when the
#           second is over, nothing was taken, and the next get has the next message.
# Really:   the get that gave up stays in the queue of the store. The next message goes to it, where nobody looks, and the
#           receiver waits for the one after that. A Resource grants a unit to a request that gave up in the same way, and
#           has it back never. Nothing is raised and nothing is counted. `with store.get() as get:` takes it back, as
#           `get.cancel()` does.
# Versions: SimPy 4.1.2, CPython 3.11, 2026-11-30.
# Who:      models of protocols and servers: receivers with a time-out, heartbeats, clients that lose their patience.
# Matters:  the model loses messages that no fault of its network has lost, and its servers lose capacity, most of it
#           where there is little to do: a loss and a delay that look like results.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
timeout 60 venv/bin/pip install -q --disable-pip-version-check 'simpy==4.1.2' || {
    echo "not installed, so nothing was tried" >&2
    exit 2
}
cat >gave_up.py <<'PY'
"""A receiver that waits a second at a time, and seats that somebody lost the patience for."""

import asyncio
import sys
from importlib.metadata import version

import simpy

MESSAGES = 10
EVERY_S = 2.5  # so there are two time-outs, or three, before each message


def in_simpy(*, takes_back):
    """What the receiver has heard: EVERY_S between messages, a time-out of a second."""
    env = simpy.Environment()
    inbox = simpy.Store(env)
    heard = []

    def sender():
        for number in range(MESSAGES):
            yield env.timeout(EVERY_S)
            yield inbox.put(number)

    def receiver():
        while True:
            get = inbox.get()
            yield get | env.timeout(1)
            if get.triggered:
                heard.append(get.value)
            elif takes_back:
                get.cancel()

    env.process(sender())
    env.process(receiver())
    env.run(until=EVERY_S * MESSAGES + 5)
    return heard


async def in_asyncio():
    """The same with asyncio.Queue, a hundred times as fast."""
    inbox = asyncio.Queue()
    heard = []

    async def receiver():
        while True:
            try:
                heard.append(await asyncio.wait_for(inbox.get(), 0.01))
            except TimeoutError:
                pass

    task = asyncio.create_task(receiver())
    for number in range(MESSAGES):
        await asyncio.sleep(EVERY_S / 100)
        inbox.put_nowait(number)
    await asyncio.sleep(0.05)
    task.cancel()
    return heard


def served_after_one_gave_up(*, takes_back):
    """How many of five players had the one seat, if another one waited for it for a second only, while it was taken."""
    env = simpy.Environment()
    seat = simpy.Resource(env, capacity=1)
    served = []

    def player(number, arrives_s):
        yield env.timeout(arrives_s)
        with seat.request() as request:
            yield request
            yield env.timeout(3)
            served.append(number)

    def impatient():
        yield env.timeout(1)
        request = seat.request()
        yield request | env.timeout(1)
        if takes_back and not request.triggered:
            request.cancel()

    for number in range(5):
        env.process(player(number, number * 5))
    env.process(impatient())
    env.run(until=1_000)
    return len(served)


print(f"SimPy {version('simpy')}, Python {sys.version.split()[0]}")
usual, taken_back, queue = in_simpy(takes_back=False), in_simpy(takes_back=True), asyncio.run(in_asyncio())
print(f"SimPy,   get | timeout               : of {MESSAGES} messages {len(usual)} were heard: {usual}")
print(f"SimPy,   get | timeout, then cancel(): of {MESSAGES} messages {len(taken_back)} were heard: {taken_back}")
print(f"asyncio, wait_for(queue.get())       : of {MESSAGES} messages {len(queue)} were heard: {queue}")
lost, kept = served_after_one_gave_up(takes_back=False), served_after_one_gave_up(takes_back=True)
print(f"a seat that one player did not wait for: {lost} of 5 others had it; with cancel(): {kept} of 5")
everything = list(range(MESSAGES))
is_so = len(usual) < MESSAGES and taken_back == queue == everything and lost == 1 and kept == 5
print("as described: a get or a request that gave up takes what comes next" if is_so else "SimPy behaves otherwise now")
sys.exit(0 if is_so else 1)
PY
timeout 20 venv/bin/python gave_up.py
