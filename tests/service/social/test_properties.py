"""What concerns somebody goes to all sockets of that somebody and to nobody else: random users, tabs, friendships,
blocks and parties, beside a plain model of who has to hear what.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal
from lobby_server.protocol.requests import Whom
from lobby_server.service.session import Session
from tests.fakes.transport import MemoryTransport
from tests.patience import PATIENCE_S
from tests.service.house import House, token_of

USERS = [User(number, f"user{number}") for number in range(1, 5)]
users = st.sampled_from(USERS)
FEATURES = st.sampled_from([(), ("presence_batch",), ("presence_friends",), ("rooms_delta", "ack")])
UNHEARD = frozenset({"handshake_accepted", "presence_changed", "player_count", "rooms_changed", "rooms_snapshot"})
"""What is no social matter."""

Event = tuple[str, int | str]
"""Type of a message, and whom or what it is about."""


@dataclass
class Tab:
    """One socket of a user."""

    user: User
    features: tuple[str, ...]
    transport: MemoryTransport
    session: Session
    expected: list[Event] = field(default_factory=list)

    def told(self) -> list[Event]:
        return [_event_of(message) for message in self.transport.take() if message["type"] not in UNHEARD]


def _event_of(message: dict[str, Any]) -> Event:
    data = message["data"]
    about = next((data[name] for name in ("channel", "from_user_id", "kind", "user_id", "reason") if name in data), "")
    return (message["type"], about)


class SocialMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.house = House(
            new_id=lambda: f"p{len(self.parties)}",
            party_max_members=3,
            party_invite_ttl_s=1e8,
            party_offline_ttl_s=1e8,
        )
        keys = itertools.count()
        for each in (self.house.app.social.notifications, self.house.app.social.chat):
            each.new_key = lambda: f"key {next(keys)}"  # ids of parties are foretold here, and come more than once
        self.social, self.store, self.writer = self.house.app.social, self.house.store, self.house.app.writer
        self.run(self._start())
        self.tabs: list[Tab] = []
        self.friends: set[frozenset[int]] = set()
        self.asked: dict[tuple[int, int], int] = {}
        self.blocked: set[tuple[int, int]] = set()
        self.parties: list[list[int]] = []
        """Members of each party that ever was, the first one leads."""
        self.invited: dict[tuple[int, int], int] = {}
        """Who invited, by the number of a party and a guest."""
        self.unlooked: set[tuple[int, int]] = set()
        """Guest and sender, of party invitations that the guest was told of."""
        self.takes_part: set[int] = set()
        self.kept: dict[int, list[tuple[str, int]]] = {user.id: [] for user in USERS}
        """Kinds and senders of notifications that wait for a login."""

    async def _start(self) -> None:
        for user in USERS:
            await self.store.add_account(
                username=user.username, email=None, password_hash="x", created_at=self.house.clock.utc_now()
            )
        await self.house.app.start()

    def teardown(self) -> None:
        self.run(self.writer.stop(patience_s=PATIENCE_S))
        self.loop.close()

    # -- helpers --------------------------------------------------------------------------------------------------

    def run(self, work: Awaitable[Any]) -> Any:
        return self.loop.run_until_complete(work)

    def does(self, work: Callable[[], Any]) -> bool:
        """Do something, and all that follows from it; whether it was allowed."""
        try:
            result = work()
            if asyncio.iscoroutine(result):
                self.run(result)
        except Refusal:
            return False
        return True

    def expect(self, user_id: int, *events: Event) -> None:
        """All sockets of a user are to be told."""
        for tab in self.tabs:
            if tab.user.id == user_id:
                tab.expected += events

    def announce(self, event: Event) -> None:
        """Everybody is told who comes and goes, one by one, who asked for nothing else."""
        for tab in self.tabs:
            if tab.features not in (("presence_batch",), ("presence_friends",)):
                tab.expected.append(event)

    def expect_presence(self, friend_id: int, event: Event) -> None:
        for tab in self.tabs:
            if tab.user.id == friend_id and "presence_friends" in tab.features:
                tab.expected.append(event)

    def is_online(self, user_id: int) -> bool:
        return any(tab.user.id == user_id for tab in self.tabs)

    def friends_of(self, user_id: int) -> list[int]:
        return [other.id for other in USERS if other.id != user_id and {other.id, user_id} in self.friends]

    def party_of(self, user_id: int) -> int | None:
        return next((number for number, members in enumerate(self.parties) if user_id in members), None)

    def notice(self, user_id: int, kind: str, sender_id: int) -> None:
        if not self.is_online(user_id):
            self.kept[user_id].append((kind, sender_id))
        elif (user_id, sender_id) not in self.blocked:
            self.expect(user_id, ("notification", kind))

    def end_invitation(self, number: int, guest_id: int, reason: str) -> None:
        sender_id = self.invited.pop((number, guest_id))
        if (guest_id, sender_id) not in self.blocked:
            self.expect(guest_id, ("party_invite_closed", reason))
        self.forget_invitation(guest_id, sender_id)

    def forget_invitation(self, guest_id: int, sender_id: int) -> None:
        self.unlooked.discard((guest_id, sender_id))
        self.kept[guest_id] = [each for each in self.kept[guest_id] if each != ("party_invite", sender_id)]

    def part(self, one: int, other: int) -> None:
        if frozenset({one, other}) in self.friends:
            self.friends.remove(frozenset({one, other}))
            self.expect(one, ("friend_removed", other))
            self.expect(other, ("friend_removed", one))

    def leave_party(self, user_id: int, reason: str = "") -> None:
        number = self.party_of(user_id)
        if number is None:
            return
        members = self.parties[number]
        was_leader = members[0] == user_id
        for member in members:
            self.expect(member, ("party_left", user_id))
        members.remove(user_id)
        if was_leader and members:
            # Whoever is longest in it and online leads, or whoever is longest in it.
            leader = next((member for member in members if self.is_online(member)), members[0])
            members.remove(leader)
            members.insert(0, leader)
            for member in members:
                self.expect(member, ("party_leader_changed", leader))
        for (each, guest), sender in list(self.invited.items()):
            if each == number and (not members or sender == user_id):
                self.end_invitation(number, guest, "withdrawn" if members else "gone")

    # -- coming and going -----------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.tabs) < 8)
    @rule(user=users, features=FEATURES)
    def opens_a_tab(self, user: User, features: tuple[str, ...]) -> None:
        self.opens(user, features)

    def opens(self, user: User, features: tuple[str, ...]) -> None:
        was_online = self.is_online(user.id)
        transport = MemoryTransport()
        session = self.house.app.open_session(transport)
        self.tabs.append(Tab(user, features, transport, session))
        if not was_online:
            self.announce(("user_online", user.id))
            for friend in self.friends_of(user.id):
                self.expect_presence(friend, ("user_online", user.id))
            number = self.party_of(user.id)
            for member in self.parties[number] if number is not None else ():
                if member != user.id:
                    self.expect(member, ("party_member_status", user.id))
            kept = [kind for kind, sender in self.kept[user.id] if (user.id, sender) not in self.blocked]
            self.expect(user.id, *(("notification", kind) for kind in kept))
            self.kept[user.id].clear()
        data = {"version": "1", "name": "P", "token": token_of(user), "features": features}
        session.receive(json.dumps({"type": "handshake", "data": data}))

    @precondition(lambda self: self.tabs)
    @rule(data=st.data())
    def closes_a_tab(self, data: st.DataObject) -> None:
        self.closes(data.draw(st.sampled_from(self.tabs)))

    def closes(self, tab: Tab) -> None:
        self.tabs.remove(tab)
        user_id = tab.user.id
        if not self.is_online(user_id):
            self.takes_part.discard(user_id)
            self.announce(("user_offline", user_id))
            for friend in self.friends_of(user_id):
                self.expect_presence(friend, ("user_offline", user_id))
            number = self.party_of(user_id)
            for member in self.parties[number] if number is not None else ():
                self.expect(member, ("party_member_status", user_id))
        self.house.app.end_session(tab.session, abrupt=False)

    @precondition(lambda self: self.takes_part)
    @rule(data=st.data())
    def goes_with_all_tabs_and_comes_back_as_a_base_client(self, data: st.DataObject) -> None:
        """Whoever talked has to have been forgotten by then: chat is for those who asked for something, or talk."""
        user_id = data.draw(st.sampled_from(sorted(self.takes_part)))
        while self.is_online(user_id):
            self.closes(next(tab for tab in self.tabs if tab.user.id == user_id))
        self.everybody_heard_what_concerns_them_and_nothing_else()
        self.opens(USERS[user_id - 1], ())

    # -- friends and blocks ---------------------------------------------------------------------------------------

    @rule(user=users, other=users)
    def asks(self, user: User, other: User) -> None:
        is_new = (user.id, other.id) not in self.asked
        if not self.does(lambda: self.social.friends.ask(user, Whom(other.id))) or not is_new:
            return
        if (other.id, user.id) in self.asked:
            self.become_friends(other.id, user.id)
            return
        request = self.run(self.store.friend_requests())[-1]
        self.asked[user.id, other.id] = request.id
        if (other.id, user.id) not in self.blocked:
            self.expect(other.id, ("friend_request", user.id))
            self.notice(other.id, "friend_request", user.id)

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), says_yes=st.booleans())
    def answers(self, data: st.DataObject, says_yes: bool) -> None:
        sender, receiver = data.draw(st.sampled_from(sorted(self.asked)))
        request_id, user = self.asked[sender, receiver], USERS[receiver - 1]
        if says_yes:
            if self.does(lambda: self.social.friends.accept(user, request_id)):
                assert (receiver, sender) not in self.blocked
                self.become_friends(sender, receiver)
        elif self.does(lambda: self.social.friends.decline(user, request_id)):
            del self.asked[sender, receiver]
            self.forget_request(sender, receiver)
            self.expect(receiver, ("friend_request_closed", ""))

    def forget_request(self, sender: int, receiver: int) -> None:
        """It is over: whoever was away is not told of it."""
        self.kept[receiver] = [each for each in self.kept[receiver] if each != ("friend_request", sender)]

    def become_friends(self, sender: int, receiver: int) -> None:
        self.forget_request(sender, receiver)
        self.asked.pop((sender, receiver), None)
        self.asked.pop((receiver, sender), None)
        self.friends.add(frozenset({sender, receiver}))
        for one, other in ((sender, receiver), (receiver, sender)):
            self.expect(one, ("friend_accepted", other))
            if self.is_online(other):
                self.expect_presence(one, ("user_online", other))
        self.notice(sender, "friend_accepted", receiver)

    @rule(user=users, other=users)
    def removes(self, user: User, other: User) -> None:
        if self.does(lambda: self.social.friends.remove(user, other.id)):
            self.part(user.id, other.id)

    @rule(user=users, other=users)
    def blocks(self, user: User, other: User) -> None:
        was_blocked = (user.id, other.id) in self.blocked
        if not self.does(lambda: self.social.blocks.add(user, other.id)) or was_blocked:
            return
        self.blocked.add((user.id, other.id))
        self.part(user.id, other.id)
        if self.asked.pop((user.id, other.id), None) is not None:
            self.forget_request(user.id, other.id)
            self.expect(user.id, ("friend_request_closed", ""))
            if (other.id, user.id) not in self.blocked:
                self.expect(other.id, ("friend_request_closed", ""))

    @rule(user=users, other=users)
    def unblocks(self, user: User, other: User) -> None:
        if self.does(lambda: self.social.blocks.remove(user, other.id)):
            self.blocked.remove((user.id, other.id))

    # -- parties --------------------------------------------------------------------------------------------------

    @rule(user=users)
    def makes_a_party(self, user: User) -> None:
        if self.does(lambda: self.social.parties.create(user)):
            self.parties.append([user.id])

    @rule(user=users, guest=users)
    def invites(self, user: User, guest: User) -> None:
        number = self.party_of(user.id)
        if number is None:
            return
        if self.does(lambda: self.social.parties.invite(user, f"p{number}", Whom(guest.id))):
            before = self.invited.get((number, guest.id), user.id)
            if before != user.id:
                self.forget_invitation(guest.id, before)
            self.invited[number, guest.id] = user.id
            if (guest.id, user.id) not in self.blocked and (guest.id, user.id) not in self.unlooked:
                self.unlooked.add((guest.id, user.id))
                self.expect(guest.id, ("party_invite", user.id))
                self.notice(guest.id, "party_invite", user.id)

    @precondition(lambda self: self.invited)
    @rule(data=st.data())
    def joins(self, data: st.DataObject) -> None:
        number, user_id = data.draw(st.sampled_from(sorted(self.invited)))
        if self.does(lambda: self.social.parties.join(USERS[user_id - 1], f"p{number}")):
            self.leave_party(user_id)
            self.end_invitation(number, user_id, "accepted")
            self.parties[number].append(user_id)
            for member in self.parties[number]:
                self.expect(member, ("party_joined", user_id))

    @precondition(lambda self: self.invited)
    @rule(data=st.data())
    def declines(self, data: st.DataObject) -> None:
        number, user_id = data.draw(st.sampled_from(sorted(self.invited)))
        if self.does(lambda: self.social.parties.decline(USERS[user_id - 1], f"p{number}")):
            self.end_invitation(number, user_id, "declined")

    @rule(user=users, guest=users)
    def withdraws(self, user: User, guest: User) -> None:
        number = self.party_of(user.id)
        if number is not None and self.does(lambda: self.social.parties.withdraw(user, f"p{number}", guest.id)):
            assert user.id in (self.invited[number, guest.id], self.parties[number][0])
            self.end_invitation(number, guest.id, "withdrawn")

    @rule(user=users)
    def leaves(self, user: User) -> None:
        number = self.party_of(user.id)
        if number is not None and self.does(lambda: self.social.parties.leave(user, f"p{number}")):
            self.leave_party(user.id)

    @rule(user=users, other=users)
    def kicks(self, user: User, other: User) -> None:
        number = self.party_of(user.id)
        if number is not None and self.does(lambda: self.social.parties.kick(user, f"p{number}", other.id)):
            assert self.parties[number][0] == user.id
            self.leave_party(other.id)

    # -- chat -----------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.tabs)
    @rule(data=st.data(), channel=st.sampled_from(["lobby", "party", "user:1", "user:2", "user:3"]))
    def says(self, data: st.DataObject, channel: str) -> None:
        tab = data.draw(st.sampled_from(self.tabs))
        user_id = tab.user.id
        said = json.dumps({"type": "chat_message", "data": {"channel": channel, "text": "hi"}})
        number = self.party_of(user_id)
        other_id = int(channel[5:]) if channel.startswith("user:") else 0
        tab.session.receive(said)
        if (channel == "party" and number is None) or user_id == other_id or (user_id, other_id) in self.blocked:
            reasons = {"party": "not_in_party", f"user:{user_id}": "invalid_target"}
            tab.expected.append(("error", reasons.get(channel, "blocked_by_you")))
            return
        self.takes_part.add(user_id)
        if channel == "lobby":
            for each in self.tabs:
                is_deaf = (each.user.id, user_id) in self.blocked
                if not is_deaf and (each.features or each.user.id in self.takes_part):
                    each.expected.append(("chat_message", "lobby"))
        elif channel == "party":
            for member in self.parties[number or 0]:
                if (member, user_id) not in self.blocked:
                    self.expect(member, ("chat_message", "party"))
        else:
            self.expect(user_id, ("chat_message", channel))
            if (other_id, user_id) in self.blocked:
                return
            if self.is_online(other_id):
                self.expect(other_id, ("chat_message", f"user:{user_id}"))
            elif (other_id, user_id) not in self.unread_direct():
                self.kept[other_id].append(("direct_message", user_id))

    def unread_direct(self) -> set[tuple[int, int]]:
        """Who has an unread notification of whom, before the writes of this step."""
        return {
            (each.user_id, each.from_user_id)
            for each in self.store._notifications.values()
            if each.kind == "direct_message" and not each.is_read
        }

    # -- what always holds ----------------------------------------------------------------------------------------

    @invariant()
    def everybody_heard_what_concerns_them_and_nothing_else(self) -> None:
        self.run(self.writer.idle())
        self.house.clock.advance(0.05)
        for tab in self.tabs:
            told, tab.expected, expected = tab.told(), [], tab.expected
            assert sorted(map(repr, told)) == sorted(map(repr, expected)), (tab.user, tab.features)


TestSocial = SocialMachine.TestCase
TestSocial.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
