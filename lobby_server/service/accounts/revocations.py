"""Who may not come in any more, as the store says, may not on any node: tokens and sign-ins that have ended, and all
tokens of users who are deleted or banned.

Each is committed first and goes through the log then. If the log takes it not, or not in time, whoever asked is told to
try again, and need not: the store is looked at again, once per second until the log is back, and what the books do not
know of goes through it. So nothing is kept in memory that the store has, and it outlives the node: when one ends or
comes back, the node that leads looks at the store as well.

Until a node knows of it, a token of a sign-in that has ended may be refreshed there. So what is told late is
remembered, in the store too, for as long as the last token lasts that may have been issued by then.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from lobby_server.core.bans import UserBan
from lobby_server.core.machine import commands
from lobby_server.core.machine.commands import Command
from lobby_server.core.machine.deleted import MARK_CHARACTERS, mark_of
from lobby_server.core.machine.presence import CLOCKS_DIFFER_S
from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal
from lobby_server.service.administration.ports import BanStore
from lobby_server.service.auth import Tokens, is_of_sign_in, utc_from_unix
from lobby_server.service.ports import Clock, Store, StoreUnavailable, Timer
from lobby_server.service.replica import Replica
from lobby_server.service.writes.gated import GatedStore
from lobby_server.service.writes.look import AGAIN_S, StoreLook
from lobby_server.service.writes.writer import StoreWriter

TOKENS_PER_ENTRY = 100
LIFTED_PER_HOLD = 100
"""Bans that are over, while nobody else changes bans or ties: whoever wants to gives up after 5 s."""
LONGEST_PAUSE_S = 32.0
"""The last look for a commit is after 63 s: as long as a call may take that waits 5 s for a connection, or longer
where the URL of the database says so, and 10 s for each of its statements (`lobby_server.store.engines`)."""
_KEYS_PER_TURN = 1000
"""About a millisecond of the loop."""
FOR_EVER = utc_from_unix(1e12)
_OF_DELETED = re.compile(rf"user ([0-9]{{1,16}}) ([0-9a-f]{{{MARK_CHARACTERS}}})")


def deletion_key(user: User) -> str:
    """What stands among the revoked tokens when the account of a user is deleted: whatever token they have."""
    return f"user {user.id} {mark_of(user.username)}"


class Revocations:
    """One per server."""

    def __init__(self, *, replica: Replica, store: Store, tokens: Tokens, writer: StoreWriter, clock: Clock) -> None:
        self._revoked = replica.books.revoked
        self._bans = replica.books.user_bans
        self._deleted = replica.books.deleted
        self._replica = replica
        self._store = store
        self._tokens = tokens
        self._clock = clock
        self._look = StoreLook(self._make_up, replica=replica, writer=writer, clock=clock, after_s=0.0)
        self.gated_bans: GatedStore[BanStore] = GatedStore(store, replica=replica, look_again=self.look_soon)
        """Bans are changed by these; `tell` comes then."""
        self._in_doubt: set[str] = set()
        """Keys of which nobody knows when their entry was applied: their callers were told to try again."""
        self._late: Timer | None = None
        self._pause_s = AGAIN_S

    async def restore(self) -> None:
        """Know again what had ended in an earlier life of the server. Raises `StoreUnavailable`."""
        for key, ends in (await self._kept()).items():
            if found := _OF_DELETED.fullmatch(key):
                self._deleted.add(int(found[1]), found[2])
            else:
                self._revoked[key] = ends.timestamp()
        self._bans.update(await self._kept_bans())

    async def tell(self, command: Command) -> None:
        """What the store says holds on all nodes. Raises `Refusal` (``try_again_later``) when it does not yet; it will,
        without another try."""
        try:
            await self._replica.run(command)
        except Refusal:
            if isinstance(command, commands.SignOut):
                self._in_doubt.add(command.token_id)
            self.look_again()
            raise

    def look_again(self) -> None:
        """The books may not know all that the store has: soon they do. O(tokens that are signed out)."""
        self._look.again()

    async def look_now(self) -> None:
        """The books know all that the store has; or, while the log or the database is away, they soon do."""
        self.look_again()
        await self.idle()

    def forget_past_bans(self) -> None:
        """Bans that have been over for long are soon in the books of no node any more. O(bans)."""
        if self._past_bans():
            self.look_again()

    @contextlib.contextmanager
    def looking_if_unanswered(self) -> Iterator[None]:
        """Around a write of the store by which something ends, until the nodes are told: when the store does not say
        what became of it, or its caller goes, it is looked for."""
        try:
            yield
        except (StoreUnavailable, asyncio.CancelledError):
            self.look_soon()
            raise

    def look_soon(self) -> None:
        """The same, where a commit that nobody has answered may be under way yet: in a second, and then after ever
        longer pauses, since the commit may come after that look."""
        if self._late is not None:
            if self._pause_s == AGAIN_S:
                return  # or calls that come one after the other would put it off
            self._late.cancel()
        self._pause_s = AGAIN_S
        self._late = self._clock.call_later(self._pause_s, self._look_late)

    async def idle(self) -> None:
        """Return when no look is under way."""
        await self._look.idle()

    def stop(self) -> None:
        """The server ends: look no more."""
        self._look.stop()
        if self._late is not None:
            self._late.cancel()
            self._late = None

    # -- private --------------------------------------------------------------------------------------------------

    def _look_late(self) -> None:
        self.look_again()
        self._pause_s *= 2
        is_over = self._pause_s > LONGEST_PAUSE_S
        self._late = None if is_over else self._clock.call_later(self._pause_s, self._look_late)

    async def _make_up(self) -> None:
        in_doubt, self._in_doubt = self._in_doubt, set()
        try:
            await self._make_up_tokens(await self._kept(), in_doubt)
            await self._make_up_bans()
        except BaseException:
            self._in_doubt |= in_doubt
            raise

    async def _make_up_tokens(self, kept: dict[str, datetime], in_doubt: set[str]) -> None:
        missing: list[tuple[str, float]] = []
        for number, (key, ends) in enumerate(kept.items(), 1):
            if not number % _KEYS_PER_TURN:
                await asyncio.sleep(0)
            if found := _OF_DELETED.fullmatch(key):
                user_id, mark = int(found[1]), found[2]
                if self._deleted.marks.get(user_id) != mark:
                    await self._replica.run(commands.ForgetUser(user_id, mark))
            elif key not in self._revoked or key in in_doubt:
                missing.append((key, await self._last_end_s(key, ends)))
        for start in range(0, len(missing), TOKENS_PER_ENTRY):
            part = tuple(missing[start : start + TOKENS_PER_ENTRY])
            in_doubt.update(key for key, _ in part)
            await self._replica.run(commands.RevokeTokens(part, self._clock.utc_now().timestamp()))

    async def _last_end_s(self, key: str, ends: datetime) -> float:
        """When the last token ends that a key is about, which the store is told too. Raises `StoreUnavailable`."""
        known_s = ends.timestamp()
        if not is_of_sign_in(key):
            return known_s
        last_s = self._tokens.last_end_s(known_s)
        await self._store.revoke_token(key, utc_from_unix(last_s))
        return last_s

    async def _make_up_bans(self) -> None:
        if await self._kept_bans() == self._bans_that_hold() and not self._past_bans():
            return
        async with self.gated_bans.hold() as held:  # nobody bans, and no ban is lifted
            kept, known = await self._kept_bans(), self._bans_that_hold()
            over = (known.keys() | self._past_bans()) - kept.keys()
            lifted = [commands.UnbanUser(user_id) for user_id in sorted(over)[:LIFTED_PER_HOLD]]
            changed = [ban for user_id, ban in kept.items() if known.get(user_id) != ban]
            for command in (*lifted, *(commands.BanUser(ban.user, ban.reason, ban.until_s) for ban in changed)):
                held.check()  # what was read may be old
                await self._replica.run(command)
        if len(over) > LIFTED_PER_HOLD:
            self.look_again()

    def _bans_that_hold(self) -> dict[int, UserBan]:
        now_s = self._clock.utc_now().timestamp()
        return {user_id: ban for user_id, ban in self._bans.items() if ban.holds(now_s)}

    def _past_bans(self) -> set[int]:
        now_s = self._clock.utc_now().timestamp()
        return {user_id for user_id, ban in self._bans.items() if ban.is_past(now_s)}

    async def _kept_bans(self) -> dict[int, UserBan]:
        found = {
            each.user.id: UserBan(each.user, each.reason, None if each.until is None else each.until.timestamp())
            for each in await self._store.user_bans()
        }
        now_s = self._clock.utc_now().timestamp()
        return {user_id: ban for user_id, ban in found.items() if ban.holds(now_s)}

    async def _kept(self) -> dict[str, datetime]:
        return await self._store.revoked_tokens(self._clock.utc_now() - timedelta(seconds=CLOCKS_DIFFER_S))
