"""One server a data folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.processes.target import Target, TargetFailed


def test_second_server_on_a_folder_is_told_so_and_the_first_goes_on(tmp_path: Path) -> None:
    with Target(data_dir=tmp_path) as first:
        second = Target(data_dir=tmp_path, environment={"LOBBY_JWT_SECRET": first.jwt_secret})
        with pytest.raises(TargetFailed, match=r"(?s)exit code 2.*Another server runs on the data folder"):
            second.start()
        first.kill()
        with second.running():
            assert second.port != 0
