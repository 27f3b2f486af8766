"""What is written of invitations into rooms: one row per change, however many stand, nothing where nothing changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from lobby_server.core.invitations import MAX_STANDING
from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.protocol.requests import Whom
from lobby_server.service.ports import StoredInvitation
from lobby_server.service.rooms.stored import stored_invitations
from lobby_server.service.writes.kept import KeepInvitations, line_of
from tests.service.house import ANN, BOB, CLEO, House

Ended = list[tuple[int, int]]
Written = list[tuple[Ended, list[StoredInvitation]]]


@pytest.fixture
def written(house: House, monkeypatch: pytest.MonkeyPatch) -> Written:
    """What the store is told of invitations, write by write: those that ended, and those that stand."""
    told: Written = []
    keep = house.store.keep_invitations

    async def kept(
        room_id: str, stand: Sequence[StoredInvitation] = (), *, ended: Sequence[tuple[int, int]] = ()
    ) -> None:
        told.append((list(ended), list(stand)))
        await keep(room_id, stand, ended=ended)

    monkeypatch.setattr(house.store, "keep_invitations", kept)
    return told


async def guests(house: House, number: int) -> list[User]:
    accounts = [
        await house.store.add_account(
            username=f"guest{each}", email=None, password_hash="", created_at=house.clock.utc_now()
        )
        for each in range(number)
    ]
    return [User(each.id, each.username) for each in accounts]


async def is_kept_as_it_is(house: House, room_id: str) -> bool:
    (stored,) = await house.store.rooms()
    return stored.invitations == stored_invitations(house.app.replica.books.matches.of_room(room_id))


async def test_each_invitation_is_one_row_though_many_stand_and_one_more_than_may_is_refused(
    house: House, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.connect(ANN)
    room_id, invite = await house.room(ANN), house.app.social.invitations.invite
    *invited, one_more = await guests(house, MAX_STANDING + 1)
    lines: list[int] = []
    keep = house.app.writer.keep

    def noted(write: Any, **how: Any) -> None:
        if isinstance(write, KeepInvitations):
            lines.append(len(line_of(write)))
        keep(write, **how)

    monkeypatch.setattr(house.app.writer, "keep", noted)
    for guest in invited:
        await invite(ANN, room_id, Whom(guest.id))
    with pytest.raises(Refusal) as refused:
        await invite(ANN, room_id, Whom(one_more.id))
    assert refused.value.code is RefusalCode.LIMIT_REACHED
    await house.settle()
    assert written == [([], [StoredInvitation(ANN.id, guest.id, lets_in=False)]) for guest in invited]
    assert max(lines) < 200
    assert await is_kept_as_it_is(house, room_id)


@pytest.mark.parametrize("is_public", [True, False])
async def test_invitation_that_comes_again_is_not_written_again(
    house: House, written: Written, *, is_public: bool
) -> None:
    house.connect(ANN)
    room_id, invite = await house.room(ANN, isPublic=is_public), house.app.social.invitations.invite
    for _ in range(3):
        await invite(ANN, room_id, Whom(BOB.id))
    await house.settle()
    assert written == [([], [StoredInvitation(ANN.id, BOB.id, lets_in=not is_public)])]


async def test_end_of_an_invitation_and_the_one_that_lets_its_guest_in_now_are_one_write(
    house: House, written: Written
) -> None:
    ann = house.connect(ANN)
    house.connect(CLEO)
    room_id, invitations = await house.room(CLEO, isPublic=False), house.app.social.invitations
    await invitations.invite(CLEO, room_id, Whom(ANN.id))
    ann.say("join_room", roomId=room_id, version="1", name="P")
    (other,) = await guests(house, 1)
    for sender, guest in ((ANN, BOB), (ANN, other), (CLEO, BOB)):
        await invitations.invite(sender, room_id, Whom(guest.id))
    await house.settle()
    written.clear()
    ann.say("leave_room")
    await house.settle()
    heir = StoredInvitation(CLEO.id, BOB.id, lets_in=True)
    assert written == [([(ANN.id, BOB.id), (ANN.id, other.id)], [heir])]
    assert await is_kept_as_it_is(house, room_id)
