"""One message that the server sends without being asked for it: what it says, and which sockets hear it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from enum import Enum, auto

from bench.simulation.checks.by_kind import ByKind
from bench.simulation.clients.views import Heard
from lobby_server.core.machine.books import Books
from lobby_server.core.machine.commands import Command
from lobby_server.protocol.features import Feature
from lobby_server.protocol.message import ServerMessage


class Ears(Enum):
    """Which sockets of a user hear a message; a feature in its place: those that asked for it."""

    ALL = auto()
    FEATURED = auto()
    """That asked for any feature."""
    BASE = auto()
    """That asked for none."""


class Due(Enum):
    """Who of those who may hear a message has to."""

    ALL = auto()
    OTHERS = auto()
    """All but the socket whose message brought it about."""
    ARRIVED = auto()
    """All that the log has an arrival of, by then."""
    NONE = auto()


@dataclass(frozen=True)
class Push:
    """`user_ids` None: everybody but the `deaf`."""

    message: ServerMessage
    user_ids: frozenset[int] | None
    ears: Ears | Feature = Ears.ALL
    due: Due = Due.ALL
    deaf: frozenset[int] = frozenset()

    def is_for(self, heard: Heard) -> bool:
        """Whether a connection may hear it."""
        if self.user_ids is None:
            if heard.user_id in self.deaf:
                return False
        elif heard.user_id not in self.user_ids:
            return False
        if isinstance(self.ears, Feature):
            return self.ears.value in heard.features
        return self.ears is Ears.ALL or (self.ears is Ears.FEATURED) == bool(heard.features)


@dataclass(frozen=True)
class Now:
    """What a promise is reckoned from: the books after a command, and the command."""

    books: Books
    command: Command
    chatted: Set[int] = frozenset()
    """Users who have ever used chat: a connection of theirs may have outlived the end of their presence."""


Promises = ByKind[[Now], Iterator[Push]]
"""What follows from an effect, by its kind."""


def to(
    user_ids: Iterable[int], *messages: ServerMessage, ears: Ears | Feature = Ears.ALL, due: Due = Due.ALL
) -> Iterator[Push]:
    """Several messages to the same sockets."""
    ids = frozenset(user_ids)
    for message in messages:
        yield Push(message, ids, ears, due)
