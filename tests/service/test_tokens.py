"""Tokens: what holds, what is refused, and that nothing else ever comes of any text."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import os
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lobby_server.core.presence import User
from lobby_server.core.refusal import TokenRefused
from lobby_server.service.auth import (
    MAX_USER_ID,
    MAX_USERNAME_CHARACTERS,
    Claims,
    Passwords,
    Tokens,
    utc_from_unix,
)
from tests.fakes.clock import VirtualClock

SECRET = "a secret of the tests, thirty-two bytes or more"
CLOCK = VirtualClock()
NOW_S = CLOCK.utc_now().timestamp()
GOOD: dict[str, Any] = {"userId": 7, "username": "ann", "exp": NOW_S + 60, "jti": "one"}
_numbers = itertools.count()


def new_id() -> str:
    return f"token {next(_numbers)}"


def tokens() -> Tokens:
    return Tokens(SECRET, ttl_s=3600, clock=CLOCK, new_token_id=new_id)


def signed(header: object, payload: object) -> str:
    """A token of any header and payload, with the right signature of HS256."""

    def part(value: object) -> bytes:
        raw = value if isinstance(value, bytes) else json.dumps(value).encode()
        return base64.urlsafe_b64encode(raw).rstrip(b"=")

    body = part(header) + b"." + part(payload)
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).digest()
    return (body + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


def verified(payload: object, header: object = None) -> Claims | None:
    """The claims; None when the token was refused, which is the only other thing that may happen."""
    try:
        return tokens().verify(signed(header or {"alg": "HS256", "typ": "JWT"}, payload))
    except TokenRefused as refusal:
        assert str(refusal).endswith(".")
        return None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")) | st.from_regex(r"[A-Za-z0-9_=-]*(\.[\w=-]*){2}"))
def test_any_text_as_a_token_is_refused_and_nothing_else(text: str) -> None:
    with pytest.raises(TokenRefused):
        tokens().verify(text)


@given(JSON)
def test_anything_but_text_as_a_token_is_refused(value: object) -> None:
    if not isinstance(value, str):
        with pytest.raises(TokenRefused):
            tokens().verify(value)


@given(st.binary(max_size=100) | JSON, JSON)
def test_right_signature_over_anything_is_verified_or_refused(header: object, payload: object) -> None:
    verified(payload, header)
    verified(payload)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "userId": st.integers() | JSON,
            "username": st.text() | st.text(alphabet=st.characters(codec=None), max_size=70) | JSON,
            "exp": st.floats() | st.integers() | JSON,
            "jti": st.text(alphabet=st.characters(codec=None)) | JSON,
            "iat": JSON,
            "nbf": JSON,
            "aud": JSON,
            "iss": JSON,
            "sub": JSON,
            "crit": JSON,
        },
    )
)
def test_verified_claims_are_always_fit_for_use(changes: dict[str, Any]) -> None:
    claims = verified({**GOOD, **changes})
    if claims is None:
        return
    assert type(claims.user.id) is int
    assert 0 <= claims.user.id <= MAX_USER_ID
    assert 1 <= len(claims.user.username) <= MAX_USERNAME_CHARACTERS
    for text in (claims.user.username, claims.token_id):
        assert text
        assert "\0" not in text
        text.encode()
    assert claims.expires_at_s > NOW_S
    utc_from_unix(claims.expires_at_s)


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": NOW_S},
        {"exp": None},
        {"exp": True},
        {"exp": str(NOW_S + 60)},
        {"exp": float("nan")},
        {"exp": float("inf")},
        {"userId": -1},
        {"userId": MAX_USER_ID + 1},
        {"userId": 7.5},
        {"userId": True},
        {"userId": float("inf")},
        {"nbf": NOW_S + 1},
        {"nbf": "soon"},
        {"userId": "7"},
        {"username": ""},
        {"username": "x" * (MAX_USERNAME_CHARACTERS + 1)},
        {"username": "a\0b"},
        {"username": "\ud800"},
        {"username": ["ann"]},
    ],
)
def test_claims_that_do_not_fit_are_refused(changes: dict[str, Any]) -> None:
    assert verified({**GOOD, **changes}) is None


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"exp": None}, "no exp"),
        ({"exp": "tomorrow"}, "exp is no time"),
        ({"exp": NOW_S - 1}, "has expired"),
        ({"nbf": NOW_S + 60}, "not valid yet"),
        ({"nbf": [1]}, "nbf is no time"),
    ],
)
def test_refusal_says_what_is_wrong_with_the_time(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(TokenRefused, match=sentence):
        tokens().verify(signed({"alg": "HS256"}, {**GOOD, **changes}))


def test_beginning_that_has_come_and_whole_numbers_as_floats_are_taken() -> None:
    claims = verified({**GOOD, "userId": 42.0, "nbf": NOW_S, "exp": float(int(NOW_S) + 60)})
    assert claims is not None
    assert claims.user == User(42, "ann")
    assert type(claims.user.id) is int


NEW, OLD = "the newest secret of the tests, thirty-two bytes", "an older secret of the tests, thirty-two bytes"


def test_first_secret_signs_and_all_verify() -> None:
    both = Tokens(NEW, OLD, ttl_s=60, clock=CLOCK, new_token_id=new_id)
    only_new = Tokens(NEW, ttl_s=60, clock=CLOCK, new_token_id=new_id)
    only_old = Tokens(OLD, ttl_s=60, clock=CLOCK, new_token_id=new_id)
    ann = User(7, "ann")
    assert only_new.verify(both.issue(ann)).user == ann
    with pytest.raises(TokenRefused):
        only_old.verify(both.issue(ann))
    assert both.verify(only_old.issue(ann)).user == ann
    with pytest.raises(TokenRefused):
        both.verify(tokens().issue(ann))


def test_secrets_are_exchanged_while_running() -> None:
    issuer = Tokens(OLD, ttl_s=60, clock=CLOCK, new_token_id=new_id)
    before = issuer.issue(User(7, "ann"))
    issuer.use(NEW, OLD)
    issuer.verify(before)
    after = issuer.issue(User(7, "ann"))
    issuer.use(NEW)
    issuer.verify(after)
    with pytest.raises(TokenRefused):
        issuer.verify(before)


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "HS384", "HS512", "RS256", "hs256", "", None, ["HS256"], 5])
def test_no_algorithm_but_the_pinned_one_is_believed(alg: object) -> None:
    assert verified(GOOD, {"alg": alg, "typ": "JWT"}) is None
    assert verified(GOOD, {"alg": "HS256"}) is not None


def test_issued_token_holds_until_its_end() -> None:
    clock = VirtualClock()
    issuer = Tokens(SECRET, ttl_s=60, clock=clock, new_token_id=new_id)
    token = issuer.issue(User(7, "ann"))
    clock.advance(59.0)
    assert issuer.verify(token).user == User(7, "ann")
    clock.advance(1.0)
    with pytest.raises(TokenRefused, match="expired"):
        issuer.verify(token)


def test_token_is_an_administrators_by_its_role_and_nothing_else() -> None:
    ann = User(7, "ann")
    assert tokens().verify(tokens().issue(ann, role="admin")).is_admin
    assert not tokens().verify(tokens().issue(ann)).is_admin
    for role in ("Admin", "user", "", None, True, 1, ["admin"], {"admin": True}):
        assert not tokens().verify(signed({"alg": "HS256"}, {**GOOD, "role": role})).is_admin, role
    assert not tokens().verify(signed({"alg": "HS256"}, {**GOOD, "username": "admin"})).is_admin


def test_token_with_one_character_changed_is_refused() -> None:
    token = tokens().issue(User(7, "ann"))
    for place in range(0, len(token), 7):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(TokenRefused):
            tokens().verify(changed)


def test_two_tokens_of_a_user_are_revoked_one_by_one() -> None:
    issuer = tokens()
    first, second = issuer.issue(User(7, "ann")), issuer.issue(User(7, "ann"))
    claims = issuer.verify(first)
    issuer.revoke(claims.token_id, claims.expires_at_s)
    with pytest.raises(TokenRefused, match="signed out"):
        issuer.verify(first)
    assert issuer.verify(second).token_id != claims.token_id


def test_token_without_an_id_is_revoked_by_what_it_is() -> None:
    issuer = tokens()
    bare = {key: value for key, value in GOOD.items() if key != "jti"}
    first, second = jwt.encode(bare, SECRET, "HS256"), jwt.encode({**bare, "userId": 8}, SECRET, "HS256")
    issuer.revoke(issuer.verify(first).token_id, GOOD["exp"])
    with pytest.raises(TokenRefused):
        issuer.verify(first)
    issuer.verify(second)


def test_revoked_tokens_that_ended_by_themselves_are_forgotten() -> None:
    clock = VirtualClock()
    issuer = Tokens(SECRET, ttl_s=60, clock=clock, new_token_id=new_id)
    for number in range(20_000):
        issuer.revoke(f"token {number}", clock.utc_now().timestamp() + 60)
        clock.advance(1.0)
    assert len(issuer._revoked) < 2100


def test_unknown_user_is_looked_for_in_a_hash_of_the_same_cost() -> None:
    passwords = Passwords(new_salt=os.urandom)
    nobody, somebody = passwords._nobody, passwords.hash("correct horse")
    assert nobody.split("$")[:4] == somebody.split("$")[:4]
    assert [len(part) for part in nobody.split("$")] == [len(part) for part in somebody.split("$")]
    assert not passwords.is_outdated(nobody)
    assert not any(passwords.matches(nobody, guess) for guess in ("", "hash", "salt"))


def test_hash_of_a_password_has_the_salt_that_was_handed_in() -> None:
    asked: list[int] = []

    def new_salt(size: int) -> bytes:
        asked.append(size)
        return b"s" * size

    hashes = {Passwords(new_salt=new_salt).hash("correct horse") for _ in range(2)}
    assert asked == [16, 16]
    assert len(hashes) == 1


def test_password_matches_itself_only_and_nobody_has_one() -> None:
    passwords = Passwords(new_salt=os.urandom)
    known = passwords.hash("correct horse")
    assert passwords.matches(known, "correct horse")
    assert not passwords.matches(known, "correct horsf")
    assert not passwords.matches(None, "correct horse")
    assert not passwords.matches("not a hash", "correct horse")
    assert not passwords.is_outdated(known)
