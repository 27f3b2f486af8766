"""Roles of one's own: entered, refused, heard, measured. The book of roles is as before after each test."""

import argparse
from collections import Counter
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from locust.event import Events

from loadtest import swarm
from loadtest.client import NotConnected, ServerAway
from loadtest.measure.metrics import METRICS
from loadtest.measure.recorder import Recorder
from loadtest.players.roles.role import PREVENTED, REFUSED, Role
from loadtest.results.exit_codes import UsageError
from loadtest.wire.messages.memo import Memo
from loadtest.workload.options import SwarmOptions, add_options, read_options
from loadtest.workload.plan import SwarmPlan
from loadtest.workload.roles.book import ROLES
from lobby_server.protocol.messages import Chat, Pong, UserOnline


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    roles, metrics = set(ROLES.names), set(METRICS)
    counters, expectations = dict(METRICS.counters), dict(METRICS.expectations)
    yield
    for name in set(ROLES.names) - roles:
        ROLES.remove(name)
    for name in set(METRICS) - metrics:
        del METRICS._metrics[name]
    METRICS.counters, METRICS.expectations = counters, expectations


def options(*arguments: str) -> SwarmOptions:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return read_options(vars(parser.parse_args(["--seed", "7", *arguments])))


def spectator() -> Any:
    @swarm.role("spectator", weight=3)
    class Spectator(swarm.Browser):
        interval = swarm.time_option("--cheer-interval-s", "fixed:10", "time between two cheers, in s")
        seated = swarm.series("asked to seated", unit="ms")
        given = swarm.counter("cheers given")
        cheers = swarm.expectation("cheer heard", within_s=1.0)

        @classmethod
        def schedule(cls, options, rng):
            return swarm.repeated(cls.cheer, every=options[cls.interval], rng=rng)

        def cheer(self, at_s, choice):
            self.given.add()

        @swarm.on(Chat, "seat_free")
        def on_any(self, message):
            self.heard = message

    return Spectator


def test_an_entered_role_is_in_the_default_mix_and_can_be_named():
    spectator()
    assert options().weights["spectator"] == 3
    assert options("--mix", "spectator=1,host=1").weights == {"spectator": 1, "host": 1}


def test_its_schedule_follows_its_own_option_and_the_seed():
    player = spectator()
    given = options("--mix", "spectator=1", "--cheer-interval-s", "fixed:2", "--session-s", "fixed:5")
    intents = list(SwarmPlan(given).player(0).schedule(given))
    assert [intent.at_s for intent in intents] == [2.0, 4.0, 5.0]
    assert intents[0].act is player.cheer
    assert intents == list(SwarmPlan(given).player(0).schedule(given))
    assert SwarmPlan(given).sockets_of(5) == 5


def test_a_wrong_value_of_its_option_is_refused_in_the_words_of_the_others():
    spectator()
    with pytest.raises(UsageError, match=r"^--cheer-interval-s: soon is no number of seconds\.$"):
        options("--cheer-interval-s", "soon")


def test_its_figures_have_names_for_thresholds():
    spectator()
    assert METRICS["asked_to_seated"].series == ("asked to seated",)
    assert METRICS["cheer_heard"].title == "Cheer heard"
    assert {"cheers_given", "reach_cheer_heard", "lost_cheer_heard"} <= set(METRICS.count_names)


def test_the_same_class_imported_again_takes_its_own_place():
    assert spectator().__qualname__ == spectator().__qualname__
    assert ROLES.names.count("spectator") == 1


@pytest.mark.parametrize(
    ("enter", "why"),
    [
        (lambda: swarm.role("host")(type("Mine", (swarm.Browser,), {})), "there is a role host already"),
        (lambda: swarm.role("Spectator")(type("Mine", (swarm.Browser,), {})), "is no name of a role"),
        (lambda: swarm.role("mine", weight=-1)(type("Mine", (swarm.Browser,), {})), "weight of mine must be 0 or more"),
        (lambda: swarm.series("length of the queue", unit="players"), "give s, ms, us; count what is no time"),
        (lambda: swarm.series("2nd answer"), "gives no name for thresholds"),
        (lambda: swarm.expectation("cheer", within_s=0), "give a time above 0"),
        (lambda: swarm.time_option("cheer interval", "5", ""), "'cheer interval' is no flag: write it as in --cheer-"),
        (
            lambda: swarm.role("mine")(type("Mine", (swarm.Browser,), {"x": swarm.series("fan-out", name="fanout")})),
            "there is a series fanout already",
        ),
        (
            lambda: swarm.role("mine")(type("Mine", (swarm.Browser,), {"x": swarm.counter("lost")})),
            "there is a counter lost already",
        ),
        (
            lambda: swarm.role("mine")(type("Mine", (swarm.Browser,), {"x": swarm.time_option("--visit-s", "5", "")})),
            "another role has an option --visit-s already",
        ),
    ],
)
def test_what_cannot_be_entered_says_why(enter: Any, why: str):
    with pytest.raises(ValueError, match=why):
        enter()


def test_a_handler_of_presence_is_pointed_to_the_faster_way():
    with pytest.raises(TypeError, match="on_presence"):
        swarm.on(UserOnline)


def test_handlers_hear_their_kinds_and_nothing_else():
    player = spectator()
    listener = player.__new__(player)
    line = Chat(from_peer=1, from_name="ada", text="hello")
    listener.dispatch(Pong(ts=1))
    assert not hasattr(listener, "heard")
    listener.dispatch(line)
    assert listener.heard is line
    listener.dispatch(swarm.OwnMessage("seat_free", {"row": 3}))
    assert listener.heard.data == {"row": 3}
    assert Role.handlers == swarm.Browser.handlers == {}


def test_messages_of_other_types_are_read_only_where_a_role_asks_for_them():
    spectator()
    payload = msgspec.json.encode({"type": "seat_free", "data": {"row": 3}})
    memo = Memo()
    assert memo.get(payload).message is None
    memo = Memo()
    memo.own_types = ROLES.own_types
    heard = memo.get(payload)
    assert (heard.name, heard.message) == ("seat_free", swarm.OwnMessage("seat_free", {"row": 3}))
    assert memo.get(b'{"type":"seat_taken","data":{}}').message is None


@pytest.mark.parametrize(
    ("error", "events"),
    [
        (NotConnected("chat"), {PREVENTED: 1}),
        (ServerAway("http://127.0.0.1:9", "refused"), {REFUSED: 1}),
        (KeyError("seat"), {"faults of the role fan: KeyError: 'seat'": 1}),
    ],
    ids=["no connection", "failed call", "fault"],
)
def test_a_lost_connection_or_a_failed_call_in_a_handler_is_no_fault_of_the_role(
    error: Exception, events: dict[str, int]
):
    @swarm.role("fan")
    class Fan(swarm.Browser):
        @swarm.on("chat")
        def on_chat(self, chat):
            raise error

        def on_lost(self):
            raise error

    fan, recorder = Fan.__new__(Fan), Recorder()
    fan.swarm = SimpleNamespace(  # type: ignore[assignment]
        recorder=recorder, role_faults=Counter(), environment=SimpleNamespace(events=Events())
    )
    for hear in (lambda: fan.dispatch(Chat(from_peer=1, from_name="ada", text="hello")), fan._is_lost):
        before = Counter(recorder.events)
        hear()
        assert {name.partition(" (")[0]: number for name, number in (recorder.events - before).items()} == events
