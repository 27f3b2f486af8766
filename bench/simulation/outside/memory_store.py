"""A store in memory, for tests of what stands on a store. It passes the contract tests of the real ones."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any, cast

from bench.simulation.outside.account_memory import AccountMemory
from lobby_server.core.accounts import look_of
from lobby_server.service.ports import (
    Account,
    EmailTaken,
    EndsSignIn,
    GatedStores,
    Overtaken,
    StoredInvitation,
    StoredRoom,
    StoreUnavailable,
    UsernameLooksTaken,
    UsernameTaken,
)
from lobby_server.store.errors import RowConflict, UnstorableText
from lobby_server.store.tables import is_storable, key_of


class _Fenced:
    """Calls of a store that are made after so many changes only."""

    def __init__(self, store: MemoryStore, after: int) -> None:
        self._store = store
        self._after = after

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        change = getattr(self._store, name)

        async def count_and_change(*arguments: Any) -> Any:
            self._store.count(self._after)
            try:
                return await change(*arguments)
            except UnstorableText:  # nothing was changed
                self._store.uncount()
                raise

        return count_and_change


class MemoryStore(AccountMemory):
    """`lobby_server.service.ports.Store`, kept as long as the object.

    Set `is_away` and every call raises `StoreUnavailable`, until it is set back.
    """

    def __init__(self) -> None:
        super().__init__()
        self.is_away = False
        self._is_closed = False
        self._last_account_id = 0
        self._life = ""
        self._marks: dict[str, int] = {}
        self._changes = 0

    async def add_account(
        self, *, username: str, email: str | None, password_hash: str, created_at: datetime
    ) -> Account:
        self._check(username, email, password_hash)
        known = self._accounts.values()
        if any(key_of(account.username) == key_of(username) for account in known):
            raise UsernameTaken(f"The username {username} is taken.")
        if any(look_of(account.username) == look_of(username) for account in known):
            raise UsernameLooksTaken(f"The username {username} looks like another one.")
        if email is not None and any(
            account.email is not None and key_of(account.email) == key_of(email) for account in known
        ):
            raise EmailTaken(f"The email {email} is taken.")
        self._last_account_id += 1
        account = Account(
            id=self._last_account_id,
            username=username,
            email=email,
            password_hash=password_hash,
            created_at=created_at.astimezone(timezone.utc),
        )
        self._accounts[account.id] = account
        return account

    async def account_by_login(self, login: str) -> Account | None:
        self._check()
        key = key_of(login)
        by_email = None
        for account in self._accounts.values():
            if key_of(account.username) == key:
                return account
            if account.email is not None and key_of(account.email) == key:
                by_email = account
        return by_email

    async def account(self, user_id: int) -> Account | None:
        self._check()
        return self._accounts.get(user_id)

    async def replace_password_hash(
        self,
        user_id: int,
        known: str,
        fresh: str,
        *,
        address_of: Account | None = None,
        ends: EndsSignIn | None = None,
    ) -> bool:
        self._check(known, fresh)
        account = self._accounts.get(user_id)
        if account is None or account.password_hash != known:
            return False
        if address_of is not None and account.email != address_of.email:
            return False
        self._accounts[user_id] = replace(account, password_hash=fresh)
        for sign_in in [each for each in self._sign_ins.values() if ends is not None and each.user_id == user_id]:
            if ends is not None and (revocation := ends(sign_in)) is not None:
                self._revoke(*revocation)
                del self._sign_ins[sign_in.id]
        return True

    async def revoked_tokens(self, now: datetime) -> dict[str, datetime]:
        self._check()
        self._revoked = {jti: expires_at for jti, expires_at in self._revoked.items() if expires_at > now}
        return dict(self._revoked)

    async def add_room(self, room: StoredRoom, *, is_again: bool = False, only_if_missing: bool = False) -> None:
        self._check(room.id, room.host_username, room.gamemode, room.map_name, room.version, room.name)
        if room.id in self._rooms and only_if_missing:
            return
        if room.id in self._rooms and not is_again:
            raise RowConflict
        self._rooms[room.id] = replace(room, created_at=room.created_at.astimezone(timezone.utc))
        host = self._accounts.get(room.host_user_id)
        if host is not None and not is_again:
            self._accounts[host.id] = replace(host, rooms_hosted=host.rooms_hosted + 1)

    async def set_room_host(self, room_id: str, *, user_id: int, username: str, version: str | None) -> None:
        self._check(room_id, username, version)
        if room_id in self._rooms:
            self._rooms[room_id] = replace(
                self._rooms[room_id], host_user_id=user_id, host_username=username, version=version
            )

    async def change_room(self, room: StoredRoom) -> None:
        self._check(room.id, room.gamemode, room.map_name, room.name)
        if room.id in self._rooms:
            self._rooms[room.id] = replace(
                self._rooms[room.id],
                name=room.name,
                gamemode=room.gamemode,
                map_name=room.map_name,
                max_players=room.max_players,
                is_public=room.is_public,
                player_ids=room.player_ids,
            )

    async def unban(self, room_id: str, user_id: int) -> None:
        self._check(room_id)
        if (room := self._rooms.get(room_id)) is not None:
            self._rooms[room_id] = replace(room, banned_user_ids=room.banned_user_ids - {user_id})

    async def ban(self, room_id: str, user_id: int) -> None:
        self._check(room_id)
        if room_id in self._rooms:
            room = self._rooms[room_id]
            self._rooms[room_id] = replace(room, banned_user_ids=room.banned_user_ids | {user_id})

    async def invite_to_room(self, room_id: str, user_ids: Sequence[int]) -> None:
        self._check(room_id)
        if room_id in self._rooms:
            room = self._rooms[room_id]
            self._rooms[room_id] = replace(room, invited_user_ids=room.invited_user_ids | set(user_ids))

    async def uninvite_from_room(self, room_id: str, user_ids: Sequence[int]) -> None:
        self._check(room_id)
        if (room := self._rooms.get(room_id)) is not None:
            self._rooms[room_id] = replace(room, invited_user_ids=room.invited_user_ids - set(user_ids))

    async def keep_invitations(
        self, room_id: str, stand: Sequence[StoredInvitation] = (), *, ended: Sequence[tuple[int, int]] = ()
    ) -> None:
        self._check(room_id)
        if (room := self._rooms.get(room_id)) is not None:
            kept = {(each.sender_id, each.guest_id): each for each in room.invitations}
            for key in ended:
                kept.pop(key, None)
            kept |= {(each.sender_id, each.guest_id): each for each in stand}
            self._rooms[room_id] = replace(room, invitations=tuple(kept.values()))

    async def delete_room(self, room_id: str) -> None:
        self._check(room_id)
        self._rooms.pop(room_id, None)

    async def rooms(self) -> list[StoredRoom]:
        self._check()
        return sorted(self._rooms.values(), key=lambda room: (room.created_at, room.id))

    async def life(self) -> str:
        self._check()
        return self._life

    async def begin_life(self, name: str) -> None:
        self._check(name)
        self._life = name

    async def mark(self, name: str) -> int:
        self._check(name)
        return self._marks.get(name, 0)

    async def raise_mark(self, name: str, value: int) -> None:
        self._check(name)
        self._marks[name] = max(value, self._marks.get(name, 0))

    async def changes(self) -> int:
        self._check()
        return self._changes

    def fenced(self, after: int) -> GatedStores:
        return cast(GatedStores, _Fenced(self, after))

    def count(self, after: int) -> None:
        """One more change, if there were so many. Raises `Overtaken`."""
        self._check()
        if self._changes != after:
            raise Overtaken
        self._changes += 1

    def uncount(self) -> None:
        self._changes -= 1

    async def ping(self) -> None:
        self._check()

    async def close(self) -> None:
        self._is_closed = True

    def _check(self, *texts: str | None) -> None:
        if self._is_closed:
            raise StoreUnavailable("The store is closed.")
        if self.is_away:
            raise StoreUnavailable("The database cannot be reached.")
        if not all(text is None or is_storable(text) for text in texts):
            raise UnstorableText
