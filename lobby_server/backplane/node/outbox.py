"""What a node has appended and not seen applied yet: nothing of it is forgotten, and nothing is applied twice.

Commands are joined into batches as they are sent, one batch under way at a time, so that a batch holds what came in
while the one before it was on its way. A batch stays until the node sees it in the log; after a lost connection all of
them are sent again, and whoever has applied one already knows it by its sequence.

Under another name nobody would know it. So a node that takes another state, and another name with it, looks first
whether that state has what it had sent, then whether the log brings it until it reads its own new name there: only what
neither has is appended again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from lobby_server.backplane.wire import MOST_BATCH_BYTES, encode_batch, encode_command
from lobby_server.core.machine.commands import Arrive, Command, DeliverNotices, Depart, NodeDown, NodeUp
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.service.replica import Request
from lobby_server.service.session import Session


@dataclass(eq=False)
class Pending:
    """A command, and who waits for it."""

    command: Command
    data: bytes
    """The command as it stands in a batch."""
    request: Request | None
    since_s: float
    doubt: tuple[str, int] | None = None
    """Name and sequence under which it was sent before and may be in the log: it is not sent again until that is known.
    None: it is not."""


@dataclass(eq=False)
class Sent:
    """A batch that is on its way."""

    sequence: int
    data: bytes
    pending: list[Pending] = field(default_factory=list)


class Outbox:
    """Of one incarnation of a node at a time."""

    def __init__(self, node: str) -> None:
        self.node = node
        self._sequence = 0
        self._waiting: deque[Pending] = deque()
        self._sent: dict[int, Sent] = {}
        self._doubts: set[tuple[str, int]] = set()
        """Of all that waits."""
        self._untold: set[str] = set()
        """Names under which it has said that it takes part, and of which neither the log nor a state has told yet: the
        log may bring them, or had them given up before the state that it goes on from."""

    def __len__(self) -> int:
        """Commands that are not applied yet."""
        return len(self._waiting) + sum(len(sent.pending) for sent in self._sent.values())

    def add(self, command: Command, request: Request | None, *, now_s: float) -> None:
        """A command that cannot be written is the fault of whoever made it: they are told here, by what the encoder
        raises, and nobody who comes after them waits behind it."""
        self._waiting.append(Pending(command, encode_command(command), request, now_s))

    def next_batch(self) -> bytes | None:
        """A batch of what waits, to be sent; None: nothing does."""
        encoded: list[bytes] = []
        taken: list[Pending] = []
        size = 0
        while self._waiting and self._waiting[0].doubt is None:
            data = self._waiting[0].data
            if encoded and size + len(data) > MOST_BATCH_BYTES:
                break
            size += len(data)
            encoded.append(data)
            taken.append(self._waiting.popleft())
            if isinstance(taken[-1].command, NodeDown):
                break  # what comes after it is of a node that takes no part: a socket would count for ever
        if not taken:
            return None
        self._sequence += 1
        sent = Sent(self._sequence, encode_batch(self.node, self._sequence, encoded), taken)
        self._sent[sent.sequence] = sent
        return sent.data

    def unapplied(self) -> list[bytes]:
        """All batches that were sent and not seen, in their order: to be sent again."""
        return [sent.data for sent in self._sent.values()]

    def applied(self, sequence: int) -> list[Pending]:
        """A batch of this node stands in the log: who waited for its commands, in their order."""
        sent = self._sent.pop(sequence, None)
        return [] if sent is None else sent.pending

    def seen(self, node: str, sequence: int) -> None:
        """A batch was applied here, of whatever node. O(1), but for one of this node's that is in doubt."""
        self._untold.discard(node)
        if (node, sequence) in self._doubts:
            self._doubts.discard((node, sequence))
            self._waiting = deque(pending for pending in self._waiting if pending.doubt != (node, sequence))

    def settle(self) -> None:
        """All that stands in the log before this node's name has been read: what was not seen is not there. But of a
        name that nobody told of, it may have stood before the state: as of one of which the state knows nothing."""
        waiting, self._waiting = self._waiting, deque()
        for pending in waiting:
            is_known = pending.doubt is None or pending.doubt[0] not in self._untold
            pending.doubt = None
            if is_known or _may_be_told_twice(pending.command):
                self._waiting.append(pending)
        self._doubts.clear()
        self._untold.clear()

    def oldest_s(self) -> float | None:
        """Since when the oldest command waits; None: none does."""
        first = next(iter(self._sent.values()), None)
        if first is not None:
            return first.pending[0].since_s
        return self._waiting[0].since_s if self._waiting else None

    def give_up(self, *, before_s: float) -> None:
        """Tell those who have waited since before a moment that it takes too long."""
        for pending in (*(each for sent in self._sent.values() for each in sent.pending), *self._waiting):
            if pending.request is not None and not pending.request.is_patient and pending.since_s < before_s:
                request, pending.request = pending.request, _Late(pending.request)
                request.given_up()

    def restart(
        self, node: str, first: Iterable[Command], *, now_s: float, known: Callable[[str], int | None] | None = None
    ) -> None:
        """Nothing that is on its way will ever be applied: begin again under another name, with some commands before
        all others. Who waits is told so; what nobody waits for is appended again, but for sockets that come and go,
        which are announced anew: who waits for the arrival of one of them goes on waiting.

        `known`: the state has become another one, and says up to which batch of a node it has applied what that sent;
        None for a node that does not take part there. What was sent under the name before may have been applied, or
        may be yet. None: whatever was applied of this node, it has read."""
        in_doubt: set[Pending] = set()
        if known is not None:
            first_sent = self._sent.get(1)
            if first_sent is not None and isinstance(first_sent.pending[0].command, NodeUp):
                self._untold.add(self.node)
            self._untold = {name for name in self._untold if known(name) is None}
            for sent in self._sent.values():
                in_doubt.update(sent.pending)
                for each in sent.pending:
                    each.doubt = self.node, sent.sequence
        left = [*(each for sent in self._sent.values() for each in sent.pending), *self._waiting]
        self.node, self._sequence = node, 0
        self._sent.clear()
        arriving = {
            (pending.command.user.id, pending.command.socket): pending.request
            for pending in left
            if isinstance(pending.command, Arrive)
        }
        self._waiting = deque()
        for command in first:
            again = arriving.get((command.user.id, command.socket)) if isinstance(command, Arrive) else None
            self._waiting.append(Pending(command, encode_command(command), again, now_s))
        for pending in left:
            if isinstance(pending.command, Arrive | Depart | NodeUp):
                continue
            if pending.request is None:
                if known is None or self._may_be_sent_again(pending, known):
                    self._waiting.append(pending)
            else:
                told = pending.request.lost if pending in in_doubt else pending.request.refused
                told(Refusal(RefusalCode.TRY_AGAIN_LATER))
        self._doubts = {pending.doubt for pending in self._waiting if pending.doubt is not None}

    # -- private --------------------------------------------------------------------------------------------------

    def _may_be_sent_again(self, pending: Pending, known: Callable[[str], int | None]) -> bool:
        """Whether the state does not have a command; one of which that is not known yet is marked so."""
        if pending.doubt is None:
            return True
        node, sequence = pending.doubt
        applied = known(node)
        if applied is not None:
            return sequence > applied
        if node in self._untold:
            return True  # its first batch may be in the log yet: it stays in doubt until that is read
        pending.doubt = None  # nobody will apply it any more, and whether it was nobody knows
        return _may_be_told_twice(pending.command)


def _may_be_told_twice(command: Command) -> bool:
    """All users would hear of notifications once more; other commands leave things as they are."""
    return not isinstance(command, DeliverNotices)


class _Late:
    """Somebody who was told that it takes too long. They want to know the outcome all the same."""

    is_patient = True

    def __init__(self, request: Request) -> None:
        self.session: Session | None = None
        self._request = request

    def applied(self) -> None:
        self._request.applied()

    def refused(self, refusal: Refusal) -> None:
        self._request.refused(refusal)

    def given_up(self) -> None:
        pass

    def lost(self, refusal: Refusal) -> None:
        self._request.lost(refusal)
