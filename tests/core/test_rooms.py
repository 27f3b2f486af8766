"""The rules of rooms: by example, and under a state machine that tries every order of commands."""

from __future__ import annotations

from copy import copy
from datetime import datetime, timezone

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from lobby_server.core import room_hosting as hosting
from lobby_server.core.presence import User
from lobby_server.core.refusal import AlreadyHosting, Refusal, RefusalCode
from lobby_server.core.room_codes import code_of
from lobby_server.core.rooms import SPARE_DEADLINES, Room, RoomBook

ANN, BOB, CLEO = User(1, "ann"), User(2, "bob"), User(3, "cleo")
TTL_S = 60.0


def make_room(room_id: str = "r1", host: User = ANN, **changes: object) -> Room:
    values: dict[str, object] = {
        "id": room_id,
        "host": host,
        "gamemode": "ffa",
        "map_name": None,
        "max_players": 2,
        "is_public": True,
        "version": "1",
        "created_at": datetime(2026, 1, 1, tzinfo=timezone.utc),
    }
    return Room(**{**values, **changes})  # type: ignore[arg-type]


@pytest.fixture
def book() -> RoomBook:
    book = RoomBook(empty_ttl_s=TTL_S)
    book.add(make_room(), now_s=0.0, creator_has_socket=True)
    return book


def refusal(call: object, *args: object, **named: object) -> RefusalCode:
    with pytest.raises(Refusal) as refused:
        call(*args, **named)  # type: ignore[operator]
    return refused.value.code


def test_creator_is_host_and_first_member(book: RoomBook) -> None:
    room = book.get("r1")
    assert room is not None
    assert (room.host, [member.peer_id for member in room.members.values()]) == (ANN, [1])


def test_host_cannot_have_a_second_room(book: RoomBook) -> None:
    with pytest.raises(AlreadyHosting) as hosting:
        book.add(make_room("r2"), now_s=0.0, creator_has_socket=True)
    assert hosting.value.room_id == "r1"


def test_joiners_count_up_and_ids_are_not_used_twice(book: RoomBook) -> None:
    first = book.join("r1", BOB, version="1", now_s=1.0)
    book.leave(BOB.id, now_s=2.0)
    second = book.join("r1", BOB, version="1", now_s=3.0)
    assert (first.member.peer_id, second.member.peer_id) == (2, 3)


def test_join_says_what_is_wrong(book: RoomBook) -> None:
    assert refusal(book.join, "none", BOB, version="1", now_s=0.0) is RefusalCode.ROOM_NOT_FOUND
    assert refusal(book.join, "r1", BOB, version="2", now_s=0.0) is RefusalCode.VERSION_MISMATCH
    book.join("r1", BOB, version="1", now_s=0.0)
    assert refusal(book.join, "r1", CLEO, version="1", now_s=0.0) is RefusalCode.ROOM_FULL


def test_room_without_a_version_takes_every_client() -> None:
    book = RoomBook(empty_ttl_s=TTL_S)
    book.add(make_room(version=None), now_s=0.0, creator_has_socket=True)
    assert book.join("r1", BOB, version="whatever", now_s=0.0).member.peer_id == 2


def test_host_leaves_and_the_member_longest_in_the_room_leads() -> None:
    book = RoomBook(empty_ttl_s=TTL_S)
    book.add(make_room(max_players=3), now_s=0.0, creator_has_socket=True)
    book.join("r1", BOB, version="1", now_s=0.0)
    book.join("r1", CLEO, version="1", now_s=0.0)
    departure = book.leave(ANN.id, now_s=1.0)
    assert departure is not None
    assert departure.new_host is not None
    assert departure.new_host.user == BOB


def test_joining_another_room_leaves_the_first(book: RoomBook) -> None:
    book.add(make_room("r2", BOB), now_s=0.0, creator_has_socket=True)
    entry = book.join("r1", BOB, version="1", now_s=0.0)
    assert entry.left is not None
    assert entry.left.room.id == "r2"
    assert book.room_of(BOB.id) is entry.room


def test_kicked_user_does_not_come_back(book: RoomBook) -> None:
    book.join("r1", BOB, version="1", now_s=0.0)
    assert refusal(book.kick, BOB.id, 1, now_s=0.0) is RefusalCode.NOT_HOST
    assert refusal(book.kick, CLEO.id, 1, now_s=0.0) is RefusalCode.NOT_IN_ROOM
    assert refusal(book.kick, ANN.id, 9, now_s=0.0) is RefusalCode.INVALID_TARGET
    assert refusal(book.kick, ANN.id, 1, now_s=0.0) is RefusalCode.INVALID_TARGET
    book.kick(ANN.id, 2, now_s=0.0)
    assert refusal(book.join, "r1", BOB, version="1", now_s=0.0) is RefusalCode.BANNED


def test_empty_room_is_deleted_when_its_time_is_over(book: RoomBook) -> None:
    book.leave(ANN.id, now_s=10.0)
    assert book.next_deadline_s() == 10.0 + TTL_S
    assert book.expire(10.0 + TTL_S - 0.1).deleted == []
    assert [room.id for room in book.expire(10.0 + TTL_S).deleted] == ["r1"]
    assert book.next_deadline_s() is None


def test_creator_without_a_socket_has_the_same_time() -> None:
    book = RoomBook(empty_ttl_s=TTL_S)
    book.add(make_room(), now_s=0.0, creator_has_socket=False)
    assert [room.id for room in book.expire(TTL_S).deleted] == ["r1"]


def test_creator_who_came_in_time_keeps_the_room() -> None:
    book = RoomBook(empty_ttl_s=TTL_S)
    book.add(make_room(), now_s=0.0, creator_has_socket=False)
    book.creator_has_socket(ANN.id)
    assert book.expire(10 * TTL_S).deleted == []


def test_creator_who_never_came_leaves_the_room_to_those_who_did() -> None:
    book = RoomBook(empty_ttl_s=TTL_S)
    book.add(make_room(), now_s=0.0, creator_has_socket=False)
    book.join("r1", BOB, version="1", now_s=1.0)
    expired = book.expire(TTL_S)
    assert expired.deleted == []
    assert [departure.new_host and departure.new_host.user for departure in expired.departures] == [BOB]


def handed_over_by_an_absent_creator() -> RoomBook:
    """Ann made the room without a socket, Bob leads it."""
    book = RoomBook(empty_ttl_s=TTL_S)
    book.add(make_room(max_players=3), now_s=0.0, creator_has_socket=False)
    book.join("r1", BOB, version="1", now_s=1.0)
    hosting.hand_over(book, ANN.id, "r1", 2)
    return book


def test_creator_who_handed_the_room_over_and_never_came_goes_alone() -> None:
    book = handed_over_by_an_absent_creator()
    (departure,) = book.expire(TTL_S).departures
    room = book.get("r1")
    assert room is not None
    assert (departure.member.user, departure.new_host) == (ANN, None)
    assert (room.host, list(room.members)) == (BOB, [BOB.id])
    assert book.next_deadline_s() is None


def test_creator_who_handed_the_room_over_and_came_in_time_stays() -> None:
    book = handed_over_by_an_absent_creator()
    book.creator_has_socket(BOB.id)
    assert book.next_deadline_s() == TTL_S
    book.creator_has_socket(ANN.id)
    assert book.next_deadline_s() is None
    assert book.expire(10 * TTL_S).departures == []


def test_room_that_is_restored_once_more_is_one_room(book: RoomBook) -> None:
    for _ in range(2):
        book.restore(make_room(), now_s=0.0)
    [room] = book.all()
    assert book.by_code(code_of(room.id)) is room
    assert book.hosted_by(room.host.id) is room
    assert book.waiting() == [room.id]


def test_new_host_who_leaves_does_not_end_the_wait_for_the_creator() -> None:
    book = handed_over_by_an_absent_creator()
    book.leave(BOB.id, now_s=2.0)
    assert [room.id for room in book.expire(TTL_S).deleted] == ["r1"]


def test_restored_room_is_empty_and_waits_for_its_host() -> None:
    book = RoomBook(empty_ttl_s=TTL_S)
    book.restore(make_room(), now_s=0.0)
    with pytest.raises(AlreadyHosting):
        book.check_can_host(ANN.id)
    entry = book.take_host_place(ANN, version="1", now_s=1.0)
    assert (entry.member.peer_id, entry.already_in) == (1, False)
    assert book.expire(10 * TTL_S).deleted == []


def restored(**changes: object) -> RoomBook:
    book = RoomBook(empty_ttl_s=TTL_S)
    book.restore(make_room(**changes), now_s=0.0)
    return book


def test_place_of_the_host_is_kept_after_a_restart_whoever_comes_first() -> None:
    book = restored()
    first = book.join("r1", BOB, version="1", now_s=1.0)
    assert (first.became_host, first.room.host) == (False, ANN)
    assert refusal(book.kick, BOB.id, 9, now_s=1.0) is RefusalCode.NOT_HOST
    back = book.join("r1", ANN, version="1", now_s=2.0)
    assert (back.came_back, back.room.host) == (True, ANN)
    assert book.next_deadline_s() == TTL_S  # until then others are waited for who were members before
    assert book.expire(TTL_S).given_up == [back.room]
    assert book.next_deadline_s() is None


def test_host_takes_the_kept_place_over_the_socket_too() -> None:
    book = restored()
    book.join("r1", BOB, version="1", now_s=1.0)
    assert book.take_host_place(ANN, version="1", now_s=2.0).came_back


def test_kept_place_counts_as_taken_for_everybody_but_the_host() -> None:
    book = restored()
    book.join("r1", BOB, version="1", now_s=1.0)
    assert [room.is_full for room in book.public()] == [True]
    assert refusal(book.join, "r1", CLEO, version="1", now_s=1.0) is RefusalCode.ROOM_FULL
    assert refusal(book.join_together, "r1", {CLEO: "1"}, led_by=CLEO, now_s=1.0) is RefusalCode.ROOM_FULL
    book.join("r1", ANN, version="1", now_s=1.0)


def test_host_who_stays_away_for_too_long_is_followed_by_the_member_longest_in_the_room() -> None:
    book = restored(max_players=3)
    book.join("r1", BOB, version="1", now_s=1.0)
    book.join("r1", CLEO, version="1", now_s=2.0)
    assert book.next_deadline_s() == TTL_S
    revision = book.revision
    (room,) = book.expire(TTL_S).handed_over
    assert (room.host, book.revision) == (BOB, revision + 1)
    assert book.join("r1", ANN, version="1", now_s=TTL_S).came_back is False


def test_room_that_was_left_again_goes_when_its_own_time_is_over_and_the_host_may_return_until_then() -> None:
    book = restored()
    book.join("r1", BOB, version="1", now_s=30.0)
    book.leave(BOB.id, now_s=40.0)
    assert book.expire(TTL_S).deleted == []
    assert book.hosted_by(ANN.id) is book.get("r1")
    assert [room.id for room in book.expire(100.0).deleted] == ["r1"]


def test_taking_the_place_in_ones_room_changes_nothing(book: RoomBook) -> None:
    revision = book.revision
    assert book.take_host_place(ANN, version="2", now_s=0.0).already_in
    assert book.revision == revision
    assert refusal(book.take_host_place, BOB, version="1", now_s=0.0) is RefusalCode.NO_ROOM_FOUND


def test_private_room_changes_no_revision() -> None:
    book = RoomBook(empty_ttl_s=TTL_S)
    before = book.revision
    book.add(make_room(is_public=False, invited_user_ids={BOB.id}), now_s=0.0, creator_has_socket=True)
    book.join("r1", BOB, version="1", now_s=0.0)
    assert book.revision == before
    assert book.public() == []


def test_private_room_admits_who_was_invited_who_was_in_it_and_its_host() -> None:
    book = RoomBook(empty_ttl_s=TTL_S)
    room = make_room(is_public=False)
    book.add(room, now_s=0.0, creator_has_socket=True)
    assert refusal(book.join, "r1", BOB, version="1", now_s=0.0) is RefusalCode.INVITATION_REQUIRED
    assert book.check_may_invite("r1", ANN.id, BOB.id) is room
    room.invited_user_ids.add(BOB.id)
    book.join("r1", BOB, version="1", now_s=0.0)
    for user in (ANN, BOB):
        book.leave(user.id, now_s=0.0)
        book.join("r1", user, version="1", now_s=0.0)
    room.banned_user_ids.add(BOB.id)
    book.leave(BOB.id, now_s=0.0)
    assert refusal(book.join, "r1", BOB, version="1", now_s=0.0) is RefusalCode.BANNED


def test_list_is_newest_first(book: RoomBook) -> None:
    book.add(make_room("r2", BOB), now_s=0.0, creator_has_socket=True)
    assert [room.id for room in book.public()] == ["r2", "r1"]


class Counted(int):
    """A number that counts how often it is compared."""

    comparisons = 0

    def __eq__(self, other: object) -> bool:
        Counted.comparisons += 1
        return int(self) == other

    __hash__ = int.__hash__


def test_room_of_somebody_new_is_made_without_a_look_at_the_rooms_that_wait() -> None:
    book, many = RoomBook(empty_ttl_s=TTL_S), 500
    for number in range(many):
        book.check_can_host(Counted(number))
        host = User(Counted(number), f"user{number}")
        book.add(make_room(f"r{number}", host), now_s=float(number), creator_has_socket=number % 2 == 0)
        if number % 2:
            assert book.next_deadline_s() == 1.0 + TTL_S
        else:
            book.leave(host.id, now_s=float(many + number))
    assert Counted.comparisons < 50 * many


def test_deadlines_that_were_called_off_do_not_pile_up(book: RoomBook) -> None:
    for number in range(1, 1000):
        book.leave(ANN.id, now_s=float(number))
        book.join("r1", ANN, version="1", now_s=float(number))
    assert book.next_deadline_s() is None
    assert len(book._deadlines) == 0
    for number in range(1000, 2000):
        book.leave(ANN.id, now_s=float(number))
        book.join("r1", ANN, version="1", now_s=float(number))
    assert len(book._deadlines) <= SPARE_DEADLINES + 2


PEOPLE = [User(number, f"user{number}") for number in range(1, 6)]
users = st.sampled_from(PEOPLE)
room_ids = st.sampled_from(["a", "b", "c"])


class RoomBookMachine(RuleBasedStateMachine):
    """Every command in every order; the invariants of the module after each."""

    def __init__(self) -> None:
        super().__init__()
        self.book = RoomBook(empty_ttl_s=5.0)
        self.now_s = 0.0
        self.seen_list: list[object] = []
        self.seen_revision = self.book.revision
        self.highest_peer: dict[int, int] = {}

    @rule(user=users, room_id=room_ids, is_public=st.booleans(), has_socket=st.booleans(), size=st.integers(2, 3))
    def add(self, user: User, room_id: str, is_public: bool, has_socket: bool, size: int) -> None:
        if self.book.get(room_id) is None:
            room = make_room(room_id, user, is_public=is_public, max_players=size)
            try:
                self.book.add(room, now_s=self.now_s, creator_has_socket=has_socket)
            except AlreadyHosting as refused:
                assert self.book.get(refused.room_id).host == user

    @rule(user=users, room_id=room_ids, is_public=st.booleans(), size=st.integers(2, 3))
    def restore(self, user: User, room_id: str, is_public: bool, size: int) -> None:
        if self.book.get(room_id) is None and self.book.hosted_by(user.id) is None:
            self.book.restore(make_room(room_id, user, is_public=is_public, max_players=size), now_s=self.now_s)

    @rule(user=users, room_id=room_ids, version=st.sampled_from(["1", "2"]))
    def join(self, user: User, room_id: str, version: str) -> None:
        before = self.book.room_of(user.id)
        try:
            entry = self.book.join(room_id, user, version=version, now_s=self.now_s)
        except Refusal:
            assert self.book.room_of(user.id) is before
        else:
            assert self.book.room_of(user.id) is entry.room

    @rule(party=st.lists(users, min_size=1, max_size=3, unique=True), room_id=room_ids)
    def join_together(self, party: list[User], room_id: str) -> None:
        before = [self.book.room_of(user.id) for user in party]
        revision = self.book.revision
        try:
            entries = self.book.join_together(room_id, dict.fromkeys(party, "1"), led_by=party[0], now_s=self.now_s)
        except Refusal:
            assert [self.book.room_of(user.id) for user in party] == before
            assert self.book.revision == revision
        else:
            assert [entry.member.user for entry in entries] == party
            assert all(self.book.room_of(user.id) is self.book.get(room_id) for user in party)

    @rule(sender=users, guest=users, room_id=room_ids)
    def invite(self, sender: User, guest: User, room_id: str) -> None:
        try:
            room = self.book.check_may_invite(room_id, sender.id, guest.id)
        except Refusal:
            return
        assert sender.id in room.members
        assert guest.id not in room.members
        room.invited_user_ids.add(guest.id)

    @rule(user=users, keeps_place=st.booleans())
    def leave(self, user: User, keeps_place: bool) -> None:
        self.book.leave(user.id, now_s=self.now_s, keeps_place=keeps_place)
        assert self.book.room_of(user.id) is None

    @rule(user=users)
    def take_host_place(self, user: User) -> None:
        try:
            entry = self.book.take_host_place(user, version="1", now_s=self.now_s)
        except Refusal:
            pass
        else:
            assert entry.room.host == user

    @rule(user=users, peer_id=st.integers(1, 6))
    def kick(self, user: User, peer_id: int) -> None:
        try:
            departure = self.book.kick(user.id, peer_id, now_s=self.now_s)
        except Refusal:
            return
        assert departure.member.user.id in departure.room.banned_user_ids

    @rule(user=users, room_id=room_ids, peer_id=st.integers(1, 6))
    def hand_over(self, user: User, room_id: str, peer_id: int) -> None:
        try:
            room, host = hosting.hand_over(self.book, user.id, room_id, peer_id)
        except Refusal:
            return
        assert room.host == host.user != user

    @rule(user=users, room_id=room_ids, size=st.integers(2, 3), is_public=st.booleans())
    def change(self, user: User, room_id: str, size: int, is_public: bool) -> None:
        wish = hosting.RoomSettings(max_players=size, is_public=is_public)
        try:
            room, _ = hosting.change(self.book, user.id, room_id, wish)
        except Refusal:
            return
        assert (room.host, room.max_players, room.is_public) == (user, size, is_public)

    @rule(user=users, room_id=room_ids, is_ready=st.booleans())
    def set_ready(self, user: User, room_id: str, is_ready: bool) -> None:
        try:
            room = hosting.set_ready(self.book, user.id, room_id, is_ready=is_ready)
        except Refusal:
            return
        assert (user.id in room.ready_user_ids) == is_ready

    @rule(user=users, room_id=room_ids, is_forced=st.booleans())
    def start(self, user: User, room_id: str, is_forced: bool) -> None:
        try:
            room = hosting.start(self.book, user.id, room_id, is_forced=is_forced)
        except Refusal:
            return
        assert room.players == set(room.members)

    @rule(user=users, room_id=room_ids)
    def reopen(self, user: User, room_id: str) -> None:
        try:
            room = hosting.reopen(self.book, user.id, room_id)
        except Refusal:
            return
        assert (room.players, room.ready_user_ids) == (None, set())

    @rule(user=users, room_id=room_ids)
    def use_code(self, user: User, room_id: str) -> None:
        try:
            room, _ = hosting.use_code(self.book, user.id, code_of(room_id))
        except Refusal:
            return
        assert room.admits(user.id)

    @rule(room_id=room_ids)
    def remove(self, room_id: str) -> None:
        self.book.remove(room_id)

    @rule(user=users)
    def open_socket(self, user: User) -> None:
        self.book.creator_has_socket(user.id)

    @rule(seconds=st.sampled_from([0.5, 3.0, 6.0]))
    def wait(self, seconds: float) -> None:
        self.now_s += seconds
        self.book.expire(self.now_s)
        deadline_s = self.book.next_deadline_s()
        assert deadline_s is None or deadline_s > self.now_s

    @invariant()
    def members_and_hosts_agree(self) -> None:
        seen: set[int] = set()
        for room_id in ("a", "b", "c"):
            room = self.book.get(room_id)
            if room is None:
                continue
            assert len(room.members) <= room.max_players
            assert not seen & room.members.keys()
            seen |= room.members.keys()
            assert not room.members.keys() & room.banned_user_ids
            peers = [member.peer_id for member in room.members.values()]
            assert peers == sorted(set(peers))
            assert not peers or peers[-1] < room.next_peer_id
            if room.members:
                assert (room.host.id in room.members) == (room.host_until_s is None)
                assert room.empty_until_s is None
            else:
                assert room.empty_until_s is not None
            assert room.ready_user_ids <= room.members.keys()
            assert room.players is None or room.members.keys() <= room.players
            assert room.is_public or room.members.keys() <= room.invited_user_ids
            for user_id in room.members:
                assert self.book.room_of(user_id) is room

    @invariant()
    def what_waits_is_found_as_by_looking_through_all(self) -> None:
        rooms = self.book.all()
        deadlines_of = {room.id: room.deadlines_s for room in rooms}
        deadlines = [until_s for each in deadlines_of.values() for until_s in each]
        assert self.book.next_deadline_s() == min(deadlines, default=None)
        assert set(self.book.waiting()) == {room_id for room_id, each in deadlines_of.items() if any(each)}
        for user in PEOPLE:
            hosted = [room for room in rooms if room.host == user]
            assert self.book.hosted_by(user.id) in (hosted or [None])
        other = RoomBook(empty_ttl_s=TTL_S)
        other.load(
            [(copy(room), [(each.user, each.peer_id) for each in room.members.values()]) for room in rooms],
            waiting=self.book.waiting(),
            revision=self.book.revision,
        )
        assert other.next_deadline_s() == self.book.next_deadline_s()
        assert [other.hosted_by(user.id) for user in PEOPLE] == [self.book.hosted_by(user.id) for user in PEOPLE]

    @invariant()
    def revision_moves_just_when_the_list_does(self) -> None:
        now = [
            (room.id, room.host, len(room.members), room.max_players, room.is_full, room.players is None)
            for room in self.book.public()
        ]
        assert self.book.revision >= self.seen_revision
        assert (now != self.seen_list) is (self.book.revision > self.seen_revision)
        self.seen_list, self.seen_revision = now, self.book.revision


TestRoomBookMachine = RoomBookMachine.TestCase
TestRoomBookMachine.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
