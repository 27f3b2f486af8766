"""Token buckets, and what an account may look like."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lobby_server.core.accounts import account_faults
from lobby_server.core.ratelimit import REFUSED, KeyedLimit, Pace


def test_pace_allows_the_burst_then_the_rate() -> None:
    pace, state_s, answers = Pace(rate_per_s=2.0, burst=3.0), 0.0, []
    for _ in range(4):
        taken_s = pace.take(state_s, 10.0)
        answers.append(taken_s != REFUSED)
        state_s = taken_s if taken_s != REFUSED else state_s
    assert answers == [True, True, True, False]
    assert pace.wait_s(state_s, 10.0) == pytest.approx(0.5)
    assert pace.take(state_s, 10.5) != REFUSED


def test_rate_of_zero_is_no_limit() -> None:
    pace, state_s = Pace(rate_per_s=0.0, burst=0.0), 0.0
    for _ in range(1000):
        state_s = pace.take(state_s, 5.0)
        assert state_s != REFUSED
    assert KeyedLimit(rate_per_s=0.0, burst=1.0).take("a", 0.0) == 0.0


@given(st.lists(st.floats(0, 1), max_size=200))
def test_pace_never_allows_more_than_burst_plus_rate(pauses: list[float]) -> None:
    pace, now_s, state_s, allowed = Pace(rate_per_s=5.0, burst=4.0), 0.0, 0.0, 0
    for pause in pauses:
        now_s += pause
        taken_s = pace.take(state_s, now_s)
        if taken_s != REFUSED:
            allowed, state_s = allowed + 1, taken_s
    assert allowed <= 4 + 5 * now_s + 1e-6


def test_keys_do_not_share_and_those_at_rest_are_forgotten() -> None:
    limit = KeyedLimit(rate_per_s=1.0, burst=1.0)
    assert limit.take("a", 0.0) == 0.0
    assert limit.take("a", 0.0) == pytest.approx(1.0)
    for number in range(5000):
        assert limit.take(f"key{number}", number * 1.0) == 0.0
    assert len(limit) <= KeyedLimit.SWEEP_EVERY + 2


def test_sharer_has_its_part_of_burst_and_rate() -> None:
    limit = KeyedLimit(rate_per_s=1.0, burst=6.0)
    assert [limit.take("a", 0.0, sharers=2) == 0.0 for _ in range(4)] == [True] * 3 + [False]
    assert limit.take("a", 0.0, sharers=2) == pytest.approx(2.0)
    assert limit.take("b", 0.0, sharers=100) == 0.0  # never nothing


def test_limit_goes_on_from_the_states_of_another_one() -> None:
    limit, other = KeyedLimit(rate_per_s=1.0, burst=1.0), KeyedLimit(rate_per_s=1.0, burst=1.0)
    limit.take("old", 0.0)
    limit.take("new", 5.0)
    assert limit.states(5.5) == [("new", 6.0)]
    other.load(limit.states(5.5))
    assert other.take("new", 5.5) == pytest.approx(0.5)
    assert other.take("old", 5.5) == 0.0


@pytest.mark.parametrize(
    "username", ["ab", "a" * 21, "white space", "<b>x</b>", "x'; DROP TABLE users", "", None, 5, "é_é_é"]
)
def test_username_of_another_shape_is_a_fault(username: object) -> None:
    assert set(account_faults(username=username, password="12345678", email=None)) == {"username"}


@pytest.mark.parametrize("password", ["1234567", "", None, 12345678, "x" * 1025])
def test_password_of_another_shape_is_a_fault(password: object) -> None:
    assert set(account_faults(username="ann", password=password, email=None)) == {"password"}


@pytest.mark.parametrize("email", ["nobody", "a@b@c", "a b@c", 5, "@c", "a" * 65 + "@b"])
def test_email_of_another_shape_is_a_fault(email: object) -> None:
    assert set(account_faults(username="ann", password="12345678", email=email)) == {"email"}


def test_good_account_has_no_faults() -> None:
    assert account_faults(username="Ann_99", password="pass word 8", email="ann@example.org") == {}
