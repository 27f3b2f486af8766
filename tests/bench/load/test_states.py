"""To which change a list has come, for makings and ends of rooms alike."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bench.load.changes.publisher import MARKER
from bench.load.changes.states import NONE, DeltaState, change_of_list


def room(number: int) -> dict[str, Any]:
    return {"id": f"id{number}", "host_username": "host", "map_name": f"{MARKER}{number:06d}"}


def body(*numbers: int) -> bytes:
    background = {"id": "b", "host_username": "host", "map_name": "background"}
    return json.dumps({"count": 9, "rooms": [*map(room, numbers), background]}).encode()


@pytest.mark.parametrize(
    ("living", "change"),
    [
        ((), NONE),
        ((0,), 0),
        ((1, 0), 1),
        ((2, 1, 0), 2),  # three living rooms, then each making follows an end
        ((2, 1), 3),
        ((3, 2, 1), 4),
        ((3, 2), 5),
        ((40, 39), 79),
    ],
)
def test_list_tells_its_last_change_by_its_newest_room_and_how_many_live(living: tuple[int, ...], change: int) -> None:
    assert change_of_list(body(*living)) == change


def message(kind: str, **data: Any) -> bytes:
    return json.dumps({"type": kind, "data": data}, separators=(",", ":")).encode()


def test_delta_that_ends_a_room_is_a_change() -> None:
    state = DeltaState()
    assert state.take(message("rooms_snapshot", rev=3, rooms=[room(2), room(1), room(0)])) == 2
    assert state.take(message("rooms_delta", base=3, rev=4, set=[], gone=["id0"])) == 3
    assert state.take(message("rooms_delta", base=4, rev=5, set=[room(3)], gone=[])) == 4
    assert state.take(message("rooms_delta", base=5, rev=7, set=[room(4)], gone=["id1"])) == 6


def test_room_that_was_set_again_is_no_new_one() -> None:
    state = DeltaState()
    state.take(message("rooms_snapshot", rev=1, rooms=[room(1), room(0)]))
    assert state.take(message("rooms_delta", base=1, rev=2, set=[room(0)], gone=["of the background"])) == 1


def test_part_of_a_state_is_none() -> None:
    state = DeltaState()
    assert state.take(message("rooms_snapshot", rev=1, rooms=[room(1)], part=1, of=2)) is None
    assert state.take(message("rooms_snapshot", rev=1, rooms=[room(0)], part=2, of=2)) == 1


def test_other_messages_tell_nothing_of_rooms() -> None:
    assert DeltaState().take(message("user_online", user_id=1, username="a")) is None
