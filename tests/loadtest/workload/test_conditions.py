"""The lines of players: by name, by weight, by parts, from the seed."""

import math
from random import Random

import pytest

from loadtest.results.exit_codes import UsageError
from loadtest.workload.texts.conditions import PROFILES, read_network


def lines(text: str, players: int = 400):
    network = read_network(text)
    assert network is not None
    return [network.line_for(Random(f"7/{number}/0/network")) for number in range(players)]


def test_nothing_given_is_no_line():
    assert read_network(" ") is None
    assert set(lines("direct")) == {None}


def test_players_of_a_profile_differ_and_their_median_is_its_round_trip():
    trips = sorted(line.speed.round_trip_s for line in lines("mobile-3g"))
    assert len(set(trips)) == len(trips)
    assert trips[len(trips) // 2] == pytest.approx(0.3, rel=0.15)
    assert trips[-20] > 1.3 * trips[len(trips) // 2]


def test_the_same_seed_gives_the_same_lines():
    first, second = ([line.speed.round_trip_s for line in lines("mobile-3g", 20)] for _ in range(2))
    assert first == second


def test_weights_are_shares_of_the_players():
    found = lines("direct=3,mobile-3g=1")
    assert sum(line is None for line in found) == pytest.approx(300, abs=40)


def test_parts_change_a_profile_and_make_one_of_their_own():
    [line] = lines("mobile-3g;rtt_s=0.5;loss_interval_s=fixed:20", 1)
    assert line.speed.round_trip_s == 0.5
    assert (line.speed.down_bytes_per_s, line.next_loss_s()) == (1600 * 125, 20)
    [line] = lines("rtt_s=0.1", 1)
    assert (line.speed.down_bytes_per_s, line.next_loss_s(), line.speed.jitter_s()) == (math.inf, math.inf, 0.0)


def test_a_request_waits_for_trip_and_rate():
    [line] = lines("rtt_s=0.2;up_kbit_per_s=8;down_kbit_per_s=80", 1)
    assert line.speed.wait_up_s(1000) == pytest.approx(0.1 + 1.0)
    assert line.speed.wait_down_s(1000) == pytest.approx(0.1 + 0.1)


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_can_be_named(name: str):
    assert read_network(name) is not None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("5g", "--network: 5g is no line: choose from direct, cable, dsl, lte, mobile-4g, mobile-3g, mobile-2g, or "
         "give parts of one."),
        ("lte=x", "--network: the weight of lte is 'x': give a number of 0 or more."),
        ("lte=0", "--network: no line has a weight: give one, as in lte=3,mobile-3g=1."),
        ("rtt_s=soon", "--network: rtt_s: soon is no number of seconds."),
        ("lte;speed=5", "--network: speed is no part of a line: there is rtt_s, jitter_s, down_kbit_per_s, "
         "up_kbit_per_s, loss_interval_s."),
        ("lte;down_kbit_per_s=-1", "--network: down_kbit_per_s is '-1': give a number of 0 or more."),
    ],
)  # fmt: skip
def test_what_is_no_line_is_said_in_one_sentence(text: str, sentence: str):
    with pytest.raises(UsageError) as caught:
        read_network(text)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("text", "is_emulated"),
    [("direct", False), ("lte=0,direct=1", False), ("lte=1,direct=1", True), ("rtt_s=0.1", True), ("rtt_s=0", False)],
)
def test_line_is_emulated_where_anybody_has_another_one_than_the_direct(text: str, is_emulated: bool) -> None:
    network = read_network(text)
    assert network is not None
    assert network.is_emulated is is_emulated
