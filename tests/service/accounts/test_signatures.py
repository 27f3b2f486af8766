"""The short way of a token's signature decides as PyJWT does, whatever it is given."""

from __future__ import annotations

import base64
import hmac
import json
import warnings

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lobby_server.service.accounts import signatures
from lobby_server.service.accounts.signatures import ALGORITHM, verified_claims

SECRET = "s" * 32
CLAIMS = {"userId": 7, "username": "Zoë", "exp": 4_000_000_000}
TOKEN = jwt.encode(CLAIMS, SECRET, ALGORITHM)
HEADER = b'{"alg":"HS256","typ":"JWT"}'
PEM = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----"


def packed(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def signed(body: bytes, *, header: bytes = HEADER, secret: str = SECRET) -> str:
    """A token of any body, which may be none, under a signature that holds."""
    text = packed(header) + b"." + body
    return (text + b"." + packed(hmac.digest(secret.encode(), text, "sha256"))).decode()


def answer(token: str, secret: str, *, by_pyjwt: bool) -> object:
    """The claims, or that they were refused, and whether another secret is to be tried."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", jwt.InsecureKeyLengthWarning)
        try:
            if not by_pyjwt:
                return verified_claims(token, secret)
            return jwt.decode(token, secret, algorithms=[ALGORITHM], options=signatures._OPTIONS)
        except jwt.InvalidSignatureError:
            return "of another secret"
        except jwt.InvalidKeyError:
            return "no secret"
        except (jwt.InvalidTokenError, ValueError, RecursionError):
            return "refused"


def check(token: str, secret: str = SECRET) -> object:
    ours = answer(token, secret, by_pyjwt=False)
    assert ours == answer(token, secret, by_pyjwt=True)
    return ours


def test_usual_token_is_not_parsed_by_pyjwt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(jwt, "decode")
    assert verified_claims(TOKEN, SECRET) == CLAIMS


@pytest.mark.parametrize(
    ("body", "header"),
    [
        (packed(b'{"a":1}') + b"=", HEADER),
        (packed(b'{"a":1}') + b"==", HEADER),
        (packed(b'{"a":1}')[:-1] + b"R", HEADER),  # bits behind the last byte
        (packed(b'{"a":1}') + b"\n", HEADER),
        (packed(b"[1]"), HEADER),
        (packed(b"{"), HEADER),
        (packed(b"[" * 100_000), HEADER),
        (packed(b"\xff"), HEADER),
        (b"A", HEADER),
        (b"", HEADER),
        (packed(b'{"a":1}') + b"." + packed(b"{}"), HEADER),
        (packed(b'{"a":1}'), b'{"typ":"JWT","alg":"HS256"}'),
        (packed(b'{"a":1}'), b'{"alg":"none","typ":"JWT"}'),
        (packed(b'{"a":1}'), b'{"alg":"HS512","typ":"JWT"}'),
        (packed(b'{"a":1}'), b'{"alg":"HS256","typ":"JWT","crit":["x"]}'),
    ],
)
def test_token_in_another_form_is_judged_as_pyjwt_judges(body: bytes, header: bytes) -> None:
    check(signed(body, header=header))


JWK = json.dumps({"kty": "oct", "k": "c2VjcmV0" * 8})


@pytest.mark.parametrize("secret", ["", "short", PEM, JWK, "ö" * 40])
def test_secret_that_is_no_usual_one_is_judged_as_pyjwt_judges(secret: str) -> None:
    check(signed(packed(json.dumps(CLAIMS).encode()), secret=secret), secret)


def test_token_of_another_secret_says_so() -> None:
    assert check(TOKEN, "t" * 32) == "of another secret"


@given(
    place=st.integers(0, len(TOKEN) - 1),
    put=st.text(st.sampled_from("AZaz09-_.=+/ \n\u00e9"), max_size=3),
    dropped=st.integers(0, 2),
)
def test_token_that_was_changed_is_judged_as_pyjwt_judges(place: int, put: str, dropped: int) -> None:
    check(TOKEN[:place] + put + TOKEN[place + dropped :])


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_body_of_any_json_is_judged_as_pyjwt_judges(value: object) -> None:
    check(signed(packed(json.dumps(value).encode())))
    check(signed(packed(json.dumps({"x": value}).encode())))
