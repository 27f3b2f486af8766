"""All exceptions of this package.

ClientError
├── ServerAway          no answer: refused, timed out, connection lost
├── UnexpectedAnswer    an answer that no lobby server gives
├── ApiError            the lobby's own error: status, code, sentence
│   └── RateLimited     429, with the seconds to wait
├── NotConnected        a message was to be sent without an accepted connection
└── TokenFileError      the stored token cannot be written or removed
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lobby_server.protocol.codes import ApiCode

_ABOUT_THE_TOKEN = frozenset({ApiCode.AUTHENTICATION_REQUIRED.value, ApiCode.INVALID_TOKEN.value})


class ClientError(Exception):
    """The root of the tree above. Its text is a sentence without a full stop."""


class ServerAway(ClientError):
    """No answer came. Whether the server acted on the request is not known. Trying again later may help."""

    def __init__(self, url: str, why: str) -> None:
        super().__init__(f"no answer from {url}: {why}")
        self.url = url
        self.why = why


class UnexpectedAnswer(ClientError):
    """Something else than a lobby server answers at `url`, or one of another protocol. Trying again does not help."""

    def __init__(self, url: str, status: int, what: str, *, body: bytes = b"") -> None:
        super().__init__(f"{url} answered {status}, which is not what a lobby server says: {what}")
        self.url = url
        self.status = status
        self.what = what
        self.body = body


class ApiError(ClientError):
    """The lobby refused.

    `code` is one of the protocol's `ApiCode`s or a later server's, stable, for programs; `sentence` is for users;
    `fields` maps the name of a request field to what is wrong with it.
    """

    def __init__(
        self,
        *,
        status: int,
        code: str,
        sentence: str,
        fields: Mapping[str, str] | None = None,
        existing_room_id: str | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {sentence}")
        self.status = status
        self.code = code
        self.sentence = sentence
        self.fields = dict(fields or {})
        self.existing_room_id = existing_room_id

    @property
    def is_about_the_token(self) -> bool:
        """The token is missing, bad, expired or revoked: only a new login helps."""
        return self.status in (401, 403) and self.code in _ABOUT_THE_TOKEN


class RateLimited(ApiError):
    """429. `retry_after_s`: seconds to wait before the next call of that kind; 5 where the server names none."""

    def __init__(self, *, code: str, sentence: str, retry_after_s: float) -> None:
        super().__init__(status=429, code=code, sentence=sentence)
        self.retry_after_s = retry_after_s


class NotConnected(ClientError):
    """The message was not sent and will not be: nothing is queued for the next connection."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} was not sent: there is no accepted connection")


class TokenFileError(ClientError):
    """The file at `path` could not be written or removed."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"the token cannot be kept in {path}: {why}")
        self.path = path
        self.why = why
