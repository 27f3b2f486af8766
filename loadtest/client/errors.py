"""Everything that this package raises.

ClientError
├── ServerAway          nobody answered: refused, timed out, lost on the way
├── UnexpectedAnswer    somebody answered who is no lobby server
├── ApiError            the lobby's own error: status, code, sentence
│   └── RateLimited     429, with the seconds to wait
├── NotConnected        sending without an accepted connection
└── TokenFileError      the stored token cannot be written
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


class ClientError(Exception):
    """The root; catch it to catch all."""


class ServerAway(ClientError):
    def __init__(self, url: str, why: str) -> None:
        super().__init__(f"no answer from {url}: {why}")
        self.url = url
        self.why = why


class UnexpectedAnswer(ClientError):
    def __init__(self, url: str, status: int, what: str) -> None:
        super().__init__(f"{url} answered {status}, which is not what a lobby server says: {what}")
        self.url = url
        self.status = status
        self.what = what


class ApiError(ClientError):
    """`code` is stable and for programs, `sentence` is for people; `fields` says what is wrong with which field."""

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
        return self.status in (401, 403) and self.code in ("authentication_required", "invalid_token")


class RateLimited(ApiError):
    def __init__(self, *, code: str, sentence: str, retry_after_s: float) -> None:
        super().__init__(status=429, code=code, sentence=sentence)
        self.retry_after_s = retry_after_s


class NotConnected(ClientError):
    def __init__(self, what: str) -> None:
        super().__init__(f"{what} was not sent: there is no accepted connection")


class TokenFileError(ClientError):
    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"the token cannot be kept in {path}: {why}")
        self.path = path
        self.why = why
