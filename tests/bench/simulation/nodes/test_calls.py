"""HTTP calls without HTTP: the same service as behind the handlers, and its refusals and faults as a status."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bench.simulation.nodes.calls import _ACTS, _SEEN, NONE, Answer, Asked, Knock, handle
from bench.simulation.outside.passwords import account_of, put_in
from lobby_server.backplane.node.catching_up import CATCH_UP_S
from lobby_server.core.room_codes import code_of
from tests.bench.simulation.lobbies import AT
from tests.service.house import ANN, BOB, CLEO, House, token_of


@pytest.fixture
async def house(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    found = await House().start()
    monkeypatch.setattr(type(found.app.replica.log), "takes_part", True, raising=False)
    for user in (ANN, BOB, CLEO):
        found.connect(user, "rev")
    yield found
    await found.stop()


async def call(house: House, user: Any, what: str, *arguments: Any) -> Answer:
    return await handle(house.app, Asked(what, token_of(user), arguments))


# -- status --------------------------------------------------------------------------------------------------------


async def test_what_is_done_is_answered_with_what_it_made(house: House) -> None:
    answer = await call(house, ANN, "create_room", 4, True)
    assert (answer.status, answer.is_good) == (200, True)
    assert house.app.rooms.book.get(answer.body.id) is not None


async def test_refusal_is_a_conflict_with_its_code(house: House) -> None:
    await call(house, ANN, "create_room", 4, True)
    answer = await call(house, ANN, "create_room", 4, True)
    assert (answer.status, answer.code, answer.is_good) == (409, "already_hosting", False)


@pytest.mark.parametrize("token", [None, "", "not a token"])
async def test_call_without_a_token_that_holds_is_401(house: House, token: str | None) -> None:
    assert (await handle(house.app, Asked("create_room", token, (4, True)))).status == 401
    assert (await handle(house.app, Asked("my_party", token))).status == 401


async def test_store_that_is_away_is_503(house: House) -> None:
    house.store.is_away = True
    answer = await call(house, ANN, "create_room", 4, True)
    house.store.is_away = False
    assert (answer.status, answer.is_good) == (503, False)


def test_answer_that_did_not_come_is_no_good_one() -> None:
    assert (NONE.status, NONE.is_good) == (0, False)


# -- reading -------------------------------------------------------------------------------------------------------


async def test_list_is_for_anybody_and_has_its_tag(house: House) -> None:
    before = await handle(house.app, Asked("rooms", None))
    await call(house, ANN, "create_room", 4, True)
    after = await handle(house.app, Asked("rooms", None))
    assert b'"count":0' in before.body
    assert b'"count":1' in after.body
    assert before.etag != after.etag


async def test_who_is_online_is_a_set_of_users(house: House) -> None:
    assert (await call(house, ANN, "online")).body == {ANN.id, BOB.id, CLEO.id}


async def test_room_of_a_user_in_none_is_a_refusal_of_its_own(house: House) -> None:
    assert (await call(house, BOB, "my_room")).code == "in_no_room"


@pytest.mark.parametrize(
    ("takes_part", "took_s", "is_stale"), [(True, 0.0, False), (False, 0.0, True), (True, 9.9, True)]
)
async def test_answer_of_a_node_that_does_not_see_the_end_of_the_log_is_stale(
    house: House, monkeypatch: pytest.MonkeyPatch, *, takes_part: bool, took_s: float, is_stale: bool
) -> None:
    async def caught_up() -> None:
        house.clock.advance(min(took_s, CATCH_UP_S))

    monkeypatch.setattr(house.app.replica, "caught_up", caught_up)
    monkeypatch.setattr(type(house.app.replica.log), "takes_part", takes_part)
    assert (await handle(house.app, Asked("rooms", None))).is_stale is is_stale
    assert (await call(house, ANN, "online")).is_stale is is_stale


# -- acts ----------------------------------------------------------------------------------------------------------


async def test_friends_are_asked_accepted_and_removed(house: House) -> None:
    await call(house, ANN, "ask_friend", BOB.id)
    [request] = (await call(house, BOB, "friends")).body.incoming
    assert (await call(house, BOB, "accept_friend", request.request_id)).is_good
    assert house.app.replica.books.friends.are_friends(ANN.id, BOB.id)
    assert (await call(house, ANN, "remove_friend", BOB.id)).is_good
    assert not house.app.replica.books.friends.are_friends(ANN.id, BOB.id)


async def test_request_is_declined(house: House) -> None:
    await call(house, ANN, "ask_friend", BOB.id)
    [request] = (await call(house, BOB, "friends")).body.incoming
    assert (await call(house, BOB, "decline_friend", request.request_id)).is_good
    assert (await call(house, BOB, "friends")).body.incoming == []


async def test_user_is_blocked_and_unblocked(house: House) -> None:
    await call(house, ANN, "block", BOB.id)
    assert house.app.replica.books.blocks.blocks(ANN.id, BOB.id)
    await call(house, ANN, "unblock", BOB.id)
    assert not house.app.replica.books.blocks.blocks(ANN.id, BOB.id)


async def a_party(house: House) -> str:
    """Of Ann, who leads, and Bob."""
    await call(house, ANN, "create_party")
    party_id: str = (await call(house, ANN, "my_party")).body.party.id
    await call(house, ANN, "invite_to_party", party_id, BOB.id)
    assert (await call(house, BOB, "join_party", party_id)).is_good
    return party_id


async def members(house: House) -> list[int]:
    party = (await call(house, ANN, "my_party")).body.party
    return [each.user_id for each in party.members]


async def test_party_is_made_joined_handed_over_and_left(house: House) -> None:
    party_id = await a_party(house)
    assert await members(house) == [ANN.id, BOB.id]
    assert (await call(house, ANN, "hand_over", party_id, BOB.id)).is_good
    assert (await call(house, ANN, "my_party")).body.party.leader_user_id == BOB.id
    assert (await call(house, BOB, "leave_party", party_id)).is_good
    assert await members(house) == [ANN.id]


async def test_member_is_kicked_and_an_invitation_declined(house: House) -> None:
    party_id = await a_party(house)
    assert (await call(house, ANN, "kick_from_party", party_id, BOB.id)).is_good
    await call(house, ANN, "invite_to_party", party_id, CLEO.id)
    assert (await call(house, CLEO, "decline_party", party_id)).is_good
    assert await members(house) == [ANN.id]
    assert (await call(house, CLEO, "my_party")).body.invites == []


async def test_party_enters_a_room_together(house: House) -> None:
    await a_party(house)
    room_id = (await call(house, CLEO, "create_room", 4, True)).body.id
    assert (await call(house, ANN, "enter_with_party", room_id)).is_good
    book = house.app.rooms.book
    assert {user.id for user in (ANN, BOB) if (room := book.room_of(user.id)) and room.id == room_id} == {1, 2}


async def test_guest_is_invited_into_a_private_room_and_may_decline(house: House) -> None:
    room_id = (await call(house, ANN, "create_room", 4, False)).body.id
    assert (await call(house, ANN, "invite_to_room", room_id, BOB.id)).is_good
    assert (await call(house, BOB, "decline_room", room_id)).is_good


async def test_host_changes_starts_and_reopens_their_room_and_hands_it_over(house: House) -> None:
    room_id = (await call(house, ANN, "create_room", 4, True)).body.id
    await a_party(house)
    assert (await call(house, ANN, "enter_with_party", room_id)).is_good
    room = house.app.rooms.book.get(room_id)
    assert room is not None
    assert (await call(house, ANN, "change_room", room_id, 3, False)).is_good
    assert (room.max_players, room.is_public) == (3, True)
    assert (await call(house, ANN, "change_room", room_id, 3, True)).is_good
    assert (room.max_players, room.is_public) == (3, False)
    assert (await call(house, BOB, "set_ready", room_id, True)).is_good
    assert room.ready_user_ids == {BOB.id}
    assert (await call(house, ANN, "start_room", room_id)).is_good
    assert room.players == {ANN.id, BOB.id}
    assert (await call(house, ANN, "reopen_room", room_id)).is_good
    assert room.players is None
    assert (await call(house, ANN, "hand_over_room", room_id, room.members[BOB.id].peer_id)).is_good
    assert room.host == BOB
    assert (await call(house, ANN, "start_room", room_id)).status == 409


async def test_code_lets_in_and_a_ban_is_taken_back(house: House) -> None:
    room_id = (await call(house, ANN, "create_room", 4, False)).body.id
    room = house.app.rooms.book.get(room_id)
    assert room is not None
    assert (await call(house, BOB, "use_code", code_of(room_id))).body.id == room_id
    assert BOB.id in room.invited_user_ids
    room.banned_user_ids.add(CLEO.id)
    assert (await call(house, CLEO, "use_code", code_of(room_id))).status == 409
    assert (await call(house, ANN, "unban", room_id, CLEO.id)).is_good
    assert room.banned_user_ids == set()


async def test_room_is_deleted_by_its_host_and_by_nobody_else(house: House) -> None:
    room_id = (await call(house, ANN, "create_room", 4, True)).body.id
    assert (await call(house, BOB, "delete_room", room_id)).status == 409
    assert (await call(house, ANN, "delete_room", room_id)).is_good
    assert house.app.rooms.book.get(room_id) is None


async def test_token_that_is_signed_out_holds_no_more(house: House) -> None:
    assert (await call(house, ANN, "sign_out")).is_good
    assert (await call(house, ANN, "online")).status == 401
    assert (await call(house, BOB, "online")).is_good


async def test_token_is_exchanged_for_a_fresh_one_of_the_same_user(house: House) -> None:
    fresh = (await call(house, ANN, "refresh")).body.token
    assert fresh != token_of(ANN)
    assert house.app.tokens.verify(fresh).user == ANN


async def test_invitations_are_taken_back(house: House) -> None:
    party_id = (await call(house, ANN, "create_party")).body.id
    room_id = (await call(house, ANN, "create_room", 4, False)).body.id
    for what, where in (("party", party_id), ("room", room_id)):
        assert (await call(house, ANN, f"invite_to_{what}", where, BOB.id)).is_good
        assert (await call(house, ANN, f"withdraw_{what}", where, BOB.id)).is_good
        assert (await call(house, ANN, f"withdraw_{what}", where, BOB.id)).code == "invitation_not_found"


async def test_user_says_who_may_know_where_they_are(house: House) -> None:
    assert (await call(house, ANN, "choose_audience", "nobody")).is_good
    assert house.app.replica.books.whereabouts == {ANN.id: "nobody"}
    assert (await call(house, BOB, "friend_rooms")).body.rooms == []


async def test_account_is_deleted_with_the_password_that_all_have(house: House) -> None:
    put_in(house.app.accounts)
    house.store._accounts[ANN.id] = account_of(ANN, created_at=AT)
    assert (await call(house, ANN, "delete_account")).is_good
    assert (await call(house, ANN, "my_party")).status == 401
    assert ANN.id not in house.store._accounts


async def test_call_that_is_limited_says_what_became_of_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(house.app.replica.log), "taken", None, raising=False)
    assert (await call(house, ANN, "knock")).body == Knock(node="", nodes=0, said=None, is_let_in=True)


async def test_administrator_bans_kicks_closes_and_announces(house: House) -> None:
    assert (await call(house, CLEO, "ban_user", "ann", None)).is_good
    assert (await call(house, ANN, "my_party")).code == "user_banned"
    assert (await call(house, CLEO, "unban_user", ANN.id)).is_good
    assert (await call(house, ANN, "my_party")).is_good
    bob = house.connect(BOB, "rev")
    room_id = (await call(house, BOB, "create_room", 4, True)).body.id
    assert (await call(house, CLEO, "close_room", room_id)).is_good
    assert (await call(house, CLEO, "announce", "hello")).is_good
    assert (await call(house, CLEO, "kick_user", "bob")).is_good
    assert not bob.session.is_accepted


def test_every_deed_over_http_is_a_call_that_is_known() -> None:
    from bench.simulation.clients.doing import DRAWN

    over_http = {
        "create_room", "delete_room", "ask_friend", "accept_friend", "decline_friend", "remove_friend", "block",
        "unblock", "create_party", "invite_to_party", "join_party", "decline_party", "leave_party", "kick_from_party",
        "hand_over", "enter_with_party", "invite_to_room", "decline_room", "sign_out", "change_room", "hand_over_room",
        "set_ready", "start_room", "reopen_room", "unban", "use_code", "withdraw_party", "withdraw_room",
        "choose_audience", "delete_account", "knock", "ban_user", "kick_user", "close_room", "announce",
    }  # fmt: skip
    over_http.add("read_notification")
    besides = {"unban_user", "show_room", "refresh"}
    """A ban is lifted by whoever made it; a room is shown and hidden before the eyes of friends; tokens end."""
    assert over_http == set(DRAWN) & set(_ACTS) == set(_ACTS) - besides
    assert set(_ACTS).isdisjoint(_SEEN)
