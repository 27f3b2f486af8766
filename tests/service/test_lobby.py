"""Presence as sessions come and go: who is told, in which order, and who follows it."""

from __future__ import annotations

from lobby_server.core.machine import effects
from lobby_server.protocol.codes import CloseCode
from lobby_server.service.auth import Claims
from tests.service.house import ANN, BOB, CLEO, Client, House

NOTHING: frozenset[str] = frozenset()


async def test_only_the_first_socket_of_a_user_is_announced_and_only_the_end_of_the_last(house: House) -> None:
    bob = house.connect(BOB)
    first, second = house.connect(ANN), house.connect(ANN)
    assert bob.told(but=NOTHING) == [("user_online", {"user_id": 1, "username": "ann"})]
    first.go()
    assert bob.told(but=NOTHING) == []
    second.go()
    assert bob.told(but=NOTHING) == [("user_offline", {"user_id": 1, "username": "ann"})]


async def test_newcomer_hears_of_its_own_user_as_everybody_does(house: House) -> None:
    ann = Client(house, ANN)
    assert house.app.sessions.of_user(ANN.id) == ()  # not before it is accepted
    ann.handshake()
    assert [type_ for type_, _ in ann.told(but=NOTHING)] == ["handshake_accepted", "user_online"]
    assert house.app.sessions.of_user(ANN.id) == (ann.session,)


async def test_effects_say_of_every_socket_that_it_takes_part_and_of_users_that_they_come_and_go() -> None:
    house = await House().start()
    notes: list[tuple[str, str]] = []
    for kind in (effects.CameOnline, effects.Accepted, effects.WentOffline):
        house.app.replica.hear(kind, lambda effect, _: notes.append((type(effect).__name__, effect.user.username)))
    first, second = house.connect(ANN), house.connect(ANN)
    first.go(), second.go()
    names = ["CameOnline", "Accepted", "Accepted", "WentOffline"]
    assert notes == [(name, "ann") for name in names]
    await house.stop()


async def test_lost_user_is_offline_after_the_grace_period_and_not_at_all_when_back_in_time() -> None:
    house = await House(presence_grace_s=5.0).start()
    bob = house.connect(BOB)
    house.connect(ANN).go(abrupt=True)
    house.connect(ANN).go(abrupt=True)
    bob.told(but=NOTHING)
    house.clock.advance(4.0)
    assert bob.told(but=NOTHING) == []
    house.clock.advance(1.0)
    assert [type_ for type_, _ in bob.told(but=NOTHING)] == ["user_offline"]
    assert house.app.presence.flaps_suppressed == 1
    await house.stop()


async def test_signed_out_token_closes_its_sockets_and_ends_the_grace_period() -> None:
    house = await House(presence_grace_s=60.0).start()
    ann, bob = house.connect(ANN), house.connect(BOB)
    await house.app.sign_ins.log_out(Claims(ANN, "another token", 4e9))
    assert ann.transport.closed is None
    await house.app.sign_ins.log_out(Claims(ANN, "token of ann", 4e9))
    assert ann.transport.closed is not None
    assert ann.transport.closed.code == CloseCode.SIGNED_OUT
    other, cleo = house.connect(BOB), house.connect(CLEO)
    bob.go(), other.go(abrupt=True)
    cleo.told(but=NOTHING)
    await house.app.sign_ins.log_out(Claims(BOB, "token of bob", 4e9))
    assert [type_ for type_, _ in cleo.told(but=NOTHING)] == ["user_offline"]
    await house.stop()


async def test_stopped_lobby_announces_nobodys_end_and_users_keep_their_place(house: House) -> None:
    ann, bob = house.connect(ANN), house.connect(BOB)
    room_id = await house.room(ANN)
    bob.told(but=NOTHING)
    house.app.stop()
    ann.go()
    assert bob.told(but=NOTHING) == []
    assert house.app.rooms.room(room_id).current_players == 1
