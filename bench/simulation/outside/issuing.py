"""An account service outside of the lobby, which has the lobby's secret: it issues tokens, for as long as is asked for.
Whoever checks the lobby reads in a token what it says.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

import msgspec

from lobby_server.core.presence import User
from lobby_server.service.auth import Tokens, revocation_key
from lobby_server.service.ports import Clock

DAY_S = 86_400
"""Of a token that no run outlives."""


@dataclass(frozen=True)
class Shown:
    """What a token says, and the keys that are revoked for it to hold no more."""

    user: User
    token_id: str
    sign_in_key: str | None
    ends_s: float
    """Unix time."""

    @property
    def keys(self) -> tuple[str, ...]:
        return (self.token_id,) if self.sign_in_key is None else (self.token_id, self.sign_in_key)


class Issuer:
    """Of one run."""

    def __init__(self, secret: str, clock: Clock) -> None:
        """`clock`: the true time."""
        self._secret = secret
        self._clock = clock
        self._numbers = 0

    def issue(self, user: User, *, ttl_s: int = DAY_S, has_sign_in: bool = False) -> str:
        """A token of a new login. `has_sign_in`: all tokens that are refreshed from it end with that."""
        tokens = Tokens(self._secret, ttl_s=ttl_s, clock=self._clock, new_token_id=self._new_id)
        return tokens.issue(user, sign_in_id=f"login-{self._numbers}" if has_sign_in else None)

    def _new_id(self) -> str:
        self._numbers += 1
        return f"t{self._numbers}"


def read_token(token: str) -> Shown:
    """What a token says, whoever has issued it. Its signature is taken to be good: nobody here forges any."""
    payload = token.split(".")[1]
    claims = msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), type=_Claims)
    key = None if claims.sid is None else revocation_key(claims.sid)
    return Shown(User(claims.userId, claims.username), claims.jti, key, claims.exp)


class _Claims(msgspec.Struct):
    userId: int
    username: str
    jti: str
    exp: float
    sid: str | None = None
