"""Finds the user whom a request means: by id or by name, among accounts, users online, and friends.

A token may come from an outside account service, so there is no list of everybody: such a user can be found while they
are online, or once they are the friend of another user.
"""

from __future__ import annotations

from lobby_server.core.friends import FriendBook
from lobby_server.core.presence import Presence, User
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.protocol.requests import Whom
from lobby_server.service.ports import Store


class People:
    """Finds users."""

    def __init__(self, *, presence: Presence, friends: FriendBook, store: Store) -> None:
        self._presence = presence
        self._friends = friends
        self._store = store

    async def find(self, whom: Whom) -> User:
        """Raises `Refusal` (``user_not_found``), `StoreUnavailable`."""
        if whom.to_user_id is not None:
            found = await self.by_id(whom.to_user_id)
        else:
            found = await self._by_name(whom.to_username or "")
        if found is None:
            raise Refusal(RefusalCode.USER_NOT_FOUND)
        return found

    def known(self, user_id: int) -> User | None:
        """As `by_id`, of those who can be found without the store."""
        user = self._presence.user(user_id)
        if user is None and (name := self._friends.name_of(user_id)) is not None:
            user = User(user_id, name)
        return user

    async def by_id(self, user_id: int) -> User | None:
        """Raises `StoreUnavailable`."""
        known = self.known(user_id)
        if known is not None:
            return known
        account = await self._store.account(user_id)
        return None if account is None else User(account.id, account.username)

    async def _by_name(self, username: str) -> User | None:
        """Without regard to case, as at the login. O(users online) for one without an account here."""
        account = await self._store.account_by_login(username)
        key = username.casefold()
        if account is not None and account.username.casefold() == key:
            return User(account.id, account.username)
        return next((user for user in self._presence.online() if user.username.casefold() == key), None)
