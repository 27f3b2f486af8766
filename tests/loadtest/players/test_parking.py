"""Users without a stack of their own are users of Locust all the same: counted, stopped, and told of faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import gevent
import pytest
from gevent.pool import Group
from locust import task
from locust.env import Environment
from locust.exception import StopUser

from loadtest.players.parking import ParkedUser
from loadtest.wire.timers import Timers
from tests.loadtest.wire.test_wire import wait_for

TIMERS: list[Timers] = []


class Sleeper(ParkedUser):
    waits_s = 60.0
    does: Callable[[], None] | None = None
    turns = 0
    stops = 0

    @property
    def timers(self) -> Timers:
        return TIMERS[0]

    @task
    def work(self) -> None:
        self.turns += 1
        if self.does is not None:
            self.does()

    def wait_time(self) -> float:
        return self.waits_s

    def on_stop(self) -> None:
        gevent.sleep(0.001)
        self.stops += 1


@pytest.fixture
def timers() -> Iterator[None]:
    TIMERS.append(Timers())
    yield
    TIMERS.pop().close()


@pytest.fixture
def group(timers: None) -> Group:
    return Group()


def seated(group: Group, **how: object) -> Sleeper:
    user = Sleeper(Environment(user_classes=[Sleeper]))
    for name, value in how.items():
        setattr(user, name, value)
    assert user.start(group) is user.greenlet
    assert user.greenlet.args[0] is user, "where Locust looks for it"
    return user


def test_between_two_turns_there_is_no_greenlet_that_runs(group: Group):
    user = seated(group)
    wait_for(lambda: user._timer is not None)
    assert (user.turns, user._turn, len(group)) == (1, None, 1)
    assert not user.greenlet.started


def test_turns_come_when_they_are_due(group: Group):
    user = seated(group, waits_s=0.005)
    wait_for(lambda: user.turns >= 4)
    assert user.stop() in (True, False)
    wait_for(lambda: not len(group))
    turns = user.turns
    gevent.sleep(0.03)
    assert (user.turns, user.stops) == (turns, 1)


@pytest.mark.parametrize("force", [True, False])
def test_one_who_waits_is_stopped_at_once_and_takes_its_leave(group: Group, force: bool):
    user = seated(group)
    wait_for(lambda: user._timer is not None)
    assert user.stop(force=force)
    assert (user.stops, len(group), user.greenlet.dead) == (1, 0, True)


def test_one_who_is_busy_may_finish_unless_it_is_forced(group: Group):
    go_on = gevent.event.Event()
    done: list[str] = []
    patient = seated(group, does=lambda: (go_on.wait(), done.append("patient")))
    forced = seated(group, does=lambda: (go_on.wait(), done.append("forced")))
    wait_for(lambda: patient.turns and forced.turns)
    assert not patient.stop()
    assert forced.stop(force=True)
    assert (forced.stops, patient.stops, done) == (1, 0, [])
    go_on.set()
    wait_for(lambda: not len(group))
    assert (patient.stops, done) == (1, ["patient"])


def test_all_of_a_group_are_killed_together_even_those_that_never_began(group: Group):
    users = [seated(group) for _ in range(5)]
    wait_for(lambda: users[0]._timer is not None)
    users.append(seated(group))
    group.kill()
    assert [user.stops for user in users] == [1] * 6
    assert users[-1].turns <= 1


def test_one_who_leaves_for_good_is_not_counted_any_more(group: Group):
    def leave() -> None:
        raise StopUser

    user = seated(group, does=leave)
    wait_for(lambda: not len(group))
    assert (user.turns, user.stops) == (1, 1)


def test_a_fault_is_told_and_the_user_goes_on(group: Group, caplog: pytest.LogCaptureFixture):
    faults: list[str] = []

    def fail() -> None:
        raise ValueError("no such thing")

    user = Sleeper(Environment(user_classes=[Sleeper]))
    user.does, user.waits_s = fail, 0.005
    user.environment.events.user_error.add_listener(lambda user_instance, exception, tb: faults.append(str(exception)))
    user.start(group)
    wait_for(lambda: user.turns >= 2)
    user.stop(force=True)
    assert faults[:2] == ["no such thing"] * 2
    assert "no such thing" in caplog.text


def test_where_faults_are_not_caught_they_end_the_user(group: Group, capsys: pytest.CaptureFixture[str]):
    def fail() -> None:
        raise ValueError("no such thing")

    user = Sleeper(Environment(user_classes=[Sleeper], catch_exceptions=False))
    user.does = fail
    user.start(group)
    wait_for(lambda: not len(group))
    assert (user.turns, user.stops) == (1, 1)
    assert "no such thing" in capsys.readouterr().err


def test_who_has_nothing_to_wait_for_has_no_timer_and_can_be_called_all_the_same(group: Group):
    user = seated(group, waits_s=float("inf"))
    wait_for(lambda: user._is_parked)
    assert (user.turns, user._timer) == (1, None)
    user.waits_s = 0.005
    user.park_again()
    wait_for(lambda: user.turns >= 3)
    user.waits_s = float("inf")
    wait_for(lambda: user._is_parked and user._timer is None)
    group.kill()
    assert (user.stops, len(group)) == (1, 0)
