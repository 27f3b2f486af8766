"""What the clients of several nodes make of what they were told, without a lobby."""

from __future__ import annotations

from bench.load.cluster.crowd import Crowd, _Traveller
from bench.load.cluster.rooms import missing_and_doubled
from bench.load.sockets.tokens import mint_receiver
from bench.scenarios.cluster.costs import dealt
from lobby_server.protocol.feature_messages import PresenceChanged
from lobby_server.protocol.messages import encode
from lobby_server.protocol.resources import OnlineUser

SECRET = "a secret of the tests, thirty-two bytes or more"


def a_crowd(players: int) -> Crowd:
    crowd = Crowd(ports=[1, 2], secret=SECRET, seed=1)
    crowd._travellers = [_Traveller(index, mint_receiver(SECRET, index), index % 2) for index in range(players)]
    return crowd


def tell(crowd: Crowd, observer: int, *, online: tuple[int, ...] = (), offline: tuple[int, ...] = ()) -> None:
    def users(numbers: tuple[int, ...]) -> list[OnlineUser]:
        players = [crowd._travellers[number].player for number in numbers]
        return [OnlineUser(user_id=player.user_id, username=player.username) for player in players]

    crowd.told(crowd._travellers[observer], encode(PresenceChanged(online=users(online), offline=users(offline))), 1.0)


def test_players_told_offline_and_online_once_are_no_fault() -> None:
    crowd = a_crowd(4)
    for number in (1, 3):
        crowd.lost(crowd._travellers[number])
    for observer in (0, 2):
        tell(crowd, observer, offline=(1, 3))
        tell(crowd, observer, online=(3,))
        tell(crowd, observer, online=(1,))
    seen = crowd._seen()
    assert (seen.lost, seen.told_offline, seen.batches, seen.wrong, seen.doubled) == (2, 2, 1, 0, 0)


def test_player_who_is_not_told_of_a_return_holds_a_wrong_view() -> None:
    crowd = a_crowd(4)
    crowd.lost(crowd._travellers[1])
    tell(crowd, 0, offline=(1,))
    assert crowd._seen().wrong == 1


def test_news_told_twice_in_a_row_and_in_two_batches_is_found() -> None:
    crowd = a_crowd(4)
    crowd.lost(crowd._travellers[1])
    tell(crowd, 0, offline=(1,))
    tell(crowd, 0, offline=(1,))
    tell(crowd, 0, online=(1,))
    tell(crowd, 2, online=(1,))
    seen = crowd._seen()
    assert (seen.batches, seen.doubled) == (2, 2)


def test_rooms_that_are_missing_or_doubled_by_id_or_host_are_counted() -> None:
    rooms = [("a", "ann"), ("b", "bob"), ("b", "bob"), ("c", "ann")]
    assert missing_and_doubled(["a", "b", "x"], rooms) == (1, 3)
    assert missing_and_doubled(["a"], [("a", "ann"), ("z", "zoe")]) == (0, 0)


def test_clients_are_dealt_out_as_evenly_as_can_be() -> None:
    assert dealt(10, 4) == [3, 3, 2, 2]
    assert dealt(9, 1) == [9]
