"""What is between two users, and whom each lets know where they are, holds on all nodes as the store has it:
friendships, requests, blocks, whereabouts.

Each is committed first and goes through the log then. The log may take it not, or not in time; a commit may be answered
with a fault; or the server was ending meanwhile, or its node is gone. Whoever asked is told to try again then, and
need not: the store is looked at once more as soon as it is known what became of the entry, and what the books have
otherwise is made equal to it, by entries of the log like any other. When a node ends or comes back, the node that leads
looks as well, and so it finds what was decided in a log that is gone. Nothing is kept in memory that the store has.

Until then the books may be behind the store, and what they allow may go against what it has. So whoever commits asks
the store in the same transaction: it refuses a request between friends, and a friendship for which nobody has asked any
more. What got into it all the same, such as by an older version, a look takes out of it (`core/machine/void_ties.py`);
and what told of a request that goes so counts as read.

The two rows of a friendship are written and deleted together. Where one is missing all the same, such as after a part
of a backup was put back, they are friends, and the look writes the other row: as far as it is known what its user is
called, or else the two are friends no more. Nobody can show a friend without a name, and each may ask again.

A look reads everything without the lock (`looking/suspects.py`), and settles what it suspects behind it, a few pairs of
users at a time (`looking/settling.py`): so it comes to its end however much there is, and however much changes.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from lobby_server.core.machine.commands import Command
from lobby_server.core.machine.void_ties import VoidFriendship, VoidRequest, void_ties
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.service.ports import Clock, Store
from lobby_server.service.replica import Replica
from lobby_server.service.social.looking.settling import Settling
from lobby_server.service.social.looking.suspects import USERS_PER_TURN, Suspects, find_suspects, in_turns
from lobby_server.service.social.notifications import Notifications
from lobby_server.service.social.people import People
from lobby_server.service.social.ports import TieStore
from lobby_server.service.writes.gated import GatedStore, Held
from lobby_server.service.writes.look import AGAIN_S, StoreLook
from lobby_server.service.writes.writer import StoreWriter


class Ties:
    """One per server."""

    def __init__(
        self,
        *,
        replica: Replica,
        people: People,
        notifications: Notifications,
        store: Store,
        writer: StoreWriter,
        clock: Clock,
    ) -> None:
        books = replica.books
        self._friends, self._blocks = books.friends, books.blocks
        self._replica = replica
        self._people = people
        self._store = store
        self._gated: GatedStore[TieStore] = GatedStore(store, replica=replica, look_again=self.look_again)
        self._settling = Settling(
            replica=replica, people=people, notifications=notifications, store=store, gated=self._gated, clock=clock
        )
        self._suspects = Suspects()
        """Where the books may be otherwise than the store, as was found last."""
        self._is_asked = False
        """Whether a look was asked for since the last one began to read."""
        # At least so long between two looks: each reads all that is between users.
        self._look = StoreLook(self._make_up, replica=replica, writer=writer, clock=clock, after_s=AGAIN_S)

    def change(self) -> AbstractAsyncContextManager[Held[TieStore]]:
        """One change at a time, over all nodes: what it gives commits, and `tell` comes then. Raises `Refusal`
        (``try_again_later``), `StoreUnavailable`."""
        return self._gated.hold()

    async def tell(self, command: Command) -> None:
        """What the store says holds on all nodes. Raises `Refusal` (``try_again_later``) when it does not yet; it will,
        without another try."""
        await self._replica.run(command, settled=self.look_again)

    def behind(self) -> Refusal:
        """What is to be answered when the store has refused what the books allow: they follow it soon."""
        self.look_again()
        return Refusal(RefusalCode.TRY_AGAIN_LATER)

    async def restored(self) -> None:
        """At a start the books are as the store is: what is void in it goes from them at once, and from it soon. Two
        who have asked each other become friends as soon as the store has it, so that they are told.
        O(friendships, requests and blocks). Raises `StoreUnavailable`."""
        books, blocks = self._friends, self._blocks
        halves = [each async for each in in_turns(books.halves(), per_turn=USERS_PER_TURN) if each is not None]
        for user_id, friend, since in sorted(halves, key=lambda half: half[2]):
            user = await self._people.by_id(user_id)
            if user is None:
                books.part(user_id, friend.id)
            else:
                books.restore([(friend.id, user.id, user.username, since)])
            self.look_again()
        found = void_ties(
            are_friends=books.are_friends,
            requests=books.requests(),
            blocks=((user_id, each.user.id) for user_id in blocks.user_ids() for each in blocks.blocked_by(user_id)),
        )
        for tie in [each async for each in in_turns(found) if each is not None]:
            if isinstance(tie, VoidFriendship):
                books.part(tie.one_id, tie.other_id)
            else:
                books.remove_request(tie.request if isinstance(tie, VoidRequest) else tie.later)
            self.look_again()

    def look_again(self) -> None:
        """The books may not be as the store is: soon they are. O(friendships and blocks)."""
        self._is_asked = True
        self._look.again()

    @property
    def is_looking(self) -> bool:
        """Whether a look is under way, or will be."""
        return self._look.is_looking

    async def idle(self) -> None:
        """Return when no look is under way; one that waits for its time is none yet."""
        await self._look.idle()

    def stop(self) -> None:
        """The server ends: look no more."""
        self._look.stop()

    # -- private --------------------------------------------------------------------------------------------------

    async def _make_up(self) -> None:
        """What was found last and is not settled yet comes first: what changes meanwhile, or goes wrong, does not make
        this begin anew. Raises `Refusal` (``try_again_later``), `StoreUnavailable`."""
        await self._settling.settle(self._suspects)
        if not self._is_asked:
            return
        self._is_asked = False  # what is stored from now on may not be in what is read here
        try:
            self._suspects = await find_suspects(self._store, self._replica.books)
        except BaseException:
            self._is_asked = True
            raise
        await self._settling.settle(self._suspects)
