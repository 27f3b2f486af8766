"""Nothing stays in the store of a user whose account is deleted, whatever was on its way to it.

The account and all rows of its user go in one commit, and that is an entry of the log. What a node had queued before it
heard of the entry (a line of chat, a notification, a ban from a room) is written after the commit; so each node queues
behind it that the rows of the user go once more. What comes behind the entry is refused, and if its call has written
already, the same follows (`lobby_server.core.machine.forgetting`).
"""

from __future__ import annotations

from lobby_server.core.machine import commands, effects
from lobby_server.core.presence import User
from lobby_server.core.refusal import TokenRefused
from lobby_server.service.accounts.revocations import Revocations
from lobby_server.service.replica import Replica
from lobby_server.service.session import Session
from lobby_server.service.writes.kept import ForgetUsers
from lobby_server.service.writes.writer import StoreWriter

USERS_PER_WRITE = 500


class Forgetting:
    """One per server."""

    def __init__(self, *, replica: Replica, revocations: Revocations, writer: StoreWriter) -> None:
        self._deleted = replica.books.deleted
        self._replica = replica
        self._revocations = revocations
        self._writer = writer
        replica.hear(effects.UserForgotten, self._forgotten)

    def is_deleted(self, user: User) -> bool:
        """As far as this node knows."""
        return self._deleted.has(user)

    async def forget(self, user_id: int, mark: str) -> None:
        """The store has forgotten a user. Raises as `Revocations.tell`."""
        await self._revocations.tell(commands.ForgetUser(user_id, mark))

    def forget_all(self) -> None:
        """Something may have been written of users of whom this node has not heard that they are deleted."""
        user_ids = sorted(self._deleted.marks)
        for start in range(0, len(user_ids), USERS_PER_WRITE):
            self._writer.keep(ForgetUsers(user_ids=tuple(user_ids[start : start + USERS_PER_WRITE])))

    async def look_again(self, user: User) -> None:
        """Something was written of a user that goes through no log. Raises `TokenRefused` when they are deleted by
        then, on whichever node, and nothing of it stays."""
        await self._replica.caught_up()
        if self._deleted.has(user):
            self._writer.keep(ForgetUsers(user_ids=(user.id,)))
            raise TokenRefused("The token was signed out.")

    def _forgotten(self, effect: effects.UserForgotten, _: Session | None) -> None:
        self._writer.keep(ForgetUsers(user_ids=(effect.user_id,)))
