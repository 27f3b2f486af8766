"""Users who make rooms at the same time: how many are answered, and in which time."""

from __future__ import annotations

from bench.load.clients.creators import Creators
from tests.bench.fake_lobby import SECRET, fake_lobby
from tests.bench.load.test_clients import until


async def test_each_is_answered_once_however_short_the_time_is() -> None:
    """A commit on a busy disk may take longer than a turn: then the turn is as long as that, and no turn without
    rooms."""
    with fake_lobby() as lobby:
        creators = Creators(port=lobby.port, secret=SECRET, creators=3)
        made = await creators.make_rooms(0.0)
        await creators.close()
        await until(lambda: all(each.lost for each in creators._creators))
    assert (made.rooms, made.refused) == (3, {})
    assert made.wall_s > 0


async def test_what_is_answered_after_the_time_is_over_is_no_part_of_it() -> None:
    with fake_lobby() as lobby:
        creators = Creators(port=lobby.port, secret=SECRET, creators=3)
        made = await creators.make_rooms(0.05)
        await creators.close()
        await until(lambda: all(each.lost for each in creators._creators))
    assert 3 <= made.rooms <= len(lobby.rooms) <= made.rooms + 3
    assert made.wall_s >= 0.05
