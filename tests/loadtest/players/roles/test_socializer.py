"""From an invitation to the join: to the party that it was for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from loadtest.measure.recorder import Recorder
from loadtest.players.roles.socializer import Socializer
from lobby_server.protocol.social_messages import PartyJoined

GUEST = 7


def a_socializer(recorder: Recorder, **state: Any) -> Any:
    player = Socializer.__new__(Socializer)
    player.swarm = SimpleNamespace(recorder=recorder)  # type: ignore[assignment]
    player.client = SimpleNamespace(connection=SimpleNamespace(user_id=1, heard_s=0.0))  # type: ignore[assignment]
    player.fire = lambda name, took_s, failure: None  # type: ignore[method-assign]
    for name, value in state.items():
        setattr(player, name, value)
    return player


def test_guest_who_joins_another_party_than_the_one_of_the_invitation_is_not_timed() -> None:
    recorder = Recorder()
    player = a_socializer(recorder, _invited_s={("first", GUEST): 10.0}, party_id="second")
    player.client.connection.heard_s = 12.0
    player.on_party_joined(PartyJoined(party_id="second", user_id=GUEST, username="guest"))
    assert sum(recorder.counts_by_place(Socializer.joined.text).values()) == 0
    player.client.connection.heard_s = 13.0
    player.on_party_joined(PartyJoined(party_id="first", user_id=GUEST, username="guest"))
    assert sum(recorder.counts_by_place(Socializer.joined.text).values()) == 1
