"""Presence is of users: reference counts, grace, and nothing announced twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lobby_server.core.presence import Presence, User

ANN, BOB = User(1, "ann"), User(2, "bob")


def test_first_socket_is_announced_and_the_second_is_not() -> None:
    presence = Presence()
    assert presence.arrive(ANN)
    assert not presence.arrive(ANN)
    assert presence.leave(ANN.id, now_s=0.0, abrupt=True) is None
    assert presence.leave(ANN.id, now_s=0.0, abrupt=True) == ANN
    assert not presence.is_online(ANN.id)


def test_abrupt_loss_is_held_for_the_grace_period() -> None:
    presence = Presence(grace_s=5.0)
    presence.arrive(ANN)
    assert presence.leave(ANN.id, now_s=10.0, abrupt=True) is None
    assert presence.expire(14.9) == []
    assert presence.is_online(ANN.id)
    assert presence.expire(15.0) == [ANN]
    assert presence.next_deadline_s() is None


def test_clean_leave_is_announced_at_once_in_spite_of_grace() -> None:
    presence = Presence(grace_s=5.0)
    presence.arrive(ANN)
    assert presence.leave(ANN.id, now_s=0.0, abrupt=False) == ANN


def test_who_comes_back_within_the_grace_period_passes_unseen_and_is_counted() -> None:
    presence = Presence(grace_s=5.0)
    presence.arrive(ANN)
    presence.leave(ANN.id, now_s=0.0, abrupt=True)
    assert not presence.arrive(ANN)
    assert presence.flaps_suppressed == 1
    assert presence.expire(100.0) == []
    assert presence.leave(ANN.id, now_s=100.0, abrupt=True) is None
    assert presence.expire(105.0) == [ANN]


def test_sign_out_ends_a_held_absence() -> None:
    presence = Presence(grace_s=5.0)
    presence.arrive(ANN)
    presence.leave(ANN.id, now_s=0.0, abrupt=True)
    assert presence.sign_out(ANN.id) == ANN
    assert presence.expire(100.0) == []
    assert presence.sign_out(BOB.id) is None


steps = st.lists(
    st.tuples(
        st.sampled_from(["arrive", "arrive", "arrive", "drop", "close", "wait"]),
        st.sampled_from([ANN, BOB]),
        st.floats(0, 3),
    ),
    max_size=60,
)


@given(steps, st.sampled_from([0.0, 2.0]))
def test_announcements_alternate_and_end_with_the_truth(script: list[tuple[str, User, float]], grace_s: float) -> None:
    presence, now_s = Presence(grace_s=grace_s), 0.0
    open_: dict[int, list[int]] = {ANN.id: [], BOB.id: []}
    heard: dict[int, bool] = {ANN.id: False, BOB.id: False}

    def hear(user: User | None, is_online: bool) -> None:
        if user is not None:
            assert heard[user.id] is not is_online
            heard[user.id] = is_online

    for number, (step, user, seconds) in enumerate(script):
        own = open_[user.id]
        if step == "arrive":
            own.append(number)
            if presence.arrive(user, socket=number, version=str(number)):
                hear(user, True)
        elif step == "wait":
            now_s += seconds
        elif own:
            socket = own.pop(int(seconds * 10) % len(own))
            hear(presence.leave(user.id, now_s=now_s, abrupt=step == "drop", socket=socket), False)
        assert presence.version_of(user.id) == (str(own[0]) if own else None)
        kept = {user_id: [number for _, number, _ in sockets] for user_id, sockets in presence.sockets()}
        assert kept == {user_id: numbers for user_id, numbers in open_.items() if numbers}
        for gone in presence.expire(now_s):
            hear(gone, False)
    for gone in presence.expire(now_s + grace_s):
        hear(gone, False)
    assert heard == {user_id: bool(numbers) for user_id, numbers in open_.items()}


class Counted(int):
    """A number that counts how often it is compared."""

    comparisons = 0

    def __eq__(self, other: object) -> bool:
        Counted.comparisons += 1
        return int(self) == other

    __hash__ = int.__hash__


def test_closing_one_of_many_sockets_of_one_user_looks_at_few_of_them() -> None:
    presence, many = Presence(), 1000
    for number in range(many):
        presence.arrive(ANN, socket=Counted(number), version="1")
    Counted.comparisons = 0
    for number in reversed(range(1, many)):
        assert presence.leave(ANN.id, now_s=0.0, abrupt=False, socket=Counted(number)) is None
    assert Counted.comparisons < 10 * many
    assert presence.leave(ANN.id, now_s=0.0, abrupt=False, socket=0) == ANN


def test_socket_that_never_arrived_takes_none_of_many_away() -> None:
    presence = Presence()
    for number in range(20):
        presence.arrive(ANN, node="a", socket=number)
    assert presence.leave(ANN.id, now_s=0.0, abrupt=False, node="b", socket=3) is None
    assert presence.leave(ANN.id, now_s=0.0, abrupt=False, node="a", socket=20) is None
    assert presence.sockets_by_node() == {"a": 20}


def test_many_sockets_of_one_user_are_the_same_after_they_were_loaded() -> None:
    one, other = Presence(), Presence()
    for number in range(20):
        one.arrive(ANN, node="ab"[number % 2], socket=number, version=str(number))
    one.leave(ANN.id, now_s=0.0, abrupt=False, node="a", socket=0)
    other.load(one.online(), list(one.sockets()), one.held(), one.lost_with_node())
    assert list(other.sockets()) == list(one.sockets())
    assert other.version_of(ANN.id) == one.version_of(ANN.id) == "1"
    for presence in (one, other):
        assert presence.lose_node("b", now_s=0.0, grace_s=0.0) == []
    assert list(other.sockets()) == list(one.sockets())
    assert one.sockets_by_node() == {"a": 9}
