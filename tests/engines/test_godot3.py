"""Godot 3.2.3, the engine of the specification's client, against a real server process."""

from __future__ import annotations

import signal
from pathlib import Path

from bench.processes.target import Target
from tests.engines.godot import running_godot
from tests.process.clients import connect, register, token_of


def test_client_without_features_notices_the_drain_and_is_back_on_the_next_server(tmp_path: Path) -> None:
    target = Target(data_dir=tmp_path / "data")
    with target.running():
        account = register(target, "ada").body["user"]
        with running_godot(tmp_path, http_url=target.http_url, retry_s=0.2) as godot:
            godot.log_in("ada", "a password")
            godot.do("connect")
            godot.expect(signal="connection_established")
            godot.expect(signal="user_status_changed", user_id=account["id"], is_online=True)
            assert target.stop(signal.SIGTERM) == 0
            godot.expect(signal="connection_lost")
            target.start()
            godot.expect(signal="connection_established")
            other = connect(target, token_of(target, 77, "other"))
            godot.expect(signal="user_status_changed", user_id=77, is_online=True)
            other.close()
    assert "ERROR" not in target.log_path.read_text()
