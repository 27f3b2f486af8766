"""The social side of the client: a signal for each event, and every call, against a real server."""

import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest

from bench.processes.target import Target
from loadtest.client import ApiError, ConnectionManager, FixedReconnect, KeepAliveHttp, LobbyApi, Social, SocialApi
from lobby_server.protocol import social_messages as events
from lobby_server.protocol.social_messages import SOCIAL_MESSAGES
from tests.loadtest.fakes import DEADLINE_S, JWT, FakePeer, FakeServer, hold, wait_for

QUICK = FixedReconnect(interval_s=0.02)
ONE_OF_EACH = [
    events.FriendRequested(request_id=1, from_user_id=2, to_user_id=3, from_username="bob"),
    events.FriendRequestClosed(request_id=1),
    events.FriendAccepted(user_id=2, username="bob"),
    events.FriendRemoved(user_id=2),
    events.FriendRoom(user_id=2, room_id="r"),
    events.UserBlocked(user_id=2, username="bob"),
    events.UserUnblocked(user_id=2),
    events.NotificationRead(id=1),
    events.WhereaboutsChanged(whereabouts="nobody"),
    events.PartyInvited(party_id="p", from_user_id=2, from_username="bob"),
    events.PartyInviteClosed(party_id="p", reason="expired"),
    events.PartyJoined(party_id="p", user_id=2, username="bob"),
    events.PartyLeft(party_id="p", user_id=2, username="bob", reason="left"),
    events.PartyLeaderChanged(party_id="p", user_id=2, username="bob"),
    events.PartyMemberStatus(party_id="p", user_id=2, username="bob", is_online=True),
    events.MatchInvited(room_id="r", from_user_id=2, from_username="bob", gamemode="duel"),
    events.MatchInviteClosed(room_id="r", reason="withdrawn"),
    events.ChatMessage(id=1, channel="lobby", from_user_id=2, from_username="bob", text="hi", ts=3),
    events.Notification(id=1, kind="friend_request", title="T", body="B", ts=3),
    events.Announcement(id=1, title="T", body="B", ts=3),
]


class Ear:
    """Writes down every event of every signal."""

    def __init__(self, social: Social) -> None:
        self.heard: list[Any] = []
        for signal in vars(social).values():
            if hasattr(signal, "connect") and hasattr(signal, "emit"):
                signal.connect(self.heard.append)

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.heard if isinstance(event, kind)]


def test_each_event_has_its_signal() -> None:
    assert {type(event) for event in ONE_OF_EACH} == set(SOCIAL_MESSAGES.values())

    def script(peer: FakePeer) -> None:
        peer.accept()
        peer.send(*ONE_OF_EACH)
        hold(peer)

    with FakeServer(script) as server:
        connection = ConnectionManager(url=server.url, reconnect=QUICK)
        social = Social(connection=connection, api=SocialApi(LobbyApi(KeepAliveHttp(server.url))))
        ear = Ear(social)
        connection.connect_to_server(JWT)
        wait_for(lambda: len(ear.heard) == len(ONE_OF_EACH))
        assert ear.heard == ONE_OF_EACH
        social.close()
        connection.disconnect_from_server()


class Player:
    def __init__(self, target: Target, user_id: int, username: str, **claims: Any) -> None:
        self.id = user_id
        made = {"userId": user_id, "username": username, "exp": time.time() + 600, "jti": username, **claims}
        self.token = jwt.encode(made, target.jwt_secret, "HS256")
        self.http = KeepAliveHttp(target.http_url)
        self.rooms = LobbyApi(self.http)
        self.connection = ConnectionManager(url=target.ws_url, name=username, reconnect=QUICK)
        self.social = Social(connection=self.connection, api=SocialApi(self.rooms))
        self.api = self.social.api
        self.ear = Ear(self.social)
        self.connection.connect_to_server(self.token)
        assert self.connection.wait_until_connected(DEADLINE_S)

    def hears(self, kind: type, **fields: Any) -> Any:
        def found() -> list[Any]:
            return [
                event
                for event in self.ear.of(kind)
                if all(getattr(event, name) == value for name, value in fields.items())
            ]

        wait_for(found, what=f"{kind.__name__} {fields}")
        return found()[-1]

    def close(self) -> None:
        self.connection.disconnect_from_server()
        self.http.close()


@pytest.fixture
def pair() -> Iterator[tuple[Player, Player]]:
    with Target(flags=["--auth-rate-per-min", "0"]) as target:
        ann, bob = Player(target, 1, "ann", role="admin"), Player(target, 2, "bob")
        yield ann, bob
        ann.close()
        bob.close()


@pytest.mark.system  # a server as a process
def test_two_players_do_all_of_it_with_a_real_server(pair: tuple[Player, Player]) -> None:
    ann, bob = pair
    assert ann.api.stats().online == 2

    assert ann.api.request_friend(ann.token, username="bob").status == "sent"
    asked = bob.hears(events.FriendRequested, from_username="ann")
    bob.api.decline_friend(bob.token, asked.request_id)
    assert ann.api.request_friend(ann.token, user_id=2).status == "sent"
    asked = bob.hears(events.FriendRequested)
    wait_for(lambda: len(bob.ear.of(events.FriendRequested)) == 2)
    asked = bob.ear.of(events.FriendRequested)[-1]
    assert bob.api.accept_friend(bob.token, asked.request_id).username == "ann"
    ann.hears(events.FriendAccepted, user_id=2)
    assert [friend.username for friend in ann.api.friends(ann.token).friends] == ["bob"]

    party = ann.api.create_party(ann.token)
    ann.api.invite_to_party(ann.token, party.id, user_id=2)
    invited = bob.hears(events.PartyInvited)
    wait_for(lambda: bob.api.notifications(bob.token).unread == 1)  # the friend requests are over
    bob.api.read_notification(bob.token, bob.api.notifications(bob.token).notifications[0].id)
    assert bob.api.notifications(bob.token).unread == 0
    bob.api.join_party(bob.token, invited.party_id)
    ann.hears(events.PartyJoined, user_id=2)
    ann.social.say("party", "together?")
    bob.hears(events.ChatMessage, channel="party", text="together?")
    room = ann.rooms.create_room(ann.token, gamemode="duel", is_public=False)
    assert ann.api.enter_room_together(ann.token, room.id).user_ids == [1, 2]
    with pytest.raises(ApiError, match="already"):
        ann.api.invite_to_room(ann.token, room.id, user_id=2)
    ann.api.hand_over_party(ann.token, party.id, user_id=2)
    bob.hears(events.PartyLeaderChanged, user_id=2)
    bob.api.kick_from_party(bob.token, party.id, user_id=1)
    ann.hears(events.PartyLeft, reason="kicked")
    bob.api.leave_party(bob.token, party.id)
    assert bob.api.my_party(bob.token).party is None

    bob.social.say("user:1", "psst")
    ann.hears(events.ChatMessage, channel="user:2", text="psst")
    assert [line.text for line in ann.api.chat_history(ann.token, "user:2").messages] == ["psst"]
    ann.api.announce(ann.token, title="Soon")
    bob.hears(events.Announcement, title="Soon")
    assert len(bob.api.announcements(bob.token)) == 1

    bob.api.report(bob.token, username="ann", text="kicked me", room_id=room.id)
    assert bob.rooms.ask("GET", "/api/account", dict[str, object], token=bob.token)["whereabouts"] == "friends"
    bob.api.show_whereabouts(bob.token, to="nobody")
    assert bob.rooms.ask("GET", "/api/account", dict[str, object], token=bob.token)["whereabouts"] == "nobody"
    reports = ann.rooms.ask("GET", "/api/admin/reports", dict[str, Any], token=ann.token)["reports"]
    assert [(each["about_username"], each["text"], each["room_id"]) for each in reports] == [
        ("ann", "kicked me", room.id)
    ]

    bob.api.block(bob.token, 1)
    ann.hears(events.FriendRemoved, user_id=2)
    assert [block.username for block in bob.api.blocks(bob.token).blocks] == ["ann"]
    bob.api.unblock(bob.token, 1)
    with pytest.raises(ApiError, match="not friends"):
        bob.api.remove_friend(bob.token, 1)
