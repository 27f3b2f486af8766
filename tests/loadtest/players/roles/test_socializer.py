"""From an invitation to the join: to the party that it was for. Quarrels and whereabouts: off by default."""

from __future__ import annotations

import argparse
import time
from collections import Counter, deque
from itertools import islice
from types import SimpleNamespace
from typing import Any

import pytest

from loadtest.client import Feature, ServerAway
from loadtest.measure.recorder import Recorder
from loadtest.players.roles.socializer import Socializer
from loadtest.workload.options import SwarmOptions, add_options, read_options
from loadtest.workload.plan import SwarmPlan
from lobby_server.protocol.social_messages import PartyJoined, UserBlocked, WhereaboutsChanged

GUEST = 7


def a_socializer(recorder: Recorder, **state: Any) -> Any:
    player = Socializer.__new__(Socializer)
    player.swarm = SimpleNamespace(recorder=recorder)  # type: ignore[assignment]
    player.client = SimpleNamespace(connection=SimpleNamespace(user_id=1, heard_s=0.0))  # type: ignore[assignment]
    player.fire = lambda name, took_s, failure: None  # type: ignore[method-assign]
    for name, value in state.items():
        setattr(player, name, value)
    return player


def test_guest_who_joins_another_party_than_the_one_of_the_invitation_is_not_timed() -> None:
    recorder = Recorder()
    player = a_socializer(recorder, _invited_s={("first", GUEST): 10.0}, party_id="second")
    player.client.connection.heard_s = 12.0
    player.on_party_joined(PartyJoined(party_id="second", user_id=GUEST, username="guest"))
    assert sum(recorder.counts_by_place(Socializer.joined.text).values()) == 0
    player.client.connection.heard_s = 13.0
    player.on_party_joined(PartyJoined(party_id="first", user_id=GUEST, username="guest"))
    assert sum(recorder.counts_by_place(Socializer.joined.text).values()) == 1


# -- quarrels and whereabouts -----------------------------------------------------------------------------------------


def options(*arguments: str) -> SwarmOptions:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return read_options(vars(parser.parse_args(["--seed", "7", "--mix", "socializer=1", *arguments])))


def acts(*arguments: str) -> list[tuple[float, str, float]]:
    given = options(*arguments)
    schedule = SwarmPlan(given).player(0).schedule(given)
    return [(intent.at_s, intent.act.__name__, intent.choice) for intent in islice(schedule, 6000)]


class Api:
    """Writes down all calls; the first answers what it has to."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.fails_at = ""

    def intended(self, at_s: float) -> Api:
        return self

    def ask(self, method: str, path: str, kind: Any, **rest: Any) -> Any:
        self.do(method, path)
        return SimpleNamespace(username="eve", blocks=[SimpleNamespace(user_id=5)] if path == "/api/blocks" else [])

    def do(self, method: str, path: str, **rest: Any) -> None:
        self.asked.append((method, path))
        if path == self.fails_at:
            raise ServerAway("http://127.0.0.1:9", "refused")


def a_quarreller(recorder: Recorder) -> Any:
    player = a_socializer(
        recorder, _known=deque([GUEST]), _blocked=None, _has_made_up=False, _reported=set(), _audience=None,
        _changes={}, api=Api(), identity=SimpleNamespace(token="t"), is_hearing=False, _listener=0,
        party_id=None, _invited_s={},
    )  # fmt: skip
    player.client.connection.accepted_features = frozenset({Feature.OWN_CHANGES})
    player._listen_to_itself()
    return player


def judged(recorder: Recorder) -> tuple[int, int]:
    recorder.reach.expectations.settle(time.perf_counter() + 60.0)
    tally = recorder.reach.expectations.tallies["own_change_told"]
    return tally.expected, tally.received


def test_nobody_quarrels_by_default_and_shares_are_of_the_meetings() -> None:
    assert {act for _, act, _ in acts()} == {"say", "meet", "part"}
    assert acts() == acts("--quarrel-share", "0", "--whereabouts-share", "0")
    found = Counter(act for _, act, _ in acts("--quarrel-share", "0.25", "--whereabouts-share", "0.5"))
    meetings = found["meet"] + found["quarrel"]
    assert meetings > 300
    assert found["quarrel"] / meetings == pytest.approx(0.25, abs=0.08)
    assert found["choose_audience"] / meetings == pytest.approx(0.5, abs=0.08)


def test_quarrel_reports_and_blocks_until_the_parting_and_its_player_is_told_of_both() -> None:
    recorder = Recorder()
    player = a_quarreller(recorder)
    for _ in range(2):
        player.quarrel(time.perf_counter(), 0.0)
        player.client.connection.heard_s = time.perf_counter()
        player.dispatch(UserBlocked(user_id=GUEST, username="eve"))
        player.part(time.perf_counter(), 0.0)
    first, second = player.api.asked[:6], player.api.asked[6:]
    assert first == [
        ("GET", "/api/blocks"), ("DELETE", "/api/blocks/5"),  # of an earlier run
        ("GET", f"/api/users/{GUEST}"), ("POST", "/api/reports"),
        ("POST", "/api/blocks"), ("DELETE", f"/api/blocks/{GUEST}"),
    ]  # fmt: skip
    assert second == first[4:], "a user is reported once"
    assert (recorder.events["users blocked"], recorder.events["user blocks lifted"]) == (2, 2)
    assert judged(recorder) == (4, 2), "of the lifting it has not heard"


def test_first_choice_of_whereabouts_may_be_no_change_and_promises_nothing() -> None:
    recorder = Recorder()
    player = a_quarreller(recorder)
    player.choose_audience(time.perf_counter(), 0.0)
    assert "own_change_told" not in recorder.reach.expectations.tallies
    player.choose_audience(time.perf_counter(), 0.0)
    player.client.connection.heard_s = time.perf_counter()
    player.dispatch(WhereaboutsChanged(whereabouts="friends"))
    assert judged(recorder) == (1, 1)
    assert recorder.events["whereabouts chosen"] == 2


def test_block_that_failed_promises_nothing() -> None:
    recorder = Recorder()
    player = a_quarreller(recorder)
    player._has_made_up, player.api.fails_at = True, "/api/blocks"
    with pytest.raises(ServerAway):
        player.quarrel(time.perf_counter(), 0.0)
    assert player._changes == {}
    assert "own_change_told" not in recorder.reach.expectations.tallies


def test_changes_of_one_session_are_told_apart_from_those_of_the_next() -> None:
    recorder = Recorder()
    for _ in range(2):
        player = a_quarreller(recorder)
        player.quarrel(time.perf_counter(), 0.0)
        player.part(time.perf_counter(), 0.0)
    assert recorder.reach.expectations.tallies["own_change_told"].events == 4
