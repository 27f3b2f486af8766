"""Roles of one's own with errors in them: said to be the roles', and nothing of them is blamed on the server."""

import json
import os
from dataclasses import dataclass
from typing import Any

import pytest

from loadtest.results.exit_codes import ExitCode
from tests.loadtest.faulty_lobby import Faults, FaultyLobby, token
from tests.loadtest.swarms import run_command_until

pytestmark = pytest.mark.system

PLAYERS = 12
ACTS = 8
BROKEN = f"""
from loadtest import swarm
from loadtest.client import ServerAway
from loadtest.locustfile import Player  # noqa: F401


@swarm.role("deaf")
class Deaf(swarm.Browser):
    @swarm.on("rooms_changed")
    def on_rooms(self, message):
        message.no_such_part

    def on_presence(self, user_id, is_online):
        raise KeyError(user_id)


@swarm.role("clumsy")
class Clumsy(swarm.Browser):
    tries = swarm.counter("tries")

    @classmethod
    def schedule(cls, options, rng):
        for number in range({ACTS}):
            yield swarm.Intent(0.3 * number, cls.act)

    def act(self, at_s, choice):
        self.tries.add()
        self.nowhere.send("hello")


@swarm.role("stillborn")
class Stillborn(swarm.Browser):
    def begin(self):
        raise RuntimeError("not today")


@swarm.role("shut_out")
class ShutOut(swarm.Browser):
    def begin(self):
        raise ServerAway("http://127.0.0.1:9", "refused")


@swarm.role("aimless")
class Aimless(swarm.Browser):
    @classmethod
    def schedule(cls, options, rng):
        return None


@swarm.role("mishearing")
class Mishearing(swarm.Browser):
    seated = swarm.series("asked to seated")
    cheers = swarm.expectation("cheer heard", within_s=1)
    seats = swarm.counter("seats")

    @swarm.on("room_joind")
    def on_joined(self, joined):
        pass
"""


@dataclass
class Ran:
    code: int
    errors: str
    run: dict[str, Any]

    def faults_of(self, role: str) -> dict[str, int]:
        """Of that role, by their words."""
        start = f"faults of the role {role}: "
        return {
            name.removeprefix(start): number for name, number in self.run["events"].items() if name.startswith(start)
        }


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder = tmp_path_factory.mktemp("broken")
    (folder / "broken.py").write_text(BROKEN)
    (folder / "tokens").write_text("\n".join(token(user_id) for user_id in range(1, PLAYERS + 1)))
    with FaultyLobby(Faults(change_every_s=0.2)) as lobby:
        done = run_command_until(
            has_failed, folder, "-f", "broken.py", "--host", lobby.url, "--tokens", "tokens", "-u", PLAYERS, "-r", 50,
            "--headless", "--mix", "deaf=1,clumsy=1,stillborn=1,shut_out=1,aimless=1,mishearing=1", "--seed", 4,
            "--phase", "all", "--heartbeat-interval-s", 1, environment=os.environ,
        )  # fmt: skip
    assert (folder / "run/run.json").exists(), done.errors[-3000:]
    return Ran(done.code, done.errors, json.loads((folder / "run/run.json").read_text()))


def has_failed(run: dict[str, Any]) -> bool:
    """Everything that is to go wrong has."""
    events = run["events"]

    def faults(role: str, where: str) -> int:
        return sum(n for name, n in events.items() if f"the role {role}: " in name and f"({where}, " in name)

    has_begun = faults("stillborn", "begin") == faults("aimless", "schedule") == events.get("players who gave up") == 2
    is_deaf = faults("deaf", "on_rooms") > 2 * 3 and faults("deaf", "on_presence") > 0
    return has_begun and is_deaf and events.get("tries") == 2 * ACTS


def line_of(text: str) -> int:
    return BROKEN.split("\n").index(text) + 1


def test_an_error_in_a_handler_is_the_roles_and_loses_no_connection(ran: Ran):
    assert ran.run["counts"]["losses"] == 0
    faults = ran.faults_of("deaf")
    [kind] = [kind for kind in faults if "on_rooms" in kind]
    assert kind == (
        "AttributeError: 'RoomsChanged' object has no attribute 'no_such_part' "
        f"(on_rooms, broken.py:{line_of('        message.no_such_part')})"
    )
    assert faults[kind] > 2 * 3
    assert [kind for kind in faults if kind.startswith("KeyError: ") and "(on_presence, " in kind]


def test_an_error_in_an_action_ends_that_one_and_the_plan_goes_on(ran: Ran):
    [(kind, number)] = ran.faults_of("clumsy").items()
    assert kind.startswith("AttributeError: 'Clumsy' object has no attribute 'nowhere' (act, broken.py:")
    assert number == ran.run["events"]["tries"] == 2 * ACTS


def test_a_role_that_cannot_begin_fails_once_per_player_and_not_again_at_once(ran: Ran):
    [(kind, number)] = ran.faults_of("stillborn").items()
    assert kind.startswith("RuntimeError: not today (begin, broken.py:")
    assert number == 2


def test_a_role_whose_call_fails_at_its_beginning_gives_up_and_is_no_fault_of_its_code(ran: Ran):
    assert ran.faults_of("shut_out") == {}
    assert ran.run["events"]["players who gave up"] == 2
    assert "Players of the role shut_out leave, this is why: no answer from http://127.0.0.1:9" in ran.errors


def test_a_schedule_that_is_none_is_named(ran: Ran):
    [(kind, number)] = ran.faults_of("aimless").items()
    assert kind.startswith("TypeError: 'NoneType' object is not iterable (schedule, ")
    assert number == 2


def test_the_run_is_invalid_with_the_roles_as_the_reason(ran: Ran):
    assert ran.run["validity"]["level"] == "INVALID"
    [reason] = [reason for reason in ran.run["validity"]["reasons"] if "the code of a role failed" in reason]
    assert "such as faults of the role deaf: " in reason
    assert ran.code == ExitCode.INVALID


def test_the_log_shows_each_kind_once_with_its_trace(ran: Ran):
    assert ran.errors.count("    message.no_such_part") == 1


def test_figures_of_which_nothing_was_recorded_are_named(ran: Ran):
    assert "the role mishearing recorded nothing of asked_to_seated, cheer_heard" in ran.run["validity"]["notes"]


def test_a_handler_of_what_never_came_is_told(ran: Ran):
    assert "the role mishearing listens to room_joind, and no message of that type came" in ran.run["validity"]["notes"]
