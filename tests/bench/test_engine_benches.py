"""Each bench of the engine at a handful of clients, against real servers and peers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench import cli
from bench.cpu import plan_cpus
from bench.engine_results import EngineResult
from bench.goals import CPU_A_RECIPIENT, CPU_AN_EVENT, FETCHES, FLOOR, LOBBY, NAIVE, WRONG_LISTS, find_readings
from bench.lab import Lab, target_factory
from bench.peer import PeerFailed, python_peer, start_peer
from bench.profiles import SMOKE
from bench.progress import PlainReporter
from bench.remote import Remote
from bench.results import read_run
from bench.scenarios import engine, fanout, fresh, memory, reconnection, storm
from bench.sinks import Sinks

CLIENTS = 20
TINY = replace(engine.SMOKE, broadcasts=2, memory=(CLIENTS,))


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Lab:
    """With pauses that are long enough for a handful of clients."""
    monkeypatch.setattr(fanout, "SETTLE_S", 0.05)
    monkeypatch.setattr(memory, "QUIET_S", 0.05)
    monkeypatch.setattr(fresh, "INTERVAL_S", 0.3)
    monkeypatch.setattr(fresh, "CHANGES", 2)
    monkeypatch.setattr(fresh, "QUIET_S", 0.3)
    cpus = plan_cpus()
    return Lab(profile=SMOKE, seed=1, cpus=cpus, reporter=PlainReporter(), server_factory=target_factory(cpus))


def figure(result: EngineResult, name: str, party: str = LOBBY) -> float:
    (reading,) = find_readings(result, name, party, CLIENTS)
    return reading.value


def test_fanout_has_everybody_hear_every_party(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout, "node_command", lambda: None)
    result = fanout.run(lab, TINY)
    assert result.faults == []
    assert all(figure(result, CPU_A_RECIPIENT, party) > 0 for party in (FLOOR, NAIVE))
    figure(result, CPU_A_RECIPIENT)  # of so few, the room's price hides it: it can come out below 0
    assert any("Node.js ws was skipped" in note for note in result.notes)


def test_storm_is_told_exactly(lab: Lab) -> None:
    result = storm.run(lab, TINY)
    assert result.faults == []
    assert figure(result, CPU_AN_EVENT) > 0


def test_herd_comes_back(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconnection, "WAYS", reconnection.WAYS[:1])
    result = reconnection.run(lab, TINY)
    assert result.faults == []


def test_memory_is_looked_at(lab: Lab) -> None:
    assert memory.run(lab, TINY).faults == []


def test_everybody_ends_with_the_truth(lab: Lab) -> None:
    result = fresh.run(lab, TINY)
    assert result.faults == []
    assert figure(result, WRONG_LISTS) == 0
    assert 0 < figure(result, FETCHES) <= 1


def test_rooms_get_on_the_command_line_leaves_a_run(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli.main, ["run", "rooms-get", "--smoke", "--output", str(tmp_path / "run")])
    assert "RequestHandler ÷ lobby" in done.stdout
    (result,) = read_run(tmp_path / "run" / "run.json").engine or []
    assert result.name == "rooms-get"
    assert result.faults == []
    assert (tmp_path / "run" / "engine.txt").read_text(encoding="utf-8").startswith("rooms-get")


def test_size_of_a_bench_is_refused_for_a_scenario_of_the_report() -> None:
    done = CliRunner().invoke(cli.main, ["run", "broadcast", "--clients", "10"])
    assert done.exit_code == 2
    assert "broadcast is none of them" in done.stderr


def test_peer_that_does_not_start_is_an_error() -> None:
    with pytest.raises(PeerFailed, match="did not start"), start_peer(["true"], cpus=None):
        pass


def test_sink_counts_what_arrives_in_pieces() -> None:
    with (
        start_peer(python_peer("floor"), cpus=None) as peer,
        Remote(Sinks, port=peer.port, pattern=b'"rooms_changed"') as sinks,
    ):
        sinks.call(Sinks.open, 3, upgrade=False)
        for _ in range(4):
            peer.fire()
        assert sinks.call(Sinks.hear, 12, 5.0) == 12
        assert sinks.call(Sinks.heard).events == [4, 4, 4]
