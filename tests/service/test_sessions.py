"""The directory of sessions."""

from __future__ import annotations

from tests.service.house import ANN, BOB, House


async def test_open_sockets_are_counted_and_bounded() -> None:
    house = await House(max_connections=2).start()
    first = house.connect(ANN)
    assert house.app.takes_sockets
    house.connect(BOB)
    assert not house.app.takes_sockets
    first.go()
    assert house.app.takes_sockets
    await house.stop()


async def test_sessions_of_a_user_are_the_accepted_ones_oldest_first(house: House) -> None:
    sessions = house.app.sessions
    first, second = house.connect(ANN, version="1"), house.connect(ANN, version="2")
    assert sessions.of_user(ANN.id) == (first.session, second.session)
    assert (sessions.version_of(ANN.id), sessions.has_any(ANN.id)) == ("1", True)
    first.go()
    assert sessions.version_of(ANN.id) == "2"
    second.go()
    assert (sessions.of_user(ANN.id), sessions.version_of(ANN.id), sessions.has_any(ANN.id)) == ((), None, False)


async def test_sessions_of_some_users_are_those_of_each_in_the_order_of_the_users(house: House) -> None:
    ann, bob, other_tab = house.connect(ANN), house.connect(BOB), house.connect(ANN)
    found = house.app.sessions.of_users([BOB.id, 99, ANN.id])
    assert found == [bob.session, ann.session, other_tab.session]


async def test_second_goodbye_changes_nothing(house: House) -> None:
    first, second = house.connect(ANN), house.connect(ANN)
    for _ in range(2):
        house.app.sessions.gone(first.session)
        house.app.sessions.discard(first.session)
    assert house.app.sessions.of_user(ANN.id) == (second.session,)
    assert len(house.app.sessions) == 1


async def test_numbers_of_sessions_are_never_used_twice(house: House) -> None:
    first = house.connect(ANN)
    first.go()
    assert house.connect(ANN).session.id > first.session.id
