"""Each bench of the engine at a handful of clients, against real servers and peers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from bench import cli
from bench.analysis.goals import find_readings
from bench.load.sockets.sinks import Sinks
from bench.measures import (
    ACCEPTS_AGAIN,
    BACK_WITHIN,
    BASE_P99,
    CPU_IN_ALL,
    CPU_OF_A_ROOM,
    CPU_PER_CONNECTION,
    CPU_PER_EVENT,
    CPU_PER_RECIPIENT,
    DELTA_P99,
    FETCHES,
    LAST_FRESH,
    PEAK_RSS,
    ROOMS_PER_S,
    RSS_IN_ALL,
    SIGTERM,
    UNTIL_ALL,
    WRONG_LISTS,
    Measure,
)
from bench.processes.cpu import plan_cpus
from bench.processes.lab import Lab, target_factory
from bench.processes.peer import PeerFailed, python_peer, start_peer
from bench.processes.progress import PlainReporter
from bench.processes.remote import Remote
from bench.record.files.run_file import read_run
from bench.record.findings import Findings
from bench.record.profiles.standard import SMOKE
from bench.record.vocabulary import FLOOR, LOBBY, NAIVE_TORNADO, OTHER_BUILD
from bench.scenarios import reconnect, storm
from bench.scenarios.engine import fanout, freshness, memory, room_creation, rooms_get
from loadtest.client.reconnect import FixedReconnect
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.system

ROOT = Path(__file__).resolve().parents[3]
CLIENTS = 20
TINY = replace(SMOKE.engine, broadcasts=2, memory=[CLIENTS])
PROFILE = replace(SMOKE, engine=TINY)


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Lab:
    """With pauses that are long enough for a handful of clients."""
    monkeypatch.setattr(fanout, "SETTLE_S", 0.05)
    monkeypatch.setattr(memory, "QUIET_S", 0.05)
    monkeypatch.setattr(freshness, "INTERVAL_S", 0.3)
    monkeypatch.setattr(freshness, "CHANGES", 2)
    monkeypatch.setattr(freshness, "QUIET_S", 0.3)
    cpus = plan_cpus()
    return Lab(profile=PROFILE, seed=1, cpus=cpus, reporter=PlainReporter(), server_factory=target_factory(cpus))


def figure(result: Findings, name: Measure, party: str = LOBBY) -> float:
    (reading,) = find_readings(result, name, party, CLIENTS)
    return reading.value


def test_fanout_has_everybody_hear_every_party(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout, "node_command", lambda: None)
    result = fanout.run(lab, TINY)
    assert result.faults == []
    assert all(figure(result, CPU_PER_RECIPIENT, party) > 0 for party in (FLOOR, NAIVE_TORNADO))
    figure(result, CPU_PER_RECIPIENT)  # of so few, the room's price hides it: it can come out below 0
    assert any("Node.js ws was skipped" in note for note in result.notes)


def test_storm_is_told_exactly(lab: Lab) -> None:
    result = storm.run(lab, [CLIENTS])
    assert result.faults == []
    assert figure(result, CPU_PER_EVENT) > 0


def test_herd_comes_back(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconnect, "STOP_SIGNALS", reconnect.STOP_SIGNALS[:1])
    monkeypatch.setattr(reconnect, "POLICIES", {"fixed 5 s": FixedReconnect(interval_s=0.5)})
    result = reconnect.run(lab, [CLIENTS])
    assert result.faults == []
    (back,) = result.find(BACK_WITHIN[100], "fixed 5 s, SIGTERM")
    (listening,) = result.find(ACCEPTS_AGAIN, "fixed 5 s, SIGTERM")
    assert back.value >= 0.5
    assert 0 < listening.value <= back.value


def test_memory_is_looked_at(lab: Lab) -> None:
    assert memory.run(lab, TINY).faults == []


def test_everybody_ends_with_the_truth(lab: Lab) -> None:
    result = freshness.run(lab, TINY)
    assert result.faults == []
    assert figure(result, WRONG_LISTS) == 0
    assert 0 < figure(result, FETCHES) <= 1


def test_rooms_get_on_the_command_line_leaves_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms_get, "TURNS_A_REPEAT", 1)
    done = CliRunner().invoke(cli.main, ["run", "rooms-get", "--smoke", "--output", str(tmp_path / "run")])
    assert "RequestHandler ÷ lobby" in done.stdout
    (result,) = read_run(tmp_path / "run" / "run.json").findings
    assert result.name == "rooms-get"
    assert result.faults == []
    assert (tmp_path / "run" / "tables.txt").read_text(encoding="utf-8").startswith("rooms-get")


@pytest.fixture
def two_builds(lab: Lab) -> Lab:
    """The same build twice."""
    return Lab(
        profile=PROFILE, seed=1, cpus=lab.cpus, reporter=PlainReporter(), server_factory=target_factory(lab.cpus),
        base=ROOT,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("run", "measures"),
    [
        (lambda lab: fanout.run(lab, TINY), [UNTIL_ALL, CPU_OF_A_ROOM]),
        (lambda lab: freshness.run(lab, TINY), [BASE_P99, DELTA_P99]),
        (lambda lab: reconnect.run(lab, [CLIENTS]), [LAST_FRESH[SIGTERM], CPU_PER_CONNECTION]),
        (lambda lab: room_creation.run(lab, TINY), [ROOMS_PER_S]),
        (lambda lab: storm.run(lab, [CLIENTS]), [CPU_IN_ALL, PEAK_RSS]),
        (lambda lab: memory.run(lab, TINY), [RSS_IN_ALL]),
    ],
    ids=["fanout", "engine-freshness", "reconnect", "room-creation", "storm", "memory"],
)
def test_another_build_is_measured_as_often_as_this_one(
    two_builds: Lab, run: Callable[[Lab], Findings], measures: list[Measure], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconnect, "STOP_SIGNALS", reconnect.STOP_SIGNALS[:1])
    result = run(two_builds)
    assert result.faults == []
    for measure in measures:
        own, other = (find_readings(result, measure, party, CLIENTS) for party in (LOBBY, OTHER_BUILD))
        assert len(own) == len(other) > 0
        assert all(reading.value > 0 for reading in (*own, *other))


def test_room_creation_on_the_command_line_names_the_ratio_to_the_other_build(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        cli.main, ["run", "room-creation", "--smoke", "--base", str(ROOT), "--output", str(tmp_path / "run")]
    )
    assert "lobby ÷ the other build" in done.stdout, done.output
    assert done.exit_code in (0, 4), done.output  # so short a turn may be disturbed


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("room-creation", "--base", "{folder}"), "is no checkout of the server"),
        (("rooms-get", "--base", str(ROOT)), "rooms-get compares no builds"),
    ],
)
def test_base_that_cannot_be_compared_with_is_one_sentence(
    arguments: tuple[str, ...], sentence: str, tmp_path: Path
) -> None:
    done = CliRunner().invoke(cli.main, ["run", "--smoke", *(each.format(folder=tmp_path) for each in arguments)])
    assert done.exit_code == 2
    assert sentence in done.stderr


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
        assert sinks.call(Sinks.hear, 12, PATIENCE_S) == 12
        assert sinks.call(Sinks.heard).events == [4, 4, 4]
