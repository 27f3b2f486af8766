"""Locust with WebSockets as the usual recipe has it: a user is a greenlet with a connection of websocket-client and a
second greenlet that receives; every message is a request event.

A locustfile. Its options are in the environment: ``RECIPE_WS_URL``, ``RECIPE_TOKENS``, ``RECIPE_HEARTBEAT_S``,
``RECIPE_FEATURES``.
"""

from __future__ import annotations

import json
import os
import random
import time
from itertools import count
from pathlib import Path
from typing import Any

import gevent
import websocket
from locust import User, task

TOKENS = Path(os.environ["RECIPE_TOKENS"]).read_text(encoding="utf-8").split() if "RECIPE_TOKENS" in os.environ else []
NUMBERS = count()


class Player(User):
    def on_start(self) -> None:
        number, began_s = next(NUMBERS), time.perf_counter()
        self.socket = websocket.create_connection(os.environ["RECIPE_WS_URL"], timeout=60)
        self.tell("upgrade", (time.perf_counter() - began_s) * 1000, 0)
        data: dict[str, Any] = {"version": "13020", "name": f"player {number}", "token": TOKENS[number]}
        if features := os.environ.get("RECIPE_FEATURES"):
            data["features"] = features.split(",")
        self.socket.send(json.dumps({"type": "handshake", "data": data}))
        self.pinged_s: list[float] = []
        self.receiving = gevent.spawn(self.receive)
        self.is_new = True

    def receive(self) -> None:
        while True:
            try:
                received = self.socket.recv()
            except (OSError, websocket.WebSocketException):
                return
            kind = json.loads(received)["type"]
            took_ms = (time.perf_counter() - self.pinged_s.pop(0)) * 1000 if kind == "pong" else 0
            self.tell(kind, took_ms, len(received))

    def tell(self, name: str, took_ms: float, length: int) -> None:
        self.environment.events.request.fire(
            request_type="WS", name=name, response_time=took_ms, response_length=length, exception=None, context={}
        )

    def wait_time(self) -> float:
        return float(os.environ["RECIPE_HEARTBEAT_S"])

    @task
    def beat(self) -> None:
        if self.is_new:
            self.is_new = False
            gevent.sleep(random.random() * self.wait_time())
        self.pinged_s.append(time.perf_counter())
        self.socket.send('{"type":"ping","data":{}}')
