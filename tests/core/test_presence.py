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
    st.tuples(st.sampled_from(["arrive", "drop", "close", "wait"]), st.sampled_from([ANN, BOB]), st.floats(0, 3)),
    max_size=60,
)


@given(steps, st.sampled_from([0.0, 2.0]))
def test_announcements_alternate_and_end_with_the_truth(script: list[tuple[str, User, float]], grace_s: float) -> None:
    presence, now_s = Presence(grace_s=grace_s), 0.0
    sockets = {ANN.id: 0, BOB.id: 0}
    heard: dict[int, bool] = {ANN.id: False, BOB.id: False}

    def hear(user: User | None, is_online: bool) -> None:
        if user is not None:
            assert heard[user.id] is not is_online
            heard[user.id] = is_online

    for step, user, seconds in script:
        if step == "arrive":
            sockets[user.id] += 1
            if presence.arrive(user):
                hear(user, True)
        elif step == "wait":
            now_s += seconds
        elif sockets[user.id]:
            sockets[user.id] -= 1
            hear(presence.leave(user.id, now_s=now_s, abrupt=step == "drop"), False)
        for gone in presence.expire(now_s):
            hear(gone, False)
    for gone in presence.expire(now_s + grace_s):
        hear(gone, False)
    assert heard == {user_id: count > 0 for user_id, count in sockets.items()}
