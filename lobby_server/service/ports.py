"""What the service needs from outside, as protocols: a store, a clock, a transport. Adapters implement them; tests
bring fakes that pass the same contract tests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from lobby_server.core.presence import User
from lobby_server.service.administration.ports import AdminStore, BanStore
from lobby_server.service.mail.ports import MailStore
from lobby_server.service.social.ports import ChatLine, ChatStore, FriendStore, NotificationStore, TieStore


@dataclass(frozen=True, kw_only=True)
class Account:
    """A user of the local table."""

    id: int
    username: str
    email: str | None
    password_hash: str
    created_at: datetime
    role: str | None = None
    """``admin``: an administrator from the next login on."""
    rooms_hosted: int = 0
    """Rooms that the user has made."""
    email_confirmed: bool = False
    """The owner of the address has said that it is the user's."""

    @property
    def user(self) -> User:
        return User(self.id, self.username)


@dataclass(frozen=True, kw_only=True)
class SignIn:
    """One login of a user."""

    id: str
    user_id: int
    client: str
    """What the client calls itself."""
    created_at: datetime
    used_at: datetime
    """When it got its last token."""
    expires_at: datetime
    """When the last of its tokens ends."""


@dataclass(frozen=True)
class StoredInvitation:
    """One into a room, as `lobby_server.core.invitations.MatchInvitation` has it."""

    sender_id: int
    guest_id: int
    lets_in: bool


@dataclass(frozen=True, kw_only=True)
class StoredRoom:
    """What of a room survives a restart. Members do not: they are offline by then."""

    id: str
    host_user_id: int
    host_username: str
    gamemode: str
    map_name: str | None
    max_players: int
    is_public: bool
    version: str | None
    created_at: datetime
    banned_user_ids: frozenset[int] = frozenset()
    invited_user_ids: frozenset[int] = frozenset()
    name: str | None = None
    player_ids: frozenset[int] | None = None
    """Of a game that has started: who may come back to it."""
    invitations: tuple[StoredInvitation, ...] = ()
    """Those that stand, the oldest first."""


class StoreError(Exception):
    """Something that the store could not do.

    StoreError
    ├── StoreUnavailable   the database is away: 503, try again
    │   └── StoreFull      it takes no writes, because its disk is full
    ├── Overtaken          another node has changed something since; nothing was written
    ├── UsernameTaken
    │   └── UsernameLooksTaken   an account has a name that looks like it
    └── EmailTaken
    """


class StoreUnavailable(StoreError):
    pass


class StoreFull(StoreUnavailable):
    pass


class Overtaken(StoreError):
    pass


class UsernameTaken(StoreError):
    pass


class UsernameLooksTaken(UsernameTaken):
    pass


class EmailTaken(StoreError):
    pass


EndsSignIn = Callable[[SignIn], tuple[str, datetime] | None]
"""What is remembered of a sign-in that ends, as by `Store.revoke_token`; None: it stays. It may be asked on a thread,
and again where a write is tried again."""


class GatedStores(TieStore, BanStore, Protocol):
    """Changes that one node at a time makes."""


class Store(TieStore, FriendStore, ChatStore, NotificationStore, BanStore, AdminStore, MailStore, Protocol):
    """Accounts, revoked tokens, rooms and mails that wait, kept; and everything of the social side.

    Every call commits before it returns and either happens whole or not at all. Any of them raises
    `StoreUnavailable` when the database cannot be reached.
    """

    async def add_account(
        self, *, username: str, email: str | None, password_hash: str, created_at: datetime
    ) -> Account:
        """A new account with the next free id.

        Usernames and emails are unique without regard to case, and no new username looks like another one. Raises
        `UsernameTaken`, `UsernameLooksTaken` or `EmailTaken`.
        """

    async def account_by_login(self, login: str) -> Account | None:
        """The account with that username or email, without regard to case. A username wins over an email."""

    async def account(self, user_id: int) -> Account | None: ...

    async def replace_password_hash(
        self,
        user_id: int,
        known: str,
        fresh: str,
        *,
        address_of: Account | None = None,
        ends: EndsSignIn | None = None,
    ) -> bool:
        """Put a hash in the place of the one that is known. Whether that was there: if it is another one by now, or
        there is no account, nothing happens. `address_of`: nor if it has another email address than it had then.
        `ends`: asked for each sign-in of the user; those that it ends go with the hash."""

    async def set_email(self, user_id: int, email: str | None, *, known: Account | None = None) -> bool:
        """Keep a confirmed address, or none. It is taken from an account that has it unconfirmed. Whether it is kept:
        no account, nor with `known` one that has another password or address than it had then, nothing happens. Raises
        `EmailTaken` where another account has confirmed it."""

    async def set_role(self, user_id: int, role: str | None) -> None:
        """No account: nothing happens."""

    async def delete_account(self, user_id: int, *, revokes: tuple[str, datetime] | None = None) -> bool:
        """An account and all that is kept of its user: friendships, requests, blocks, lines, notifications, reports
        they sent, sign-ins, mails that wait. `revokes`: remembered with it, as by `revoke_token`. Whether there was an
        account, which of several calls at once only one is told; if not, the rest goes all the same."""

    async def forget_users(self, user_ids: Sequence[int]) -> None:
        """What was written of users after their accounts were deleted goes as well, as by `delete_account`. Of those
        who have an account nothing does."""

    async def chat_lines_by(self, user_id: int) -> list[ChatLine]:
        """All that a user has said, oldest first."""

    async def add_sign_in(self, sign_in: SignIn) -> None:
        """One more; those of the user that have ended by then are forgotten."""

    async def sign_ins(self, user_id: int, now: datetime) -> list[SignIn]:
        """Those of a user that have not ended, the one that was used last first."""

    async def renew_sign_in(self, sign_in_id: str, *, used_at: datetime, expires_at: datetime, key: str) -> bool:
        """It is to get another token, which ends then; another one may end later. No such sign-in: nothing happens.
        Whether it may get one: not when `key`, by which it is revoked, is among the revoked tokens."""

    async def delete_sign_in(self, sign_in_id: str) -> bool:
        """Whether there was such a one, which of several calls at once only one is told. No such sign-in: nothing
        happens."""

    async def forget_sign_ins_until(self, moment: datetime, *, most: int) -> int:
        """Of those of all users that ended by then, so many at most; how many. Fewer than `most`: none is left."""

    async def revoke_token(self, jti: str, expires_at: datetime) -> None:
        """Remember that a token is signed out. A second time it is remembered for the longer of the two."""

    async def revoked_tokens(self, now: datetime) -> dict[str, datetime]:
        """``jti`` → end of the token, of those that have not ended by themselves; the others are forgotten."""

    async def add_room(self, room: StoredRoom, *, is_again: bool = False, only_if_missing: bool = False) -> None:
        """A room, which counts for its host's account. `is_again`: it has been counted, and what is still kept of it
        is replaced, all or nothing. `only_if_missing`: where the room is kept, nothing happens; a deletion of it that
        was asked for before, and may come about yet though nobody was answered, does so before this or never."""

    async def set_room_host(self, room_id: str, *, user_id: int, username: str, version: str | None) -> None:
        """Another host, or the same with a version. No such room: nothing happens."""

    async def change_room(self, room: StoredRoom) -> None:
        """Keep the settings of a room, and whether it has started, as they are there. No such room: nothing happens."""

    async def unban(self, room_id: str, user_id: int) -> None:
        """Keep a user out of a room no more. Not kept out, or no such room: nothing happens."""

    async def ban(self, room_id: str, user_id: int) -> None:
        """Keep a user out of a room. A second time, or no such room: nothing happens."""

    async def invite_to_room(self, room_id: str, user_ids: Sequence[int]) -> None:
        """Let users into a private room. A second time, or no such room: nothing happens."""

    async def uninvite_from_room(self, room_id: str, user_ids: Sequence[int]) -> None:
        """Let users into a private room no more. Not let in, or no such room: nothing happens."""

    async def keep_invitations(
        self, room_id: str, stand: Sequence[StoredInvitation] = (), *, ended: Sequence[tuple[int, int]] = ()
    ) -> None:
        """Of those into a room, keep some no more, each by its sender and guest, and then others as they stand: new
        ones after all that are kept, a known one in its place. No such room: nothing happens."""

    async def delete_room(self, room_id: str) -> None:
        """Delete a room, its bans and its invitations. No such room: nothing happens."""

    async def rooms(self) -> list[StoredRoom]:
        """All rooms, oldest first."""

    async def life(self) -> str:
        """The name of the server's life that `begin_life` was last told; empty: none was."""

    async def begin_life(self, name: str) -> None:
        """Remember by which name a server began to use the database."""

    async def mark(self, name: str) -> int:
        """The number that was kept under a name; 0: none was."""

    async def raise_mark(self, name: str, value: int) -> None:
        """Keep a number under a name, unless a larger one is kept there already."""

    async def changes(self) -> int:
        """How many changes were made by what `fenced` gives, over restarts too."""

    def fenced(self, after: int) -> GatedStores:
        """The same store, for one change that is made only if `changes` says `after` right then, and counts as one
        more: raises `Overtaken` otherwise. Of two at once the second waits for the first, and is overtaken if that is
        made."""

    async def ping(self) -> None:
        """Return when the database takes writes."""

    async def close(self) -> None: ...


class Journal(Protocol):
    """Where writes are noted until the database has them. Every call may raise `OSError`."""

    @property
    def is_long(self) -> bool:
        """Whether it is time for `rewrite`."""

    @property
    def has_room(self) -> bool:
        """Whether its disk is not full: one more line will be taken."""

    def read(self) -> tuple[str, list[bytes]]:
        """The life that wrote it, and its lines."""

    def read_all(self) -> tuple[str, list[bytes]]:
        """The same with what others who share the place have left of that life; it is forgotten with `begin`."""

    def put_aside(self) -> str:
        """Keep elsewhere what was read, and say where."""

    def begin(self, life: str) -> None:
        """Forget every line; those to come are of this life."""

    def append(self, line: bytes) -> None:
        """One more line, which outlives the process when this returns."""

    def rewrite(self, lines: Sequence[bytes]) -> None:
        """These lines and no others."""

    def clear(self) -> None:
        """Forget every line."""

    def close(self) -> None:
        """A second time does nothing."""


class RandomSource(Protocol):
    """Where chance comes from: `random.Random`, as far as it is used. The only source of it in ``service``."""

    def random(self) -> float:
        """From 0 up to, and without, 1."""

    def uniform(self, a: float, b: float, /) -> float:
        """Between two bounds."""


class Timer(Protocol):
    """A call that was put off."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """Time, and calls put off. The only source of both in ``service``; a virtual one drives the tests."""

    def monotonic_s(self) -> float:
        """Seconds since some moment, never backwards. Stands still while the machine is suspended, as timers do."""

    def utc_now(self) -> datetime:
        """The wall clock, with its time zone."""

    def call_later(self, delay_s: float, callback: Callable[..., Any], *args: Any) -> Timer: ...


class SharedClock(Clock, Protocol):
    """And time as the others know it, where several nodes are one lobby."""

    def elapsed_s(self) -> float:
        """As `monotonic_s`, with which it is not to be compared, and it goes on while the machine is suspended, where
        the system tells. No timer follows it."""


Send = Callable[["bytes | memoryview"], int]
"""One non-blocking write, with the manners of ``socket.send``: the number of bytes taken, `BlockingIOError` when that
would be none, another `OSError` when the connection is over."""


class Outlet(Protocol):
    """A socket, to write to."""

    @property
    def send(self) -> Send: ...

    def watch_writable(self, callback: Callable[[], None] | None) -> None:
        """Call in the next turns of the loop in which the socket takes bytes, until told otherwise with None."""


class Transport(Outlet, Protocol):
    """One client's socket, after the upgrade."""

    def read_on(self) -> None:
        """Take what lies in the socket now, before the loop says that it is readable."""

    def close(self, code: int, reason: str, *, before: bytes) -> None:
        """Write the bytes that precede it and a close frame, and end the connection once the client answers, or soon.

        Nobody writes to the transport after that.
        """
