"""The directory of sessions."""

from __future__ import annotations

from typing import cast

from lobby_server.service.session import Session
from lobby_server.service.sessions import Sessions
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


class _Tab:
    """A session of Ann's, as far as the directory looks at it; it counts how often it is compared."""

    comparisons = 0
    user = ANN

    def __eq__(self, other: object) -> bool:
        _Tab.comparisons += 1
        return self is other

    __hash__ = object.__hash__


def test_closing_one_of_many_sessions_of_one_user_looks_at_few_of_them() -> None:
    sessions, tabs = Sessions(limit=10), [_Tab() for _ in range(1000)]
    for tab in tabs:
        sessions.accepted(cast("Session", tab))
    _Tab.comparisons = 0
    for tab in reversed(tabs[1:]):
        sessions.gone(cast("Session", tab))
    assert _Tab.comparisons < 10 * len(tabs)
    assert sessions.of_user(ANN.id) == (tabs[0],)
