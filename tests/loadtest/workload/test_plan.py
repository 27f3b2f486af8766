"""Who plays what and when: the same for the same seed, however many processes share the players. Virtual time."""

import argparse
import math
from collections import Counter
from itertools import islice, pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from locust.dispatch import UsersDispatcher
from locust.runners import WorkerNode

from loadtest.players import Player
from loadtest.results.exit_codes import UsageError
from loadtest.wire.timers import Timer
from loadtest.workload.arrivals import WITHOUT_A_SEAT, Arrival, Arrivals, arrival_times_s
from loadtest.workload.distributions import Distribution, read_distribution
from loadtest.workload.identities import Share
from loadtest.workload.load_options import LoadOptions
from loadtest.workload.mix import RoleSequence, read_mix
from loadtest.workload.options import SwarmOptions, add_options, read_options
from loadtest.workload.plan import SwarmPlan
from loadtest.workload.roles.book import ROLES, Intent, end_session
from loadtest.workload.shapes import SwarmShape, shape_for
from loadtest.workload.sharing import in_turn

PLAYERS = 200
EVERYBODY = "browser=3,host=3,joiner=2,flapper=2,tabber=1,slow_reader=1,poller=2,conditional_poller=1"


def options(*arguments: str) -> SwarmOptions:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return read_options(vars(parser.parse_args(["--seed", "7", "--mix", EVERYBODY, *arguments])))


def told(plan: SwarmPlan, number: int, given: SwarmOptions, session: int = 0) -> tuple[object, ...]:
    """Everything that a player will do, as far as anybody will look."""
    player = plan.player(number, session)
    retries = player.rng("connection 0")
    return (
        player.role, player.heartbeat_phase, player.session_s, plan.away_s(number, session),
        tuple(islice(player.schedule(given), 50)), tuple(retries.random() for _ in range(5)),
    )  # fmt: skip


def named(intent: Intent) -> str:
    return intent.act.__name__


def test_two_workers_play_together_what_one_process_plays_alone():
    given = options("--session-s", "lognormal:120,1.2", "--silent-share", "0.5")
    alone = {number: told(SwarmPlan(given), number, given) for number in range(PLAYERS)}
    together = {}
    for process in range(2):
        share, plan = Share(process=process, processes=2), SwarmPlan(given)  # a plan of its own, as in its own process
        for local in reversed(range(PLAYERS // 2)):  # in whatever order they come
            number = share.number(local)
            together[number] = told(plan, number, given)
    assert together == alone
    assert len({player[1] for player in alone.values()}) == PLAYERS, "each has a phase of its own"


def test_another_seed_or_session_is_another_plan():
    given, other = options("--session-s", "60"), options("--session-s", "60", "--seed", "8")
    host = next(number for number in range(PLAYERS) if SwarmPlan(given).player(number).role == "host")
    assert told(SwarmPlan(given), host, given) != told(SwarmPlan(other), host, other)
    assert told(SwarmPlan(given), host, given) != told(SwarmPlan(given), host, given, session=1)


@pytest.mark.parametrize("role", ROLES.names)
def test_schedules_go_forward_in_time_and_end_with_the_session(role: str):
    given = options("--mix", f"{role}=1", "--session-s", "fixed:500", "--silent-share", "0.5")
    intents = list(SwarmPlan(given).player(3).schedule(given))
    times_s = [intent.at_s for intent in intents]
    assert times_s == sorted(times_s)
    assert intents[-1] == Intent(500.0, end_session)
    acts = Counter(named(intent) for intent in intents)
    wanted = {
        "host": {"make_room", "delete_room"}, "joiner": {"join", "chat", "leave"}, "flapper": {"drop", "vanish"},
        "slow_reader": {"pause", "resume"}, "socializer": {"say", "meet", "part"}, "poller": {"poll"},
        "conditional_poller": {"poll"},
    }  # fmt: skip
    assert set(acts) == wanted.get(role, set()) | {"end_session"}
    if "poller" in role:
        assert acts["poll"] == pytest.approx(500 / 3, abs=1)
    if role == "host":
        assert abs(acts["make_room"] - acts["delete_room"]) <= 1


def test_rooms_of_a_host_come_as_often_as_asked_for():
    given = options("--mix", "host=1", "--room-interval-s", "60", "--room-lifetime-s", "20")
    plan, rooms = SwarmPlan(given), 0
    for number in range(100):
        for intent in plan.player(number).schedule(given):
            if intent.at_s > 6000:
                break
            rooms += named(intent) == "make_room"
    assert rooms / 100 == pytest.approx(6000 / 60, rel=0.03)


def test_a_socializer_talks_all_the_time_and_leaves_each_party_before_the_next():
    given = options("--mix", "socializer=1", "--session-s", "fixed:5000")
    acts = [named(intent) for intent in SwarmPlan(given).player(0).schedule(given)]
    assert acts.count("say") == pytest.approx(5000 / 8, rel=0.2)
    meetings = [act for act in acts if act in ("meet", "part")]
    assert meetings[:6] == ["meet", "part"] * 3
    assert len(meetings) == pytest.approx(2 * 5000 / 50, rel=0.3)


def test_polls_of_many_pollers_are_spread_over_the_interval():
    given = options("--mix", "poller=1")
    first = sorted(next(SwarmPlan(given).player(number).schedule(given)).at_s for number in range(1000))
    gap = max(b - a for a, b in pairwise(first))
    assert 0 <= first[0] < first[-1] <= 3
    assert gap < 0.05


# -- the mix ------------------------------------------------------------------------------------------------------


def test_every_round_of_the_mix_has_the_shares_asked_for():
    sequence = RoleSequence(read_mix("browser=6,host=2,joiner=1,flapper=1"), seed=1)
    for first in range(0, 100, 10):
        found = Counter(sequence.role_of(number) for number in range(first, first + 10))
        assert found == {"browser": 6, "host": 2, "joiner": 1, "flapper": 1}


def test_workers_get_their_share_of_each_role():
    sequence = RoleSequence(read_mix("browser=1,host=1"), seed=1)
    hosts = sum(sequence.role_of(number) == "host" for number in range(0, 1000, 2))
    assert 200 < hosts < 300, "and not all of them, as in a strict rotation"


@settings(deadline=None)  # a busy machine makes no mix wrong
@given(st.dictionaries(st.sampled_from(ROLES.names), st.floats(0.01, 100), min_size=1), st.integers(0, 2**32))
def test_any_mix_comes_out_as_it_was_given(weights: dict[str, float], seed: int):
    found, total = RoleSequence(weights, seed).count(2000), sum(weights.values())
    for role, weight in weights.items():
        assert found[role] == pytest.approx(2000 * weight / total, abs=24)


def test_tabbers_hold_several_sockets_and_pollers_none():
    given = options("--mix", "tabber=1,poller=1", "--tabs", "4")
    assert SwarmPlan(given).sockets_of(10) == 20


# -- sharing ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("users", [1, 7, 24])
def test_workers_are_in_the_order_in_which_locust_deals_users(users: int):
    ids = ["b_2", "a_9", "a_1", "c_5", "b_1"]
    dispatcher = UsersDispatcher([WorkerNode(worker_id) for worker_id in ids], [Player])
    dispatcher.new_dispatch(target_user_count=users, spawn_rate=1000)
    [*_, dealt] = list(dispatcher)
    ours = [len(range(process, users, len(ids))) for process in range(len(ids))]
    assert [dealt[worker_id]["Player"] for worker_id in in_turn(ids)] == ours


# -- distributions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "mean_s", "low_s", "high_s"),
    [("30", 30, 0, math.inf), ("fixed:30", 30, 30, 30), ("uniform:10-50", 30, 10, 50), ("exp:30", 30, 0, math.inf),
     ("lognormal:20,0.5", 20 * math.exp(0.125), 0, math.inf)],
)  # fmt: skip
def test_draws_have_the_means_and_ranges_they_promise(text: str, mean_s: float, low_s: float, high_s: float):
    distribution, rng = read_distribution(text, default_kind="exp"), Random(2)
    draws = [distribution.draw_s(rng) for _ in range(20_000)]
    assert distribution.mean_s == pytest.approx(mean_s)
    assert sum(draws) / len(draws) == pytest.approx(mean_s, rel=0.03)
    assert low_s <= min(draws) <= max(draws) <= high_s


def test_a_bare_number_takes_the_kind_of_its_option():
    assert read_distribution("30", default_kind="uniform") == Distribution("uniform", 15, 45)


@pytest.mark.parametrize("text", ["", "soon", "exp:", "exp:-1", "uniform:5", "uniform:9-3", "lognormal:0,1", "inf"])
def test_what_is_no_distribution_says_why(text: str):
    with pytest.raises(ValueError, match=r"number|time|smaller|median"):
        read_distribution(text, default_kind="exp")


# -- load ---------------------------------------------------------------------------------------------------------


class FakeTimers:
    """Virtual time: what was put happens when it is asked for."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.put_at: list[Timer] = []

    def clock(self) -> float:
        return self.now_s

    def put(self, at_s, callback):
        self.put_at.append(Timer(at_s, callback))
        return self.put_at[-1]

    def run_until(self, at_s: float) -> None:
        while self.put_at and min(self.put_at).at_s <= at_s:
            timer = min(self.put_at)
            self.put_at.remove(timer)
            self.now_s = max(self.now_s, timer.at_s)
            timer.fire()


class FakeSeat:
    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []

    def arrive(self, arrival: Arrival) -> None:
        self.arrivals.append(arrival)


def test_arrivals_are_a_poisson_process_that_the_shape_thins():
    times = list(islice(arrival_times_s(3, 50.0, lambda at_s: 1.0), 5000))
    gaps = [b - a for a, b in pairwise(times)]
    mean = sum(gaps) / len(gaps)
    deviation = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps))
    assert mean == pytest.approx(1 / 50, rel=0.05)
    assert deviation == pytest.approx(mean, rel=0.05), "exponential gaps deviate by their mean"
    spike = LoadOptions(shape="spike", spike_at_s=20, spike_s=10, spike_base=0.1)
    thinned = arrival_times_s(3, 50.0, lambda at_s: spike.level(at_s, None))
    counted = Counter(int(at_s // 10) for at_s in islice(thinned, 1000) if at_s < 50)
    assert counted[2] == pytest.approx(500, rel=0.15)
    assert counted[0] == pytest.approx(50, rel=0.5)


def test_processes_share_the_arrivals_of_one():
    seen: list[tuple[int, float]] = []
    for process in range(3):
        timers, seats = FakeTimers(), [FakeSeat() for _ in range(200)]
        arrivals = Arrivals(
            arrival_times_s(5, 10.0, lambda at_s: 1.0),
            share=Share(process=process, processes=3), timers=timers, count=lambda name: None,  # type: ignore[arg-type]
        )  # fmt: skip
        for seat in seats:
            arrivals.offer(seat)
        timers.run_until(110.0)
        seen += [(arrival.number, arrival.intended_s) for seat in seats for arrival in seat.arrivals]
    alone = [(number, 100.0 + at_s) for number, at_s in enumerate(islice(arrival_times_s(5, 10.0, lambda _: 1.0), 500))]
    assert sorted(seen) == [arrival for arrival in alone if arrival[1] <= 110.0]


def test_an_arrival_that_finds_no_seat_is_counted_and_does_not_wait():
    timers, seat, counted = FakeTimers(), FakeSeat(), Counter[str]()
    arrivals = Arrivals(
        iter([1.0, 2.0, 3.0]), share=Share(), timers=timers,  # type: ignore[arg-type]
        count=lambda name: counted.update([name]),
    )  # fmt: skip
    arrivals.offer(seat)
    timers.run_until(101.5)
    timers.run_until(102.5)
    arrivals.offer(seat)
    timers.run_until(102.9)
    assert [arrival.number for arrival in seat.arrivals] == [0]
    assert counted[WITHOUT_A_SEAT] == 1


@pytest.mark.parametrize(
    ("shape", "at_s", "users"),
    [
        ("ramp", 0, 1), ("ramp", 150, 50), ("ramp", 299, 100),
        ("steps", 0, 20), ("steps", 59, 20), ("steps", 61, 40), ("steps", 299, 100),
        ("spike", 0, 10), ("spike", 60, 100), ("spike", 119, 100), ("spike", 121, 10),
        ("soak", 15, 50), ("soak", 200, 100),
    ],
)  # fmt: skip
def test_shapes_have_their_shape(shape: str, at_s: float, users: int):
    parsed = argparse.Namespace(num_users=100, run_time=300, spawn_rate=None, headless=True)
    found = SwarmShape(LoadOptions(shape=shape), parsed)
    assert found.at(at_s) == (users, 20.0)
    assert found.at(300) is None


def test_locust_is_given_a_shape_only_where_users_come_and_go():
    parsed = argparse.Namespace(num_users=100, run_time=300, spawn_rate=5, headless=True)
    assert shape_for(LoadOptions(shape="none"), parsed) is None
    assert shape_for(LoadOptions(shape="restart"), parsed) is None
    assert shape_for(LoadOptions(shape="spike", arrivals_per_s=5), parsed) is None
    assert isinstance(shape_for(LoadOptions(shape="soak"), parsed), SwarmShape)


@pytest.mark.parametrize(("shape", "run_s"), [("ramp", None), ("steps", None), ("restart", 60), ("spike", 60)])
def test_a_shape_that_the_run_has_no_time_for_is_a_usage_error(shape: str, run_s: int | None):
    parsed = argparse.Namespace(num_users=100, run_time=run_s, spawn_rate=5, headless=True)
    with pytest.raises(UsageError, match=rf"--shape {shape} .* -t"):
        shape_for(LoadOptions(shape=shape), parsed)
