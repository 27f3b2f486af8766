"""How soon clients are back after the server was stopped and started again, with the seed's fixed retry."""

from __future__ import annotations

import time

from bench.lab import Lab
from bench.results import ReconnectResult, Return
from bench.returners import Returners

FLAGS = ("--auth-rate-per-min", "0", "--log-level", "warning")

ROUNDS = 3
"""Retries after which a client that is not back counts as not coming."""


def run(lab: Lab) -> ReconnectResult:
    sizes = lab.profile.reconnect
    with (
        lab.reporter.stage("reconnect", 3) as stage,
        lab.server(FLAGS) as server,
        lab.generator(
            Returners,
            ws_url=server.ws_url,
            secret=server.jwt_secret,
            clients=sizes.clients,
            retry_s=sizes.retry_s,
        ) as returners,
    ):
        stage.say(f"connecting {sizes.clients} clients")
        returners.call(Returners.connect)
        stage.advance()
        stage.say("stopping and starting the server")
        stop_s = time.perf_counter()
        server.stop()
        server.start()
        up_again_s = time.perf_counter() - stop_s
        stage.advance()
        stage.say("waiting for the clients")
        ways = returners.call(Returners.ways, ROUNDS * sizes.retry_s)
        return ReconnectResult(
            flags=list(FLAGS),
            clients=sizes.clients,
            up_again_s=up_again_s,
            returns=[
                Return(
                    lost_s=way.lost_s - stop_s if way.lost_s is not None else None,
                    back_s=way.back_s - stop_s if way.back_s is not None else None,
                    attempts=way.attempts,
                    close_code=way.close_code,
                )
                for way in ways
            ],
        )
