"""The store on SQL: the port's calls as statements, the same ones on SQLite and on PostgreSQL. Here are accounts,
tokens and rooms; the social side is in modules of its own.

Values are bound, never written into a statement. What belongs together is one statement or one transaction. Each call
is a function of a connection; where it runs is `lobby_server.store.engines`'s business.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from sqlalchemy import Connection, Row, Table, bindparam, delete, func, insert, or_, select, tuple_, update

from lobby_server.core.accounts import look_of
from lobby_server.service.ports import (
    Account,
    EmailTaken,
    EndsSignIn,
    StoredInvitation,
    StoredRoom,
    StoreUnavailable,
    UsernameLooksTaken,
    UsernameTaken,
)
from lobby_server.store.engines import in_transaction
from lobby_server.store.errors import RowConflict, UnstorableText
from lobby_server.store.sql.account_data import SqlAccountData
from lobby_server.store.sql.administration import SqlAdministration
from lobby_server.store.sql.chat import SqlChat
from lobby_server.store.sql.friends import SqlFriends
from lobby_server.store.sql.mails import SqlMails
from lobby_server.store.sql.notifications import SqlNotifications
from lobby_server.store.sql.room_rows import deletion, locked, make_unless_there
from lobby_server.store.steps import Row as Values
from lobby_server.store.steps import SharedStatement, Step, row_by_row, shared_insert
from lobby_server.store.tables import (
    key_of,
    marks,
    revoked_tokens,
    room_bans,
    room_guests,
    room_invites,
    rooms,
    server_life,
    users,
)

_MORE_HOSTED = (
    update(users)
    .where(users.c.id.in_(bindparam("host_ids", expanding=True)))
    .values(rooms_hosted=users.c.rooms_hosted + bindparam("times"))
)


def _count_hosted(connection: Connection, of_hosts: Sequence[Values]) -> None:
    """In one step, unless a host has made several of the rooms."""
    times_of = Counter(values["host_id"] for values in of_hosts)
    for times in set(times_of.values()):
        host_ids = [host_id for host_id, each in times_of.items() if each == times]
        connection.execute(_MORE_HOSTED, {"host_ids": host_ids, "times": times})


_NEW_ROOM = shared_insert(insert(rooms))
_NEW_BAN, _NEW_GUEST = shared_insert(insert(room_bans)), shared_insert(insert(room_guests))
_NEW_INVITE = shared_insert(insert(room_invites))
_ONE_MORE_HOSTED = SharedStatement(
    update(users).where(users.c.id == bindparam("host_id")).values(rooms_hosted=users.c.rooms_hosted + 1),
    _count_hosted,
)
_TAKES_NO_WRITES = select(func.current_setting("transaction_read_only"))


ADD_TRIES = 3
"""Of a new account whose name or address another one had, which was deleted before it was looked for."""


class SqlStore(SqlFriends, SqlChat, SqlNotifications, SqlAccountData, SqlAdministration, SqlMails):
    """`lobby_server.service.ports.Store` on a database that `open_store` has made ready.

    Besides what the port says: a text that not every database can hold raises `UnstorableText`, a room id that
    exists `RowConflict`; both are `StoreError`. A call after `close` raises `StoreUnavailable`.
    """

    async def add_account(
        self, *, username: str, email: str | None, password_hash: str, created_at: datetime
    ) -> Account:
        keys = {
            "username_key": key_of(username),
            "username_look": look_of(username),
            "email_key": None if email is None else key_of(email),
        }
        new_account = insert(users).values(
            **keys,
            username=username,
            email=email,
            password_hash=password_hash,
            created_at=created_at,
        )

        def add(connection: Connection) -> int:
            key: Any = connection.execute(new_account).inserted_primary_key
            return int(key.id)

        for tries_left in reversed(range(ADD_TRIES)):
            try:
                account_id = await self._run(add)
                break
            except RowConflict as conflict:
                # Each database words a conflict in its own way, so the other account is asked for.
                for column, fault in (
                    ("username_key", UsernameTaken(f"The username {username} is taken.")),
                    ("username_look", UsernameLooksTaken(f"The username {username} looks like another one.")),
                    ("email_key", EmailTaken(f"The email {email} is taken.")),
                ):
                    key = keys[column]
                    if key is not None and await self._first(select(users.c.id).where(users.c[column] == key)):
                        raise fault from conflict
                if not tries_left:  # it cannot be another account each time
                    raise
        return Account(
            id=account_id,
            username=username,
            email=email,
            password_hash=password_hash,
            created_at=created_at.astimezone(timezone.utc),
        )

    async def account_by_login(self, login: str) -> Account | None:
        key = key_of(login)
        by_username = users.c.username_key == key
        query = select(users).where(or_(by_username, users.c.email_key == key)).order_by(by_username.desc()).limit(1)
        try:
            row = await self._first(query)
        except UnstorableText:
            return None  # then nobody is called that
        return None if row is None else _account(row)

    async def account(self, user_id: int) -> Account | None:
        row = await self._first(select(users).where(users.c.id == user_id))
        return None if row is None else _account(row)

    async def replace_password_hash(
        self,
        user_id: int,
        known: str,
        fresh: str,
        *,
        address_of: Account | None = None,
        ends: EndsSignIn | None = None,
    ) -> bool:
        replaced = update(users).where(users.c.id == user_id, users.c.password_hash == known)
        if address_of is not None:
            replaced = replaced.where(users.c.email.is_not_distinct_from(address_of.email))
        statement = replaced.values(password_hash=fresh)

        def replace_and_end(connection: Connection) -> bool:
            with in_transaction(connection):
                is_replaced = bool(connection.execute(statement).rowcount)
                if is_replaced and ends is not None:
                    self._end_sign_ins(connection, user_id, ends)
            return is_replaced

        return await self._run(replace_and_end)

    async def revoked_tokens(self, now: datetime) -> dict[str, datetime]:
        def forget_and_read(connection: Connection) -> dict[str, datetime]:
            connection.execute(delete(revoked_tokens).where(revoked_tokens.c.expires_at <= now))
            return {row.jti: row.expires_at for row in connection.execute(select(revoked_tokens))}

        return await self._run(forget_and_read)

    async def add_room(self, room: StoredRoom, *, is_again: bool = False, only_if_missing: bool = False) -> None:
        row = {
            "id": room.id,
            "host_user_id": room.host_user_id,
            "host_username": room.host_username,
            "gamemode": room.gamemode,
            "map_name": room.map_name,
            "max_players": room.max_players,
            "is_public": room.is_public,
            "version": room.version,
            "created_at": room.created_at,
            "name": room.name,
            "player_ids": _player_ids(room),
        }
        steps: list[Step]
        if is_again:  # by one that is there it waits for whoever writes it, and finds what they have written
            new = self._insert(rooms)
            others = {name: new.excluded[name] for name in row if name != "id"}
            steps = [(new.on_conflict_do_update(index_elements=["id"], set_=others), row)]
            steps += [
                (delete(of).where(of.c.room_id == room.id), None) for of in (room_bans, room_guests, room_invites)
            ]
            # Another server that writes of the room may have put a row back in between.
            new_ban, new_guest = (
                row_by_row(self._insert(of).on_conflict_do_nothing()) for of in (room_bans, room_guests)
            )
        else:
            steps = [(_NEW_ROOM, row), (_ONE_MORE_HOSTED, {"host_id": room.host_user_id})]
            new_ban, new_guest = _NEW_BAN, _NEW_GUEST
        for statement, user_ids in ((new_ban, room.banned_user_ids), (new_guest, room.invited_user_ids)):
            steps += [(statement, {"room_id": room.id, "user_id": user_id}) for user_id in sorted(user_ids)]
        steps += _new_invites(room.id, room.invitations)
        if only_if_missing:
            await self._run(lambda connection: make_unless_there(connection, room.id, steps))
        else:
            await self._do_all(*steps)

    async def set_room_host(self, room_id: str, *, user_id: int, username: str, version: str | None) -> None:
        await self._do(
            update(rooms)
            .where(rooms.c.id == room_id)
            .values(host_user_id=user_id, host_username=username, version=version)
        )

    async def change_room(self, room: StoredRoom) -> None:
        changed = {
            "name": room.name,
            "gamemode": room.gamemode,
            "map_name": room.map_name,
            "max_players": room.max_players,
            "is_public": room.is_public,
            "player_ids": _player_ids(room),
        }
        await self._do(update(rooms).where(rooms.c.id == room.id).values(changed))

    async def unban(self, room_id: str, user_id: int) -> None:
        await self._do(delete(room_bans).where(room_bans.c.room_id == room_id, room_bans.c.user_id == user_id))

    async def ban(self, room_id: str, user_id: int) -> None:
        await self._note_in_room(room_bans, room_id, [user_id])

    async def invite_to_room(self, room_id: str, user_ids: Sequence[int]) -> None:
        await self._note_in_room(room_guests, room_id, user_ids)

    async def uninvite_from_room(self, room_id: str, user_ids: Sequence[int]) -> None:
        of_room = room_guests.c.room_id == room_id
        await self._do(delete(room_guests).where(of_room, room_guests.c.user_id.in_(user_ids)))

    async def keep_invitations(
        self, room_id: str, stand: Sequence[StoredInvitation] = (), *, ended: Sequence[tuple[int, int]] = ()
    ) -> None:
        room = locked(room_id)
        pair = tuple_(room_invites.c.sender_id, room_invites.c.guest_id)
        gone = delete(room_invites).where(room_invites.c.room_id == room_id, pair.in_(ended))
        before = room_invites.alias()
        newest = select(func.max(before.c.position)).where(before.c.room_id == room_id).scalar_subquery()
        new = self._insert(room_invites).values(
            room_id=room_id,
            sender_id=bindparam("sender"),
            guest_id=bindparam("guest"),
            position=func.coalesce(newest + 1, 0),
            lets_in=bindparam("letting_in"),
        )
        known = new.on_conflict_do_update(
            index_elements=["room_id", "sender_id", "guest_id"], set_={"lets_in": new.excluded.lets_in}
        )
        rows = [{"sender": each.sender_id, "guest": each.guest_id, "letting_in": each.lets_in} for each in stand]

        def keep(connection: Connection) -> None:
            with in_transaction(connection):
                if connection.execute(room).first() is None:
                    return  # and its invitations went with it
                if ended:
                    connection.execute(gone)
                if rows:
                    connection.execute(known, rows)

        await self._run(keep)

    async def delete_room(self, room_id: str) -> None:
        await self._do_all(*deletion(room_id, self._insert, waits=not self._database.is_sqlite))

    async def rooms(self) -> list[StoredRoom]:
        def read(connection: Connection) -> list[StoredRoom]:
            with in_transaction(connection):
                found = connection.execute(select(rooms)).all()
                banned, invited = _by_room(connection, room_bans), _by_room(connection, room_guests)
                invitations = _invitations_by_room(connection)
            return [
                _room(row, banned=banned[row.id], invited=invited[row.id], invitations=invitations[row.id])
                for row in found
            ]

        # Sorted here, since databases sort texts by their own rules.
        return sorted(await self._run(read), key=lambda room: (room.created_at, room.id))

    async def life(self) -> str:
        row = await self._first(select(server_life.c.name))
        return "" if row is None else str(row.name)

    async def begin_life(self, name: str) -> None:
        life = self._insert(server_life).values(id=1, name=name, checks=0)
        await self._do(life.on_conflict_do_update(index_elements=["id"], set_={"name": name}))

    async def mark(self, name: str) -> int:
        row = await self._first(select(marks.c.value).where(marks.c.name == name))
        return 0 if row is None else int(row.value)

    async def raise_mark(self, name: str, value: int) -> None:
        new = self._insert(marks).values(name=name, value=value)
        raised = new.on_conflict_do_update(
            index_elements=[marks.c.name], set_={"value": value}, where=marks.c.value < value
        )
        await self._do(raised)

    async def ping(self) -> None:
        await self._answered(self._database.check_space)
        if self._database.is_sqlite:
            await self._do(update(server_life).values(checks=server_life.c.checks + 1))
        elif (await self._run(lambda connection: connection.scalar(_TAKES_NO_WRITES))) == "on":
            raise StoreUnavailable("The database takes no writes: it is a standby, or was made read-only.")

    async def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            await self._database.close()

    async def _note_in_room(self, table: Table, room_id: str, user_ids: Sequence[int]) -> None:
        if not user_ids:
            return
        rows = [{"room_id": room_id, "user_id": user_id} for user_id in user_ids]
        steps: list[Step] = [(self._insert(table).values(rows).on_conflict_do_nothing(), None)]
        if len(rows) > 1:  # else one could wait for whoever keeps the room anew, and they for another row of the same
            steps.insert(0, (locked(room_id), None))
        try:
            await self._do_all(*steps)
        except RowConflict:
            pass  # the foreign key: there is no such room, or not any more


def _account(row: Row[Any]) -> Account:
    return Account(
        id=row.id,
        username=row.username,
        email=row.email,
        password_hash=row.password_hash,
        created_at=row.created_at,
        role=row.role,
        rooms_hosted=row.rooms_hosted,
        email_confirmed=row.email_confirmed,
    )


def _by_room(connection: Connection, table: Table) -> defaultdict[str, set[int]]:
    user_ids: defaultdict[str, set[int]] = defaultdict(set)
    for row in connection.execute(select(table)):
        user_ids[row.room_id].add(row.user_id)
    return user_ids


def _new_invites(room_id: str, invitations: Sequence[StoredInvitation]) -> list[Step]:
    return [
        (
            _NEW_INVITE,
            {
                "room_id": room_id,
                "sender_id": each.sender_id,
                "guest_id": each.guest_id,
                "position": position,
                "lets_in": each.lets_in,
            },
        )
        for position, each in enumerate(invitations)
    ]


def _invitations_by_room(connection: Connection) -> defaultdict[str, list[StoredInvitation]]:
    found: defaultdict[str, list[StoredInvitation]] = defaultdict(list)
    for row in connection.execute(select(room_invites).order_by(room_invites.c.position)):
        found[row.room_id].append(StoredInvitation(row.sender_id, row.guest_id, row.lets_in))
    return found


def _player_ids(room: StoredRoom) -> str | None:
    return None if room.player_ids is None else json.dumps(sorted(room.player_ids))


def _room(row: Row[Any], *, banned: set[int], invited: set[int], invitations: Sequence[StoredInvitation]) -> StoredRoom:
    return StoredRoom(
        id=row.id,
        host_user_id=row.host_user_id,
        host_username=row.host_username,
        gamemode=row.gamemode,
        map_name=row.map_name,
        max_players=row.max_players,
        is_public=row.is_public,
        version=row.version,
        created_at=row.created_at,
        banned_user_ids=frozenset(banned),
        invited_user_ids=frozenset(invited),
        name=row.name,
        player_ids=None if row.player_ids is None else frozenset(json.loads(row.player_ids)),
        invitations=tuple(invitations),
    )
