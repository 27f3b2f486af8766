"""What cannot stand between two users beside something else that stands there, and gives way to it.

Every change keeps these rules by itself; here they are asked of what is there already: rows that an older version left,
or two nodes at once, of which one did not know yet that its turn was over.

* A block stands above all: who blocks another is no friend of theirs, and has asked nothing of them.
* Two friends have no request between them.
* Two who have asked each other are friends, since the second one asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from lobby_server.core.friends import FriendRequest


@dataclass(frozen=True)
class VoidFriendship:
    """One of the two blocks the other."""

    one_id: int
    other_id: int


@dataclass(frozen=True)
class VoidRequest:
    """The two are friends, or its sender blocks its receiver."""

    request: FriendRequest


@dataclass(frozen=True)
class BothAsked:
    """`later` goes the other way."""

    earlier: FriendRequest
    later: FriendRequest


VoidTie: TypeAlias = VoidFriendship | VoidRequest | BothAsked


def void_ties(
    *,
    are_friends: Callable[[int, int], bool],
    requests: Iterable[FriendRequest],
    blocks: Iterable[tuple[int, int]],
) -> Iterator[VoidTie | None]:
    """What gives way, each once, and None in between: after each request or block that is looked at, so that whoever
    asks can let others go on. `blocks`: who blocks whom. O(requests and blocks)."""
    asked: dict[tuple[int, int], FriendRequest] = {}
    for request in requests:
        asked[request.sender.id, request.receiver.id] = request
        yield None
    blocked: dict[tuple[int, int], None] = {}
    for pair in blocks:
        blocked[pair] = None
        yield None
    for one_id, other_id in blocked:
        is_second = one_id > other_id and (other_id, one_id) in blocked  # of two who block each other
        yield VoidFriendship(one_id, other_id) if are_friends(one_id, other_id) and not is_second else None
    for (sender_id, receiver_id), request in asked.items():
        if (sender_id, receiver_id) in blocked or are_friends(sender_id, receiver_id):
            yield VoidRequest(request)
            continue
        other_way = asked.get((receiver_id, sender_id))
        if other_way is None or other_way.id < request.id or (receiver_id, sender_id) in blocked:
            yield None
        else:
            yield BothAsked(request, other_way)
