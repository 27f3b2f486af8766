"""A plan of the swarm becomes a schedule: the same roles, moments and choices as the swarm's for the same seed."""

from __future__ import annotations

import pickle
from collections import Counter
from dataclasses import replace

import pytest
from click.testing import CliRunner

from bench.cli import main
from bench.simulation.many import quiet, search
from bench.simulation.run import simulate
from bench.simulation.schedule import BEGIN_S, NODES, Schedule, read_schedule
from bench.simulation.swarm_plan import SwarmSchedules
from loadtest.results.exit_codes import UsageError
from loadtest.workload.plan import SwarmPlan
from lobby_server.protocol.features import Feature

EVERYTHING = ("--mix", "host=2,joiner=3,socializer=2,flapper=1,tabber=1,poller=1,slow_reader=1,browser=1", "-u", "12",
              "-t", "15s", "--room-interval-s", "6", "--room-lifetime-s", "4", "--visit-interval-s", "4", "--visit-s",
              "5", "--chat-interval-s", "1", "--drop-interval-s", "5", "--pause-interval-s", "5", "--pause-s", "2",
              "--mode", "browser=rooms_delta,host=rev")  # fmt: skip


def schedule_of_swarm(*flags: str, seed: int = 3, faults: int | None = 0) -> Schedule:
    return SwarmSchedules(flags, faults)(seed)


def connected_at(schedule: Schedule, at_s: float) -> int:
    changes = {"come": 1, "go": -1}
    return sum(changes.get(each.what, 0) for each in schedule.events if each.at_s <= BEGIN_S + at_s)


@pytest.mark.parametrize(("role", "acts"), [
    ("host", {"make_room": "create_room", "delete_room": "delete_room"}),
    ("joiner", {"join": "join", "chat": "say_room", "leave": "leave"}),
    ("flapper", {"drop": "drop", "vanish": "half_open"}),
])  # fmt: skip
def test_player_does_what_the_player_of_the_swarm_intends(role: str, acts: dict[str, str]) -> None:
    flags = ("--mix", f"{role}=1", "-u", "1", "-t", "100s", "--room-interval-s", "20", "--room-lifetime-s", "9",
             "--visit-interval-s", "10", "--drop-interval-s", "9", "--silent-share", "0.5")  # fmt: skip
    schedules = SwarmSchedules(flags, 0)
    options = schedules.swarm.options
    for seed in range(3):
        of_seed = replace(options, seed=seed)
        intended = []
        for intent in SwarmPlan(of_seed).player(0).schedule(of_seed):
            if intent.at_s >= 100.0:
                break
            intended.append((round(BEGIN_S + intent.at_s, 3), acts[intent.act.__name__], int(intent.choice * 1000)))
        planned = [(each.at_s, each.what, each.a) for each in schedules(seed).events if each.what != "come"]
        assert planned == intended
        assert len(intended) > 5


def test_life_of_rooms_and_quarrels_are_played_too() -> None:
    lively = (*EVERYTHING, "--room-life", "1", "--mode", "room_state", "--quarrel-share", "0.5",
              "--whereabouts-share", "1")  # fmt: skip
    played = {each.what for each in schedule_of_swarm(*lively, "-t", "60s").events}
    assert {"change_room", "kick", "hand_over_room", "start_room", "reopen_room"} <= played
    assert {"use_code", "set_ready", "block"} <= played
    assert "" not in played, "what is nothing in a simulation is left out"


def test_mix_is_that_of_the_swarm() -> None:
    flags = ("--mix", "host=6,joiner=3,tabber=1", "-u", "20", "--tabs", "2")
    schedule = schedule_of_swarm(*flags)
    assert Counter(part.role for part in schedule.cast if not part.is_tab) == {"host": 12, "joiner": 6, "tabber": 2}
    assert sum(part.is_tab for part in schedule.cast) == 2


def test_modes_are_the_features_of_the_cast() -> None:
    schedule = schedule_of_swarm("--mix", "host=1,browser=1", "-u", "4", "--mode", "browser=rev+drain")
    features = {part.role: part.features for part in schedule.cast}
    assert features == {"host": frozenset(), "browser": frozenset({Feature.REV, Feature.DRAIN})}


def test_shape_says_who_is_there() -> None:
    flags = ("--mix", "browser=1", "-u", "30", "-t", "40s", "-r", "100", "--shape", "spike", "--spike-at-s", "10",
             "--spike-s", "10", "--spike-base", "0.1")  # fmt: skip
    schedule = schedule_of_swarm(*flags)
    assert [connected_at(schedule, at_s) for at_s in (9.0, 15.0, 30.0, 39.0)] == [3, 30, 3, 3]


def test_arrivals_take_seats_as_long_as_there_are_any() -> None:
    flags = ("--mix", "browser=1", "-u", "5", "-t", "60s", "--arrivals-per-s", "2", "--session-s", "fixed:10")
    schedule = schedule_of_swarm(*flags)
    assert max(connected_at(schedule, tenth / 10) for tenth in range(600)) == 5
    assert len(schedule.cast) > 20


def test_sessions_end_and_begin_again() -> None:
    flags = ("--mix", "host=1", "-u", "1", "-t", "100s", "--session-s", "fixed:20", "--away-s", "fixed:5")
    schedule = schedule_of_swarm(*flags)
    comes, goes = ([each.at_s for each in schedule.events if each.what == what] for what in ("come", "go"))
    assert [round(at_s - BEGIN_S) for at_s in comes] == [0, 25, 50, 75]
    assert [round(at_s - BEGIN_S) for at_s in goes] == [20, 45, 70, 95]


def test_restart_takes_all_nodes() -> None:
    schedule = schedule_of_swarm("--shape", "restart", "--restart-at-s", "7", "-t", "20s")
    assert [(each.at_s, each.what) for each in schedule.events if each.is_fault] == [(BEGIN_S + 7.0, "rolling")]


def test_faults_are_drawn_besides() -> None:
    assert schedule_of_swarm(*EVERYTHING, faults=11).faults - schedule_of_swarm(*EVERYTHING, faults=0).faults == 11
    assert schedule_of_swarm(*EVERYTHING, faults=None).faults >= 5


def test_schedule_of_a_swarm_is_read_as_it_is_written() -> None:
    schedule = schedule_of_swarm(*EVERYTHING, faults=9)
    assert read_schedule(str(schedule)) == schedule


def test_schedules_are_the_same_in_another_process() -> None:
    schedules = SwarmSchedules(EVERYTHING, 5)
    assert pickle.loads(pickle.dumps(schedules))(8) == schedules(8)


def test_plan_that_ships_becomes_a_schedule() -> None:
    schedule = schedule_of_swarm("--plan", "launch-day", "-u", "40", "-t", "60s")
    assert {part.role for part in schedule.cast} == {"browser", "host", "joiner", "flapper", "socializer"}
    assert connected_at(schedule, 59.0) > 3 * connected_at(schedule, 29.0)


def test_swarm_with_faults_holds() -> None:
    failed = search(range(3), make=SwarmSchedules(EVERYTHING))
    assert failed is None, f"{failed.violation}: {failed.schedule}"


def test_players_of_a_swarm_do_all_that_they_intend() -> None:
    with quiet():
        story = simulate(schedule_of_swarm(*EVERYTHING), tells=True).story
    told = " ".join(what for _, _, what in story)
    for what in ("create_room", "joins room", "says", "invite_to_party", "join_party", "polls: ", "reads nothing",
                 "loses the network"):  # fmt: skip
        assert what in told


@pytest.mark.parametrize(("flags", "sentence"), [
    (("--mix", "dancer=1"), "--mix: dancer is no role"),
    (("--sedes", "3"), "Unrecognized arguments: --sedes 3."),
    (("-t", "soon"), "--run-time soon is no time"),
    (("-u", "0"), "--users must be above 0."),
    (("--plan", "no-such-plan"), "--plan: no-such-plan cannot be read"),
    (("--fault", "kill:4711@60"), "--fault names processes"),
    (("--protocol", "socketio"), "--protocol"),
])  # fmt: skip
def test_flags_that_cannot_be_played_are_refused_with_a_sentence(flags: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        schedule_of_swarm(*flags)
    result = CliRunner().invoke(main, ["simulate", *flags])
    assert result.exit_code == 2
    assert sentence in result.output


def test_command_plays_a_plan() -> None:
    result = CliRunner().invoke(main, ["simulate", "--seeds", "1", "--mix", "host=1,joiner=1", "-u", "4", "-t", "5s"])
    assert result.exit_code == 0, result.output
    assert "everything held" in result.output


def test_faults_without_a_swarm_are_refused() -> None:
    result = CliRunner().invoke(main, ["simulate", "--faults", "3"])
    assert result.exit_code == 2


def test_schedule_of_another_node_than_there_is_is_refused() -> None:
    with pytest.raises(ValueError, match="there are 3"):
        read_schedule(f"1: 5 kill {NODES} 0 0")
