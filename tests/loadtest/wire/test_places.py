"""Which node a player is at, by the seed, and where it goes when it loses it."""

from __future__ import annotations

from collections import Counter

from loadtest.wire.places import Place, Places

HOSTS = ("http://a:1", "http://b:2", "http://c:3")


def test_players_are_spread_evenly_and_by_the_seed() -> None:
    places, others = Places(HOSTS, seed=1), Places(HOSTS, seed=2)
    first = [places.of(number).host for number in range(300)]
    assert Counter(first) == dict.fromkeys(HOSTS, 100)
    assert first == [Places(HOSTS, seed=1).of(number).host for number in range(300)]
    assert first != [others.of(number).host for number in range(300)]


def test_players_of_a_lost_node_go_to_all_the_others() -> None:
    places = [Places(HOSTS, seed=3).of(number) for number in range(300)]
    lost = [place for place in places if place.host == HOSTS[0]]
    for place in lost:
        place.leave(HOSTS[0])
    went = Counter(place.host for place in lost)
    assert set(went) == set(HOSTS[1:])
    assert min(went.values()) > 30


def test_node_that_was_left_already_is_not_left_twice() -> None:
    place = Place(HOSTS)
    place.leave(HOSTS[0])
    place.leave(HOSTS[0])
    assert place.host == HOSTS[1]
    place.leave(HOSTS[1])
    place.leave(HOSTS[2])
    assert place.host == HOSTS[0]


def test_tabs_of_one_player_are_at_different_nodes() -> None:
    places = Places(HOSTS, seed=4)
    for number in range(20):
        assert {places.of(number, tab=tab).host for tab in range(3)} == set(HOSTS)


def test_with_one_node_all_players_share_a_place_that_does_not_move() -> None:
    places = Places(HOSTS[:1], seed=5)
    place = places.of(7)
    place.leave(place.host)
    assert place is places.of(8)
    assert place.host == HOSTS[0]


def test_sources_are_chosen_for_the_node_that_is_not_on_this_machine() -> None:
    assert Places(("http://127.0.0.1:1", "http://192.0.2.1:1"), seed=1).host_for_sources == "http://192.0.2.1:1"
    assert Places(("http://127.0.0.1:1", "http://127.0.0.2:1"), seed=1).host_for_sources == "http://127.0.0.1:1"
