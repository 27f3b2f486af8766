"""Every role against a real server, in this process: what it is there for shows in what it counts."""

import argparse
from collections.abc import Iterator

import gevent
import pytest
from locust.env import Environment
from locust.event import Events

from bench.processes.target import Target
from loadtest.output.recording_options import add_run_options
from loadtest.players import Player
from loadtest.players.roles.socializer import Socializer
from loadtest.players.swarm import Swarm, swarm_of
from loadtest.run.hooks import _Hooks
from loadtest.workload.options import add_options
from tests.loadtest.fakes import DEADLINE_S
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.system  # a server as a process


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with Target() as target:
        yield target


class Run:
    """One run of the swarm, as Locust makes it."""

    def __init__(self, target: Target, users: int, *arguments: str) -> None:
        parser = argparse.ArgumentParser()
        add_options(parser)
        add_run_options(parser)
        parsed = parser.parse_args(["--jwt-secret", target.jwt_secret, "--seed", "5", "--phase", "all", *arguments])
        vars(parsed).update(num_users=users, headless=True, autostart=False, processes=None, run_time=None)
        self.environment = Environment(
            user_classes=[Player], events=Events(), host=target.http_url, parsed_options=parsed
        )
        self.runner = self.environment.create_local_runner()
        hooks = _Hooks(self.environment)
        hooks.start.check_program()
        hooks.listen()
        self.runner.start(users, spawn_rate=1000)

    @property
    def swarm(self) -> Swarm:
        swarm = swarm_of(self.environment)
        assert swarm is not None
        return swarm

    def counts(self, name: str) -> int:
        swarm = swarm_of(self.environment)
        return swarm.recorder.events[name] if swarm is not None else 0

    def until(self, name: str, count: int) -> None:
        with gevent.Timeout(PATIENCE_S, AssertionError(f"no {count} of {name}")):
            while self.counts(name) < count:
                gevent.sleep(0.01)

    def end(self) -> None:
        self.runner.stop()


@pytest.fixture
def run(target: Target) -> Iterator[object]:
    runs: list[Run] = []

    def begin(users: int, *arguments: str) -> Run:
        runs.append(Run(target, users, *arguments))
        return runs[-1]

    yield begin
    for one in runs:
        one.end()


SEATS = 60
"""Far more than the players who are there at once: who finds none was not held up by a busy machine."""


def durations(swarm: Run, name: str | tuple[str, str]) -> int:
    """How many of that name there are, those that a busy machine delayed among them."""
    return sum(swarm.swarm.recorder.counts_by_place(name).values())


def test_players_are_on_their_way_from_when_locust_counts_them(run):
    """It does before they have done anything."""
    swarm = run(6, "--mix", "browser=4,poller=2")
    while swarm.runner.user_count < 6:
        gevent.sleep(0)
    assert len(swarm.swarm.arriving) >= 6, "none of them has had its turn"
    with gevent.Timeout(PATIENCE_S, AssertionError("they do not come")):
        while swarm.swarm.arriving:
            gevent.sleep(0.01)


def test_player_that_is_stopped_before_it_did_anything_is_not_waited_for(run):
    swarm = run(4)
    while swarm.runner.user_count < 4:
        gevent.sleep(0)
    swarm.end()
    assert not swarm.swarm.arriving


def test_joiners_join_a_hosts_room_chat_and_leave(run):
    life = ("--room-interval-s", "fixed:2", "--room-lifetime-s", "fixed:2")
    visits = ("--visit-interval-s", "fixed:0.3", "--visit-s", "fixed:0.3", "--chat-interval-s", "fixed:0.1")
    swarm = run(8, "--mix", "host=4,joiner=4", *life, *visits)
    for event in ("sent leave_room", "received room_joined", "received chat"):
        swarm.until(event, 2)
    swarm.end()
    joins = durations(swarm, ("WS", "room join"))
    assert 0 < joins <= swarm.counts("received room_joined"), "but for late answers"
    assert not swarm.swarm.recorder.requests["WS", "room join"].failures
    assert durations(swarm, ("WS", "room chat")) > 0


def test_what_is_judged_last_is_in_a_window_too(run):
    rooms = ("--room-interval-s", "fixed:0.4", "--room-lifetime-s", "fixed:0.1", "--settle-s", "0.2")
    swarm = run(3, "--mix", "host=1,browser=2", *rooms)
    swarm.until("received rooms_changed", 8)
    with gevent.Timeout(PATIENCE_S, AssertionError("no fan-out of rooms")):
        while not swarm.swarm.recorder.reported("fan-out of rooms").count:
            gevent.sleep(0.05)
    swarm.end()
    recorder, windows = swarm.swarm.recorder, swarm.swarm.facts.windows
    counted = recorder.series["fan-out of rooms"].count
    assert counted > 0
    assert sum(window["metrics"].get("fanout_rooms", {}).get("count", 0) for window in windows) == counted


def test_a_tabber_is_one_user_with_several_sockets(run):
    swarm = run(2, "--mix", "tabber=1", "--tabs", "4")
    swarm.until("connections established", 8)
    online = {user.username for user in swarm.swarm.api.online_users(swarm.swarm.tokens.token_of(0))}
    assert online == {"swarm_0", "swarm_1"}


def test_flappers_vanish_and_come_back(run):
    swarm = run(4, "--mix", "flapper=1", "--drop-interval-s", "fixed:0.2", "--silent-share", "0.5", "--seed", "1")
    swarm.until("connections dropped on purpose", 1)
    swarm.until("silent losses on purpose", 1)
    assert swarm.counts("connections lost") >= 2
    assert swarm.counts("closed with none") == 0


def test_slow_readers_pause(run):
    swarm = run(2, "--mix", "slow_reader=1", "--pause-interval-s", "fixed:0.1", "--pause-s", "fixed:0.05")
    swarm.until("reads paused on purpose", 4)
    assert swarm.counts("connections lost") == 0


def test_sessions_arrive_stay_and_go(run):
    swarm = run(SEATS, "--mix", "browser=1", "--arrivals-per-s", "10", "--session-s", "fixed:0.3")
    swarm.until("sessions ended", 5)
    assert swarm.counts("arrivals") >= 5
    assert swarm.counts("arrivals without a seat") == 0


def test_a_closed_player_comes_back_after_its_session(run):
    swarm = run(2, "--mix", "browser=1", "--session-s", "fixed:0.1", "--away-s", "fixed:0.05")
    swarm.until("connections established", 6)
    assert swarm.counts("sessions ended") >= 4
    assert swarm.counts("reconnects") == 0, "a new session is no reconnect"


def test_conditional_pollers_get_304(run):
    swarm = run(4, "--mix", "poller=1,conditional_poller=1", "--poll-interval-s", "0.1")
    with gevent.Timeout(DEADLINE_S, AssertionError("no polls")):
        while len(swarm.swarm.recorder.requests if swarm_of(swarm.environment) else ()) < 2:
            gevent.sleep(0.01)
    gevent.sleep(0.4)
    requests = swarm.swarm.recorder.requests
    assert set(requests) == {("GET", "/api/rooms (poll)"), ("GET", "/api/rooms (poll, ETag)")}
    assert not any(figures.failures for figures in requests.values())


def test_socializers_talk_meet_in_parties_and_are_timed(run):
    pace = ("--chat-interval-s", "fixed:0.4", "--visit-interval-s", "fixed:0.4", "--visit-s", "fixed:0.3")
    swarm = run(6, "--mix", "socializer=1", "--mode", "rooms_delta+ack", *pace)
    swarm.until("received party_joined", 8)
    swarm.until("received friend_accepted", 2)
    swarm.until("received chat_message", 40)
    swarm.end()
    recorder = swarm.swarm.recorder
    assert durations(swarm, Socializer.delivered.text) > swarm.counts("lines said")  # each is heard by several
    assert durations(swarm, Socializer.joined.text) == durations(swarm, ("WS", "party invitation")) > 0
    assert durations(swarm, ("WS", "chat line")) == pytest.approx(swarm.counts("lines said"), abs=6)
    for route in ("/api/users/[id]", "/api/friends/rooms"):
        assert durations(swarm, ("GET", route)) > 0
    assert not any(figures.failures for figures in recorder.requests.values())


def test_players_answer_what_asks_for_it(run):
    swarm = run(40, "--mix", "browser=1,flapper=1", "--mode", "ack", "--drop-interval-s", "fixed:0.3")
    swarm.until("sent ack", 1)
    assert swarm.counts("received error") == 0
