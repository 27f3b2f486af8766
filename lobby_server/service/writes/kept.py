"""Writes that must not be forgotten, as values: they wait for the database, stand in a journal, and are made again.

A host who changed, somebody who was put out of a room, a room whose time was over: no answer depends on the commit, but
what was told is true for good. Each may be made twice, because the outcome of a write is unknown when its connection
is lost: the second time changes nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import msgspec

from lobby_server.service.mail.ports import WaitingMail
from lobby_server.service.ports import Store, StoredInvitation, StoredRoom


class KeptWrite(Protocol):
    """One write. `str` says in a few words what it is, for the log."""

    @property
    def replaces(self) -> tuple[str, str] | None:
        """Of the writes with the same value that wait only the last one counts; None: each counts."""

    async def make(self, store: Store) -> None:
        """Raises `lobby_server.service.ports.StoreError`."""


class _OfRoom(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    room_id: str

    @property
    def replaces(self) -> tuple[str, str] | None:
        return None


class Ban(_OfRoom, frozen=True):
    """A user was put out of a room and cannot come back."""

    user_id: int

    def __str__(self) -> str:
        return f"user {self.user_id} is banned from room {self.room_id}"

    async def make(self, store: Store) -> None:
        await store.ban(self.room_id, self.user_id)


class Unban(_OfRoom, frozen=True):
    """A user who was put out of a room may come back."""

    user_id: int

    def __str__(self) -> str:
        return f"user {self.user_id} is not banned from room {self.room_id} any more"

    async def make(self, store: Store) -> None:
        await store.unban(self.room_id, self.user_id)


class LetIn(_OfRoom, frozen=True):
    """Users may enter a private room."""

    user_ids: tuple[int, ...]

    def __str__(self) -> str:
        return f"users {', '.join(map(str, self.user_ids))} may enter room {self.room_id}"

    async def make(self, store: Store) -> None:
        await store.invite_to_room(self.room_id, self.user_ids)


class ShutOut(_OfRoom, frozen=True):
    """A user may enter a private room no more."""

    user_id: int

    def __str__(self) -> str:
        return f"user {self.user_id} may not enter room {self.room_id} any more"

    async def make(self, store: Store) -> None:
        await store.uninvite_from_room(self.room_id, [self.user_id])


class KeepInvitations(_OfRoom, frozen=True):
    """Some invitations into a room, each by its sender and guest, stand no more; others do, or let their guest in
    now. Not all that do: a hundred of each member may."""

    ended: tuple[tuple[int, int], ...]
    stand: tuple[StoredInvitation, ...]

    def __str__(self) -> str:
        return f"into room {self.room_id}, {len(self.ended)} invitations stand no more and {len(self.stand)} do"

    async def make(self, store: Store) -> None:
        await store.keep_invitations(self.room_id, ended=self.ended, stand=self.stand)


class SetHost(_OfRoom, frozen=True):
    """A room has another host."""

    user_id: int
    username: str
    version: str | None

    def __str__(self) -> str:
        return f"user {self.user_id} is the host of room {self.room_id}"

    @property
    def replaces(self) -> tuple[str, str] | None:
        return "host", self.room_id

    async def make(self, store: Store) -> None:
        await store.set_room_host(self.room_id, user_id=self.user_id, username=self.username, version=self.version)


class DeleteRoom(_OfRoom, frozen=True):
    """A room's time was over."""

    def __str__(self) -> str:
        return f"room {self.room_id} is deleted"

    async def make(self, store: Store) -> None:
        await store.delete_room(self.room_id)


class Notify(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A user is to hear of something, now or after their next login."""

    key: str
    """New for each: by it the store knows one that it has already."""
    user_id: int
    kind: str
    title: str
    body: str
    from_user_id: int
    created_at: datetime
    room_id: str | None
    is_one_per_sender: bool
    """Whether an unread one of the same kind and sender is enough."""

    def __str__(self) -> str:
        return f"user {self.user_id} is notified ({self.kind})"

    @property
    def replaces(self) -> tuple[str, str] | None:
        return None

    async def make(self, store: Store) -> None:
        if self.is_one_per_sender and await store.has_unread_notification(
            self.user_id, kind=self.kind, from_user_id=self.from_user_id
        ):
            return
        await store.add_notification(
            user_id=self.user_id,
            kind=self.kind,
            title=self.title,
            body=self.body,
            from_user_id=self.from_user_id,
            created_at=self.created_at,
            is_delivered=False,
            room_id=self.room_id,
            key=self.key,
        )


class ReadInvitation(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """An invitation or a friend request is over: the notification that told of it counts as read."""

    user_id: int
    kind: str
    from_user_id: int
    room_id: str | None

    def __str__(self) -> str:
        return f"user {self.user_id} has read of what is over ({self.kind})"

    @property
    def replaces(self) -> tuple[str, str] | None:
        return None

    async def make(self, store: Store) -> None:
        await store.read_invitation(self.user_id, kind=self.kind, from_user_id=self.from_user_id, room_id=self.room_id)


class KeepRoom(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A room is kept as it is now. `only_if_missing`: what the store has of it is newer."""

    room: StoredRoom
    only_if_missing: bool = False

    def __str__(self) -> str:
        return f"room {self.room.id} is kept"

    @property
    def replaces(self) -> tuple[str, str] | None:
        return None

    async def make(self, store: Store) -> None:
        await store.add_room(self.room, is_again=True, only_if_missing=self.only_if_missing)


class ChangeRoom(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A room has other settings, has started, or is open again."""

    room: StoredRoom

    def __str__(self) -> str:
        return f"room {self.room.id} is changed"

    @property
    def replaces(self) -> tuple[str, str] | None:
        return "settings", self.room.id

    async def make(self, store: Store) -> None:
        await store.change_room(self.room)


ROOM_WRITES = (Ban, Unban, LetIn, ShutOut, KeepInvitations, SetHost, DeleteRoom, KeepRoom, ChangeRoom)
"""What the state has of rooms: whoever has the state can make up for them."""


class RaiseMark(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A number that only goes up has gone up."""

    name: str
    value: int

    def __str__(self) -> str:
        return f"mark {self.name} is at {self.value}"

    @property
    def replaces(self) -> tuple[str, str] | None:
        return "mark", self.name

    async def make(self, store: Store) -> None:
        await store.raise_mark(self.name, self.value)


class _OfMail(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    @property
    def replaces(self) -> tuple[str, str] | None:
        return None


class KeepMail(_OfMail, frozen=True):
    """A mail was asked for."""

    mail: WaitingMail
    held_until: datetime

    def __str__(self) -> str:
        return f"a mail ({self.mail.kind.value}) to user {self.mail.user_id} waits"

    async def make(self, store: Store) -> None:
        await store.keep_mail(self.mail, held_until=self.held_until)


class HoldMails(_OfMail, frozen=True):
    """Mails that a server holds, as far as it still does, are its to send until another moment."""

    leases: dict[str, datetime]
    until: datetime

    def __str__(self) -> str:
        return f"{len(self.leases)} mails are held until {self.until:%H:%M:%S}"

    async def make(self, store: Store) -> None:
        await store.hold_mails(self.leases, until=self.until)


class ForgetMail(_OfMail, frozen=True):
    """A mail was sent, or is given up."""

    mail_id: str

    def __str__(self) -> str:
        return f"mail {self.mail_id} waits no more"

    async def make(self, store: Store) -> None:
        await store.forget_mail(self.mail_id)


class ForgetSignIn(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A sign-in that came to nothing."""

    sign_in_id: str

    def __str__(self) -> str:
        return f"sign-in {self.sign_in_id} came to nothing"

    @property
    def replaces(self) -> tuple[str, str] | None:
        return None

    async def make(self, store: Store) -> None:
        await store.delete_sign_in(self.sign_in_id)


class ForgetAnnouncement(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """An announcement that was kept and will never be told: its author was told to try again."""

    announcement_id: int

    def __str__(self) -> str:
        return f"announcement {self.announcement_id} came to nothing"

    @property
    def replaces(self) -> tuple[str, str] | None:
        return None

    async def make(self, store: Store) -> None:
        await store.delete_announcement(self.announcement_id)


class ForgetUsers(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Users whose accounts are deleted: what was written of them since goes as well."""

    user_ids: tuple[int, ...]

    def __str__(self) -> str:
        return f"nothing is kept of {len(self.user_ids)} users who are deleted"

    @property
    def replaces(self) -> tuple[str, str] | None:
        return None

    async def make(self, store: Store) -> None:
        await store.forget_users(self.user_ids)


_OfRooms = Ban | Unban | LetIn | ShutOut | KeepInvitations | SetHost | DeleteRoom | KeepRoom | ChangeRoom
_OfMails = KeepMail | HoldMails | ForgetMail
_Any = _OfRooms | Notify | ReadInvitation | RaiseMark | _OfMails | ForgetSignIn | ForgetAnnouncement | ForgetUsers


def line_of(write: KeptWrite) -> bytes:
    """As a line of the journal, without its end."""
    return msgspec.json.encode(write)


def write_of(line: bytes) -> KeptWrite:
    """The reverse. Raises `msgspec.MsgspecError`."""
    write: _Any = msgspec.json.decode(line, type=_Any)
    return write
