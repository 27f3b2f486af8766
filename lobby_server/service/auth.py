"""Passwords and tokens.

A token is an HS256 JWT; any service that holds the secret may issue one, so its user need not be in the local table.
Neither secrets nor tokens are ever logged.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

import argon2
import jwt

from lobby_server.core.bans import UserBan, UserBanned, end_of_ban
from lobby_server.core.machine.deleted import DeletedUsers
from lobby_server.core.presence import User
from lobby_server.core.refusal import TokenRefused
from lobby_server.service.accounts.signatures import ALGORITHM, mark_of, verified_claims
from lobby_server.service.ports import Clock

ADMIN_ROLE = "admin"
MAX_USER_ID = 2**53 - 1
"""The largest integer that every JSON client reads exactly (RFC 8259 section 6)."""
MAX_USERNAME_CHARACTERS = 64
ISSUED_WITHIN_S = 60.0
"""A call that is under way, or a node whose clock is ahead, issues a token that ends so much later."""
_OF_SIGN_IN = "sign-in "
_FORGET_AT_LEAST = 1024


@dataclass(frozen=True)
class Claims:
    """What a verified token says."""

    user: User
    token_id: str
    """``jti``, or a digest of the token where its issuer gave none that a database can hold."""
    expires_at_s: float
    """Unix time."""
    role: str | None = None
    """The claim ``role``, which a fresh token keeps."""
    sign_in_id: str | None = None
    """The claim ``sid``: the login that it comes from, which a fresh token keeps."""

    @property
    def sign_in_key(self) -> str | None:
        """What is revoked when the sign-in ends."""
        return None if self.sign_in_id is None else revocation_key(self.sign_in_id)

    @property
    def is_admin(self) -> bool:
        """May announce, and see the figures of the server."""
        return self.role == ADMIN_ROLE


def revocation_key(sign_in_id: str) -> str:
    """What stands among the revoked tokens when a whole sign-in is ended."""
    return f"{_OF_SIGN_IN}{sign_in_id}"


def is_of_sign_in(key: str) -> bool:
    """Whether `revocation_key` made a key."""
    return key.startswith(_OF_SIGN_IN)


class Tokens:
    """Issues, verifies and revokes. One secret signs; older ones verify until they are taken out."""

    def __init__(
        self,
        secret: str,
        *older: str,
        ttl_s: int,
        clock: Clock,
        new_token_id: Callable[[], str],
        revoked: dict[str, float] | None = None,
        bans: Mapping[int, UserBan] | None = None,
        deleted: DeletedUsers | None = None,
    ) -> None:
        """`secret` signs, and verifies as each of the `older` does. `new_token_id`: new each time, and nobody can
        guess it. `revoked`: where it is known which tokens are signed out, and when each ends by itself. `bans`: of
        users, whose tokens hold no more. `deleted`: users, whose tokens never will."""
        self._secrets = (secret, *older)
        self._clock = clock
        self._new_token_id = new_token_id
        self._revoked: dict[str, float] = {} if revoked is None else revoked
        self._bans: Mapping[int, UserBan] = {} if bans is None else bans
        self._deleted = DeletedUsers() if deleted is None else deleted
        self._forget_at = _FORGET_AT_LEAST
        self.ttl_s = ttl_s

    @property
    def marks(self) -> list[str]:
        """Of the secrets that verify; the first one signs."""
        return [mark_of(secret) for secret in self._secrets]

    def use(self, secret: str, *older: str) -> None:
        """Other secrets from now on. A token of a secret that is gone verifies no more; sockets that it opened stay."""
        self._secrets = (secret, *older)

    def issue(self, user: User, *, role: str | None = None, sign_in_id: str | None = None) -> str:
        """A new token. `role`: ``admin`` for an administrator. `sign_in_id`: of the login that it belongs to."""
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
        if sign_in_id is not None:
            claims["sid"] = sign_in_id
        return jwt.encode(claims, self._secrets[0], ALGORITHM)

    def verify(self, token: object) -> Claims:
        """The claims of a token that holds now. Raises `TokenRefused`, whatever it is given."""
        if not isinstance(token, str):
            raise TokenRefused("The token is not a string.")
        claims = self._signed_claims(token)
        user = _user_of(claims)
        expires_at_s = self._end_of(claims)
        token_id = claims.get("jti")
        if not isinstance(token_id, str) or not token_id or not _is_storable(token_id):
            token_id = hashlib.sha256(token.encode()).hexdigest()[:32]
        role, sign_in_id = claims.get("role"), claims.get("sid")
        verified = Claims(
            user,
            token_id,
            expires_at_s,
            role=role if isinstance(role, str) else None,
            sign_in_id=sign_in_id if isinstance(sign_in_id, str) and _is_storable(sign_in_id) else None,
        )
        self.check_holds(verified)
        return verified

    def check_holds(self, claims: Claims) -> None:
        """Look again at a token that was verified, after a wait. Raises `TokenRefused` when it was signed out
        meanwhile, `UserBanned`."""
        self.check_not_banned(claims.user)  # which ends the sign-ins too, and is what the user is to be told
        revoked = self._revoked
        if claims.token_id in revoked or claims.sign_in_key in revoked or self._deleted.has(claims.user):
            raise TokenRefused("The token was signed out.")

    def check_not_banned(self, user: User) -> None:
        """Raises `UserBanned`, which says until when and why."""
        ban = self._bans.get(user.id)
        if ban is not None and ban.holds(self._clock.utc_now().timestamp()):
            raise UserBanned(f"You are banned from this lobby{end_of_ban(ban.until_s)}. Reason: {ban.reason}")

    def issue_reset(self, user_id: int, fingerprint: str, *, expires_at_s: float) -> str:
        """A token by which a user may choose another password; it is none to log in with. `fingerprint`: of what is to
        be replaced."""
        claims = {"resetFor": user_id, "fingerprint": fingerprint, "exp": int(expires_at_s)}
        return jwt.encode(claims, self._secrets[0], ALGORITHM)

    def verify_reset(self, token: str) -> tuple[int, str]:
        """User and fingerprint of a token that `issue_reset` made. Raises `TokenRefused`."""
        claims = self._signed_claims(token)
        self._end_of(claims)
        user_id, fingerprint = claims.get("resetFor"), claims.get("fingerprint")
        if type(user_id) is not int or not isinstance(fingerprint, str):
            raise TokenRefused("The token is none to choose a password with.")
        return user_id, fingerprint

    def issue_email(self, user_id: int, email: str, fingerprint: str, *, expires_at_s: float) -> str:
        """A token by which the owner of an address confirms that it is a user's. `fingerprint`: of the account as it
        is now."""
        claims = {"emailFor": user_id, "email": email, "fingerprint": fingerprint, "exp": int(expires_at_s)}
        return jwt.encode(claims, self._secrets[0], ALGORITHM)

    def verify_email(self, token: str) -> tuple[int, str, str]:
        """User, address and fingerprint of a token that `issue_email` made. Raises `TokenRefused`."""
        claims = self._signed_claims(token)
        self._end_of(claims)
        user_id, email, fingerprint = claims.get("emailFor"), claims.get("email"), claims.get("fingerprint")
        if type(user_id) is not int or not isinstance(email, str) or not isinstance(fingerprint, str):
            raise TokenRefused("The token is none to confirm an address with.")
        return user_id, email, fingerprint

    def last_end_s(self, known_s: float) -> float:
        """When the last token of a user ends that may be issued until now, in Unix time. `known_s`: when one does that
        is known; the lifetime may have been another one as it was issued."""
        return max(known_s, self._clock.utc_now().timestamp() + self.ttl_s + ISSUED_WITHIN_S)

    def revoke(self, token_id: str, expires_at_s: float) -> None:
        """Refuse a token from now on. Those that have ended by themselves are forgotten whenever the table doubled."""
        self._revoked[token_id] = expires_at_s
        if len(self._revoked) >= self._forget_at:
            now_s = self._clock.utc_now().timestamp()
            for known in [known for known, end_s in self._revoked.items() if end_s <= now_s]:
                del self._revoked[known]
            self._forget_at = max(_FORGET_AT_LEAST, 2 * len(self._revoked))

    # -- private --------------------------------------------------------------------------------------------------

    def _signed_claims(self, token: str) -> dict[str, object]:
        for secret in self._secrets:
            try:
                return verified_claims(token, secret)
            except jwt.InvalidSignatureError:
                continue  # perhaps an older secret's
            except (jwt.InvalidTokenError, ValueError, RecursionError):
                break
        raise TokenRefused("The token does not verify.")

    def _end_of(self, claims: dict[str, object]) -> float:
        """When the token ends, in Unix time, if that is to come and its beginning (RFC 7519 section 4.1.5) is not."""
        now_s = self._clock.utc_now().timestamp()
        if claims.get("exp") is None:
            raise TokenRefused("The token has no exp: it has to say when it expires.")
        expires_at_s = _time_of(claims["exp"])
        if expires_at_s is None:
            raise TokenRefused("The token's exp is no time: seconds since 1970 are.")
        if expires_at_s <= now_s:
            raise TokenRefused("The token has expired.")
        if claims.get("nbf") is not None:
            begins_at_s = _time_of(claims["nbf"])
            if begins_at_s is None:
                raise TokenRefused("The token's nbf is no time: seconds since 1970 are.")
            if begins_at_s > now_s:
                raise TokenRefused("The token is not valid yet: its nbf is to come.")
        return expires_at_s


def _user_of(claims: dict[str, object]) -> User:
    user_id, username = claims.get("userId"), claims.get("username")
    if isinstance(user_id, float) and user_id.is_integer():
        user_id = int(user_id)  # some languages have no other numbers
    if type(user_id) is not int or not 0 <= user_id <= MAX_USER_ID:
        raise TokenRefused("The token names no user.")
    if not isinstance(username, str) or not 1 <= len(username) <= MAX_USERNAME_CHARACTERS:
        raise TokenRefused("The token names no user.")
    if not _is_storable(username):
        raise TokenRefused("The token names no user.")
    return User(user_id, username)


def _is_storable(text: str) -> bool:
    """Whether a text can be kept and sent: PostgreSQL has no NUL in its text, UTF-8 no half of a surrogate pair."""
    return "\x00" not in text and (text.isascii() or not any("\ud800" <= each <= "\udfff" for each in text))


def _time_of(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:
        return None
    return float(value)


def utc_from_unix(seconds: float) -> datetime:
    """A moment as a datetime; far ends are pulled in to what a database can hold."""
    return datetime.fromtimestamp(min(seconds, 253_402_300_799.0), timezone.utc)


class Passwords:
    """argon2id hashes. Every call takes tens of milliseconds and as many MiB: never on the event loop."""

    def __init__(self, *, new_salt: Callable[[int], bytes]) -> None:
        """`new_salt`: so many bytes, other ones each time, that nobody can guess."""
        self._hasher = argon2.PasswordHasher()
        self._new_salt = new_salt
        self._nobody = _hash_of_nothing(self._hasher)

    def hash(self, password: str) -> str:
        return self._hasher.hash(password, salt=self._new_salt(self._hasher.salt_len))

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
        base64.b64encode(hashlib.shake_256(part).digest(size)).decode().rstrip("=")
        for part, size in ((b"salt", hasher.salt_len), (b"hash", hasher.hash_len))
    )
    costs = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${costs}${salt}${digest}"
