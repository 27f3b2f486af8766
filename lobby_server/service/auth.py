"""Passwords and tokens.

A token is an HS256 JWT; any service that holds the secret may issue one, so its user need not be in the local table.
Neither secrets nor tokens are ever logged.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone

import argon2
import jwt

from lobby_server.core.presence import User
from lobby_server.core.refusal import TokenRefused
from lobby_server.service.ports import Clock

ALGORITHM = "HS256"
ADMIN_ROLE = "admin"
MAX_USER_ID = 2**53 - 1
"""The largest integer that every JSON client reads exactly (RFC 8259 section 6)."""
MAX_USERNAME_CHARACTERS = 64
_FORGET_AT_LEAST = 1024


@dataclass(frozen=True)
class Claims:
    """What a verified token says."""

    user: User
    token_id: str
    """``jti``, or a digest of the token where its issuer gave none that a database can hold."""
    expires_at_s: float
    """Unix time."""
    is_admin: bool = False
    """The claim ``role`` is ``admin``: may announce, and see the figures of the server."""


class Tokens:
    """Issues, verifies and revokes."""

    def __init__(
        self,
        secret: str,
        *,
        ttl_s: int,
        clock: Clock,
        new_token_id: Callable[[], str] = lambda: secrets.token_urlsafe(12),
    ) -> None:
        """`new_token_id`: new each time, and nobody can guess it."""
        self._secret = secret
        self._clock = clock
        self._new_token_id = new_token_id
        self._revoked: dict[str, float] = {}
        self._forget_at = _FORGET_AT_LEAST
        self.ttl_s = ttl_s

    def issue(self, user: User, *, role: str | None = None) -> str:
        """A new token. `role`: ``admin`` for an operator; accounts have none."""
        now_s = int(self._clock.utc_now().timestamp())
        claims: dict[str, object] = {
            "userId": user.id,
            "username": user.username,
            "iat": now_s,
            "exp": now_s + self.ttl_s,
            "jti": self._new_token_id(),
        }
        if role is not None:
            claims["role"] = role
        return jwt.encode(claims, self._secret, ALGORITHM)

    def verify(self, token: object) -> Claims:
        """The claims of a token that holds now. Raises `TokenRefused`, whatever it is given."""
        if not isinstance(token, str):
            raise TokenRefused("The token is not a string.")
        try:
            # Only the signature is PyJWT's business here; time is ours, so that a virtual clock can drive it.
            claims = jwt.decode(
                token, self._secret, algorithms=[ALGORITHM], options={"verify_exp": False, "verify_iat": False,
                "verify_nbf": False, "verify_aud": False, "verify_iss": False, "verify_sub": False,
                "verify_jti": False},
            )  # fmt: skip
        except (jwt.InvalidTokenError, ValueError, RecursionError):
            raise TokenRefused("The token does not verify.") from None
        user = _user_of(claims)
        expires_at_s = _time_of(claims.get("exp"))
        if expires_at_s is None or expires_at_s <= self._clock.utc_now().timestamp():
            raise TokenRefused("The token has expired.")
        token_id = claims.get("jti")
        if not isinstance(token_id, str) or not token_id or not _is_storable(token_id):
            token_id = hashlib.sha256(token.encode()).hexdigest()[:32]
        if token_id in self._revoked:
            raise TokenRefused("The token was signed out.")
        return Claims(user, token_id, expires_at_s, is_admin=claims.get("role") == ADMIN_ROLE)

    def revoke(self, token_id: str, expires_at_s: float) -> None:
        """Refuse a token from now on. Those that have ended by themselves are forgotten whenever the table doubled."""
        self._revoked[token_id] = expires_at_s
        if len(self._revoked) >= self._forget_at:
            now_s = self._clock.utc_now().timestamp()
            self._revoked = {known: end_s for known, end_s in self._revoked.items() if end_s > now_s}
            self._forget_at = max(_FORGET_AT_LEAST, 2 * len(self._revoked))


def _user_of(claims: dict[str, object]) -> User:
    user_id, username = claims.get("userId"), claims.get("username")
    if type(user_id) is not int or not 0 <= user_id <= MAX_USER_ID:
        raise TokenRefused("The token names no user.")
    if not isinstance(username, str) or not 1 <= len(username) <= MAX_USERNAME_CHARACTERS:
        raise TokenRefused("The token names no user.")
    if not _is_storable(username):
        raise TokenRefused("The token names no user.")
    return User(user_id, username)


def _is_storable(text: str) -> bool:
    """Whether a text can be kept and sent: PostgreSQL has no NUL in its text, UTF-8 no half of a surrogate pair."""
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _time_of(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:
        return None
    return float(value)


def utc_from_unix(seconds: float) -> datetime:
    """A moment as a datetime; far ends are pulled in to what a database can hold."""
    return datetime.fromtimestamp(min(seconds, 253_402_300_799.0), timezone.utc)


class Passwords:
    """argon2id hashes. Every call takes tens of milliseconds and as many MiB: never on the event loop."""

    def __init__(self) -> None:
        self._hasher = argon2.PasswordHasher()
        self._nobody = _hash_of_nothing(self._hasher)

    def hash(self, password: str) -> str:
        return self._hasher.hash(password)

    def matches(self, password_hash: str | None, password: str) -> bool:
        """Whether a password is the one that was hashed. None, an unknown user, takes the same time."""
        try:
            self._hasher.verify(password_hash if password_hash is not None else self._nobody, password)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False
        return password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        """Whether a hash was made with weaker parameters than today's."""
        return self._hasher.check_needs_rehash(password_hash)


def _hash_of_nothing(hasher: argon2.PasswordHasher) -> str:
    """A hash that no password has, in the PHC string format; finding that out takes as long as for any other."""
    salt, digest = (
        base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (hasher.salt_len, hasher.hash_len)
    )
    costs = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${costs}${salt}${digest}"
