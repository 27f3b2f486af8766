"""Parties: what always holds, searched by a state machine; and what each refusal says."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from lobby_server.core.parties import SPARE_DEADLINES, LeaveReason, Party, PartyBook
from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal

USERS = {number: User(number, f"user{number}") for number in range(5)}
users = st.sampled_from(list(USERS.values()))
parties = st.sampled_from(["p0", "p1", "p2"])
REFUSALS = {
    "already_in_party", "party_not_found", "not_in_party", "not_leader", "invalid_target", "not_invited", "party_full",
    "invite_outdated",
}  # fmt: skip


def book_of(*, max_members: int = 3) -> PartyBook:
    return PartyBook(max_members=max_members, invite_ttl_s=60.0, offline_ttl_s=30.0)


def copy_of(book: PartyBook) -> PartyBook:
    """As a node has it that joined later."""
    copy = book_of()
    copy.load(
        [
            (each.id, each.leader, each.members.values(), each.invitations.values(), dict(each.offline_until_s))
            for each in book.all()
        ],
        outdated=book.outdated(),
    )
    return copy


class PartyMachine(RuleBasedStateMachine):
    """A few users, in parties of at most three, while time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.book = book_of()
        self.now_s = 0.0
        self.online: set[int] = set()
        self.made = 0

    def attempt(self, call: Callable[[], object]) -> bool:
        try:
            call()
        except Refusal as refusal:
            assert refusal.code.value in REFUSALS
            return False
        return True

    @rule(user=users)
    def creates(self, user: User) -> None:
        was_in_one = self.book.party_of(user.id) is not None
        party_id = f"p{self.made}"
        is_online = user.id in self.online
        made = self.attempt(lambda: self.book.create(party_id, user, now_s=self.now_s, is_online=is_online))
        assert made != was_in_one
        self.made += made

    @rule(party_id=parties, sender=users, guest=users)
    def invites(self, party_id: str, sender: User, guest: User) -> None:
        if self.attempt(lambda: self.book.invite(party_id, sender, guest, now_s=self.now_s)):
            assert party_id in {party.id for party, _ in self.book.invitations_of(guest.id, self.now_s)}

    @rule(party_id=parties, user=users)
    def joins(self, party_id: str, user: User) -> None:
        party = self.book.get(party_id)
        was_member = party is not None and user.id in party.members
        was_invited = party_id in {party.id for party, _ in self.book.invitations_of(user.id, self.now_s)}
        is_online = user.id in self.online
        if self.attempt(lambda: self.book.join(party_id, user, now_s=self.now_s, is_online=is_online)):
            assert was_member or was_invited

    @rule(party_id=parties, user=users)
    def leaves(self, party_id: str, user: User) -> None:
        self.attempt(lambda: self.book.leave(party_id, user.id))

    @rule(party_id=parties, leader=users, user=users)
    def kicks(self, party_id: str, leader: User, user: User) -> None:
        if self.attempt(lambda: self.book.kick(party_id, leader.id, user.id)):
            assert self.book.party_of(user.id) is None

    @rule(party_id=parties, leader=users, user=users)
    def hands_over(self, party_id: str, leader: User, user: User) -> None:
        if self.attempt(lambda: self.book.hand_over(party_id, leader.id, user.id)):
            party = self.book.get(party_id)
            assert party is not None
            assert party.leader == user

    @rule(user=users)
    def comes_or_goes(self, user: User) -> None:
        if user.id in self.online:
            self.online.remove(user.id)
            self.book.went_offline(user.id, now_s=self.now_s)
        else:
            self.online.add(user.id)
            self.book.came_online(user.id)

    @rule(seconds=st.floats(0.0, 40.0))
    def time_passes(self, seconds: float) -> None:
        self.now_s += seconds
        for departure in self.book.expire(self.now_s):
            assert departure.reason is LeaveReason.OFFLINE
            assert departure.user.id not in self.online
        deadline_s = self.book.next_deadline_s()
        assert deadline_s is None or deadline_s > self.now_s

    @invariant()
    def each_is_in_one_party_at_most_and_each_party_is_led(self) -> None:
        seen: set[int] = set()
        for number in range(self.made):
            party = self.book.get(f"p{number}")
            if party is None:
                continue
            assert 1 <= len(party.members) <= 3
            assert party.members[party.leader.id] == party.leader
            assert not seen & set(party.members)
            seen |= set(party.members)
            assert not set(party.invitations) & set(party.members)
            assert set(party.offline_until_s) == set(party.members) - self.online
            assert all(self.book.party_of(member) is party for member in party.members)
        assert all((self.book.party_of(user_id) is not None) == (user_id in seen) for user_id in USERS)

    @invariant()
    def earliest_deadline_is_known_to_a_copy_too(self) -> None:
        deadlines = [end_s for _, _, end_s in self.book.outdated()]
        for party in self.book.all():
            deadlines += [*party.offline_until_s.values(), *(each.until_s for each in party.invitations.values())]
        earliest_s = min(deadlines, default=None)
        assert self.book.next_deadline_s() == earliest_s
        assert copy_of(self.book).next_deadline_s() == earliest_s

    @invariant()
    def nobody_is_invited_by_a_party_that_is_gone(self) -> None:
        for user_id in USERS:
            for party, invitation in self.book.invitations_of(user_id, self.now_s):
                assert self.book.get(party.id) is party
                assert party.invitations[user_id] is invitation


TestParties = PartyMachine.TestCase
TestParties.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(Refusal) as refusal:
        call()
    return refusal.value.code.value


@pytest.fixture
def trio() -> PartyBook:
    """A full party of three, led by 0."""
    book = book_of()
    book.create("p", USERS[0], now_s=0.0, is_online=True)
    for number in (1, 2):
        book.invite("p", USERS[0], USERS[number], now_s=0.0)
        book.join("p", USERS[number], now_s=0.0, is_online=True)
    return book


def test_invitation_holds_until_its_time_and_not_at_it() -> None:
    book = book_of()
    book.create("p", USERS[0], now_s=0.0, is_online=True)
    book.invite("p", USERS[0], USERS[1], now_s=0.0)
    assert code_of(lambda: book.join("p", USERS[1], now_s=60.0, is_online=True)) == "not_invited"
    assert book.join("p", USERS[1], now_s=59.9, is_online=True).left is None
    assert code_of(lambda: book.join("p", USERS[2], now_s=0.0, is_online=True)) == "not_invited"


def test_full_party_takes_nobody(trio: PartyBook) -> None:
    assert code_of(lambda: trio.invite("p", USERS[0], USERS[3], now_s=0.0)) == "party_full"
    trio.kick("p", 0, 2)
    for number in (3, 4):
        trio.invite("p", USERS[1], USERS[number], now_s=0.0)
    trio.join("p", USERS[3], now_s=0.0, is_online=True)
    assert code_of(lambda: trio.join("p", USERS[4], now_s=0.0, is_online=True)) == "party_full"


def test_member_longest_in_the_party_and_there_leads_after_the_leader(trio: PartyBook) -> None:
    trio.went_offline(1, now_s=0.0)
    departure = trio.leave("p", 0)
    assert (departure.reason, departure.new_leader) == (LeaveReason.LEFT, USERS[2])
    (departure,) = trio.expire(30.0)
    assert (departure.user, departure.reason, departure.new_leader) == (USERS[1], LeaveReason.OFFLINE, None)


def test_who_comes_back_in_time_stays_and_leads(trio: PartyBook) -> None:
    trio.went_offline(0, now_s=0.0)
    assert trio.expire(29.9) == []
    party = trio.came_online(0)
    assert party is not None
    assert trio.expire(1000.0) == []
    assert party.leader == USERS[0]


class NotLookedThrough(dict[str, Party]):
    """Parties that are found by their id alone."""

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("all of them are looked at")

    values = items = keys = __iter__  # type: ignore[assignment]


def many_parties() -> PartyBook:
    """A hundred, each of which misses its leader since another second."""
    book = book_of()
    for number in range(100):
        book.create(f"p{number}", User(number, f"user{number}"), now_s=0.0, is_online=True)
    for number in range(100):
        book.went_offline(99 - number, now_s=float(number))
    return book


def test_parties_in_which_nothing_is_due_are_not_looked_at() -> None:
    book = many_parties()
    book._parties = NotLookedThrough(book._parties)
    assert book.next_deadline_s() == 30.0
    assert book.expire(29.9) == []
    assert [departure.user.id for departure in book.expire(32.0)] == [97, 98, 99]
    assert book.next_deadline_s() == 33.0
    book.came_online(96)
    assert book.next_deadline_s() == 34.0


def test_members_of_several_parties_go_in_the_order_in_which_these_were_made_on_a_copy_too() -> None:
    book = many_parties()
    for each in (copy_of(book), book):
        assert [departure.user.id for departure in each.expire(1000.0)] == list(range(100))
        assert each.next_deadline_s() is None


def test_deadlines_that_were_called_off_do_not_pile_up() -> None:
    book = book_of()
    book.create("p", USERS[0], now_s=0.0, is_online=True)
    for number in range(1000):
        book.went_offline(0, now_s=float(number))
        book.came_online(0)
    assert len(book._deadlines) <= SPARE_DEADLINES + 2
    assert book.next_deadline_s() is None


def test_invitation_that_is_outdated_is_forgotten_in_its_time() -> None:
    book = book_of()
    book.create("p", USERS[0], now_s=0.0, is_online=True)
    book.invite("p", USERS[0], USERS[1], now_s=0.0)
    book.leave("p", 0)
    assert book.next_deadline_s() == 60.0
    assert code_of(lambda: book.join("p", USERS[1], now_s=59.0, is_online=True)) == "invite_outdated"
    book.expire(60.0)
    assert (book.outdated(), book.next_deadline_s()) == ([], None)


def test_kick_and_leadership_are_the_leaders(trio: PartyBook) -> None:
    assert code_of(lambda: trio.kick("p", 1, 2)) == "not_leader"
    assert code_of(lambda: trio.hand_over("p", 1, 2)) == "not_leader"
    assert code_of(lambda: trio.kick("p", 0, 0)) == "invalid_target"
    assert code_of(lambda: trio.hand_over("p", 0, 4)) == "invalid_target"
    assert code_of(lambda: trio.kick("p", 4, 0)) == "not_in_party"
    assert code_of(lambda: trio.leave("q", 0)) == "party_not_found"
    assert trio.kick("p", 0, 1).reason is LeaveReason.KICKED
    assert code_of(lambda: trio.join("p", USERS[1], now_s=0.0, is_online=True)) == "not_invited"
