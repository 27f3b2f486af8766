"""Users whose accounts are deleted. An id is never given again, so they are known for ever: no token of theirs holds
again, however late it ends, and nothing is kept of them that was on its way as they went.

What is known is the id and a digest of the name: the name tells them from a user with the same id of an outside account
service, and is not kept itself.
"""

from __future__ import annotations

import hashlib

from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, RefusalCode

MARK_CHARACTERS = 16


def mark_of(username: str) -> str:
    """The digest: 64 bits of SHA-256, in hexadecimal."""
    return hashlib.sha256(username.encode()).hexdigest()[:MARK_CHARACTERS]


class DeletedUsers:
    """All of them: about 200 bytes each."""

    def __init__(self) -> None:
        self.marks: dict[int, str] = {}
        """By user id, in the order of the log: who was deleted last is last. Those of an earlier life come first."""

    def __len__(self) -> int:
        return len(self.marks)

    def add(self, user_id: int, mark: str) -> bool:
        """False: it was known."""
        if self.marks.get(user_id) == mark:
            return False
        self.marks.pop(user_id, None)
        self.marks[user_id] = mark
        return True

    def has(self, user: User) -> bool:
        """Whether that is one of them. O(1); of whoever has another id, without the digest."""
        mark = self.marks.get(user.id)
        return mark is not None and mark == mark_of(user.username)


class NamesDeletedUser(Refusal):
    """A command about a user who is deleted: it was on its way as they went."""

    def __init__(self, user_id: int, mark: str) -> None:
        super().__init__(RefusalCode.USER_NOT_FOUND)
        self.user_id = user_id
        self.mark = mark
