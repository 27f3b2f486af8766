"""What the log says of the nodes of a lobby, for an operator who takes no part in it."""

from __future__ import annotations

from dataclasses import dataclass

from lobby_server.backplane.errors import BackplaneAway
from lobby_server.backplane.valkey.stream import Stream
from lobby_server.backplane.wire import Entry, decode_batch, decode_snapshot
from lobby_server.core.machine.books import new_books
from lobby_server.core.machine.image import ImageRefused, load
from lobby_server.core.machine.state import LobbyState
from lobby_server.core.refusal import Refusal

MOST_ENTRIES = 100_000
"""That are looked at: far more than lie between two snapshots."""


@dataclass(frozen=True, kw_only=True)
class NodeSeen:
    """A node as the log has it."""

    name: str
    address: str
    version: str
    sessions: int
    """Accepted sockets, those of guests left out."""
    leads: bool
    is_heard: bool
    """Whether it has been heard of in time; if not, it will be given up."""


async def nodes_of(stream: Stream) -> list[NodeSeen]:
    """The nodes of a lobby, the one that has taken part for longest first. Empty: there is no lobby.

    Raises `BackplaneError`. O(state).
    """
    epoch, data = await stream.epoch(), await stream.snapshot()
    if epoch is None or data is None:
        return []
    snapshot = decode_snapshot(data)
    state = _empty_state()
    try:
        load(state, snapshot.image)
    except ImageRefused as fault:
        raise BackplaneAway(str(fault)) from fault
    newest, number, stream_id = await stream.newest(), snapshot.number, snapshot.stream_id
    while number < newest and number < snapshot.number + MOST_ENTRIES:
        entries = await stream.read(epoch, stream_id)
        if not entries:
            break
        for _, entry in entries:
            _apply(state, entry)
        stream_id, number = entries[-1][0], entries[-1][1].number
    heard = await stream.reports(list(state.nodes))
    sockets = state.books.presence.sockets_by_node()
    return [
        NodeSeen(
            name=node.name,
            address=node.address,
            version=node.version,
            sessions=sockets.get(node.name, 0),
            leads=node.name == state.leader,
            is_heard=node.name in heard,
        )
        for node in state.nodes.values()
    ]


def _empty_state() -> LobbyState:
    """By whatever rules: it is looked at, and gone."""
    return LobbyState(
        new_books(
            grace_s=0.0, empty_room_ttl_s=60.0, first_revision=0, party_max_members=8, party_invite_ttl_s=60.0,
            party_offline_ttl_s=60.0,
        )
    )  # fmt: skip


def _apply(state: LobbyState, entry: Entry) -> None:
    node, sequence, commands = decode_batch(entry.batch)
    for position, command in enumerate(commands):
        if position == 0 and not state.is_new(node, sequence, command):
            return
        try:
            state.apply(command, at_s=entry.at_ms / 1000, node=node)
        except Refusal:
            continue  # for its asker, not for us
