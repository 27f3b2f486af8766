"""Nothing stays in the store of a user whose account is deleted, whatever was on its way to it.

The account and all rows of its user go in one commit, and that is an entry of the log. What a node had queued before it
heard of the entry (a line of chat, a notification, a ban from a room) is written after the commit; so each node queues
behind it that the rows of the user go once more. What comes behind the entry is refused, and if its call has written
already, the same follows (`lobby_server.core.machine.forgetting`).

Rows have ids, and users of an outside account service bring theirs along: one who has the id of a deleted account loses
nothing here, as long as they are known by their name (`lobby_server.core.machine.books.Books.is_deleted`).
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from lobby_server.core.machine import commands, effects
from lobby_server.core.machine.deleted import mark_of
from lobby_server.core.presence import User
from lobby_server.core.refusal import TokenRefused
from lobby_server.service.accounts.revocations import FOR_EVER, Revocations, deletion_key
from lobby_server.service.ports import Store
from lobby_server.service.replica import Replica
from lobby_server.service.session import Session
from lobby_server.service.social.ports import pages_of_friendships
from lobby_server.service.writes.kept import ForgetUsers
from lobby_server.service.writes.writer import StoreWriter

USERS_PER_WRITE = 500


class Forgetting:
    """One per server."""

    def __init__(self, *, replica: Replica, revocations: Revocations, writer: StoreWriter, store: Store) -> None:
        self._books = replica.books
        self._deleted = replica.books.deleted
        self._replica = replica
        self._revocations = revocations
        self._writer = writer
        self._store = store
        replica.hear(effects.UserForgotten, self._forgotten)

    def is_deleted(self, user: User) -> bool:
        """As far as this node knows."""
        return self._deleted.has(user)

    async def delete(self, user: User) -> bool:
        """The account goes, and all that is kept of its user; the nodes hear of it, also where nobody knows what became
        of the write. Whether there was one. Raises `StoreUnavailable`, and as `Revocations.tell`."""
        with self._revocations.looking_if_unanswered():
            if not await self._store.delete_account(user.id, revokes=(deletion_key(user), FOR_EVER)):
                return False
            await self.forget(user.id, mark_of(user.username))
        return True

    async def forget(self, user_id: int, mark: str) -> None:
        """The store has forgotten a user. Raises as `Revocations.tell`."""
        await self._revocations.tell(commands.ForgetUser(user_id, mark))

    def forget_latest(self) -> None:
        """Something may have been written of users of whom the node that wrote it had not heard that they are deleted:
        that is a matter of seconds. The last `USERS_PER_WRITE`, for each of them is looked for in every table, in the
        queue that lines of chat are written by as well."""
        marks = self._deleted.marks
        self._sweep(list(islice(reversed(marks), USERS_PER_WRITE)))

    async def make_up(self) -> None:
        """At a start, before anything is restored: what an earlier life had queued was written just now, and may be of
        users who were deleted meanwhile. Raises `StoreUnavailable`. Nobody was ever deleted: nothing is read. Else
        O(friendships), and a few statements per `USERS_PER_WRITE` users who were ever deleted."""
        marks = self._deleted.marks
        if not marks:
            return
        named: set[tuple[int, str]] = set()
        async for rows in pages_of_friendships(self._store):
            named.update((friend_id, username) for _, friend_id, username, _ in rows if friend_id in marks)
        for request in await self._store.friend_requests():
            named.update((user.id, user.username) for user in (request.sender, request.receiver) if user.id in marks)
        others = {user_id for user_id, username in named if mark_of(username) != marks[user_id]}
        for part in _parts([user_id for user_id in marks if user_id not in others]):
            await self._store.forget_users(part)

    async def look_again(self, user: User) -> None:
        """Something was written of a user that goes through no log. Raises `TokenRefused` when they are deleted by
        then, on whichever node, and nothing of it stays."""
        await self._replica.caught_up()
        if self._deleted.has(user):
            self._sweep((user.id,))
            raise TokenRefused("The token was signed out.")

    def _forgotten(self, effect: effects.UserForgotten, _: Session | None) -> None:
        self._sweep((effect.user_id,))

    def _sweep(self, user_ids: Iterable[int]) -> None:
        for part in _parts([user_id for user_id in user_ids if self._books.is_deleted(user_id)]):
            self._writer.keep(ForgetUsers(user_ids=part))


def _parts(user_ids: list[int]) -> Iterable[tuple[int, ...]]:
    for start in range(0, len(user_ids), USERS_PER_WRITE):
        yield tuple(user_ids[start : start + USERS_PER_WRITE])
