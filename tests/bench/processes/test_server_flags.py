"""The flags that the lab starts servers with are flags that the server has; its timers are read, not guessed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bench.load import cells
from bench.processes.contract import Contract, read_contract
from bench.processes.server_flags import lab_flags, server_flags
from bench.processes.target import Target
from bench.scenarios import bandwidth, broadcast, capacity, flap, peers, reconnect, storm, swarm
from bench.scenarios.cluster import flags as cluster_flags
from bench.scenarios.engine import fanout, freshness, memory, rooms_get, swarm_cost
from bench.scenarios.prediction import lists
from tests.bench.fake_lobby import fake_lobby

USED = {
    "bandwidth": (*bandwidth.FLAGS, *bandwidth.EVERYWHERE), "broadcast": broadcast.FLAGS, "capacity": capacity.FLAGS,
    "cells": cells.FLAGS, "fanout": fanout.FLAGS, "flap": (*flap.FLAGS, *server_flags(presence_grace_s=10)),
    "engine-freshness": freshness.FLAGS, "memory": memory.FLAGS, "peers": peers.STORM_FLAGS,
    "reconnect": reconnect.FLAGS,
    "rooms-get": rooms_get.FLAGS, "storm": storm.FLAGS, "swarm": swarm.FLAGS,
    "swarm-cost": swarm_cost.FLAGS, "prediction": lists.FLAGS, "cluster": cluster_flags.FLAGS,
    "target": server_flags(port=0, data_dir="folder"),
}  # fmt: skip


@pytest.fixture(scope="module")
def known_flags() -> set[str]:
    done = subprocess.run(
        [sys.executable, "-m", "lobby_server", "--help"], capture_output=True, text=True, check=True, timeout=60
    )
    return {word.rstrip(",") for word in done.stdout.split() if word.startswith("--")}


@pytest.mark.parametrize("scenario", USED)
def test_scenario_uses_flags_that_the_server_has(scenario: str, known_flags: set[str]) -> None:
    flags = USED[scenario]
    assert set(flags[::2]) <= known_flags
    assert not any(value.startswith("--") for value in flags[1::2])


def test_setting_becomes_a_flag_with_its_value_in_the_order_given() -> None:
    assert server_flags(heartbeat_timeout_s=600, tick_ms=20) == ("--heartbeat-timeout-s", "600", "--tick-ms", "20")
    assert server_flags() == ()


def test_every_server_of_the_lab_takes_any_number_of_registrations() -> None:
    assert lab_flags(drain_s=10) == ("--auth-rate-per-min", "0", "--log-level", "warning", "--drain-s", "10")


def test_timers_are_those_that_the_server_runs_with() -> None:
    flags = lab_flags(heartbeat_timeout_s=90, rooms_notify_interval_ms=125)
    with Target(flags=flags) as server:
        assert read_contract(server.http_url) == Contract(heartbeat_timeout_s=90.0, rooms_notify_interval_s=0.125)


def test_server_without_a_contract_is_an_error() -> None:
    with fake_lobby() as lobby, pytest.raises(OSError, match="404"):
        read_contract(f"{lobby.http_url}/nothing")


def test_quiet_is_longer_than_the_server_puts_announcements_together() -> None:
    with fake_lobby() as lobby:
        assert broadcast.quiet_of(lobby) == pytest.approx(0.25 + 0.15)
