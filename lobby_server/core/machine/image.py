"""The state as bytes, and back: what a node starts from that joins later, and what nodes compare.

Everything in which an order means something is a list here, so that equal states make equal bytes.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

import msgspec

from lobby_server.core.bans import UserBan
from lobby_server.core.blocks import Block
from lobby_server.core.friends import FriendRequest
from lobby_server.core.invitations import MatchInvitation
from lobby_server.core.machine.commands import FORMAT, Say
from lobby_server.core.machine.effects import NoticeDue
from lobby_server.core.machine.state import LobbyState, Node
from lobby_server.core.parties import Invitation
from lobby_server.core.presence import Socket, User
from lobby_server.core.rooms import Room
from lobby_server.protocol.requests import Audience


class _Party(msgspec.Struct, array_like=True):
    id: str
    leader: User
    members: list[User]
    invitations: list[Invitation]
    offline_until_s: list[tuple[int, float]]


class Image(msgspec.Struct, array_like=True):
    """All of the state. `format`: an older node cannot read a newer one."""

    format: int
    now_s: float
    nodes: list[Node]
    users: list[User]
    sockets: list[tuple[int, list[Socket]]]
    held: list[tuple[int, float]]
    revision: int
    rooms: list[Room]
    members: list[list[tuple[User, int]]]
    """Of each room, with their peer ids, the one longest in it first."""
    waiting_rooms: list[str]
    partings: list[tuple[int, float, str]]
    parties: list[_Party]
    outdated: list[tuple[str, int, float]]
    matches: list[MatchInvitation]
    friends: list[tuple[int, User, datetime]]
    requests: list[FriendRequest]
    blocks: list[tuple[int, User, datetime]]
    waiting: list[int]
    unread: list[tuple[int, str, int]]
    due: list[NoticeDue]
    lines: list[tuple[str, Say]]
    chatters: list[int]
    whereabouts: list[tuple[int, Audience]]
    user_bans: list[UserBan]
    revoked: list[tuple[str, float]]
    deleted: list[tuple[int, str]]
    lobby_pace_s: float
    chat_paces: list[tuple[str, float]]
    lost_with_node: list[int]


_encoder = msgspec.msgpack.Encoder(order="deterministic")
_decoder = msgspec.msgpack.Decoder(Image)


class ImageRefused(Exception):
    """An image that this version cannot read."""

    def __init__(self, its_format: object) -> None:
        super().__init__(f"The state has format {its_format}, this version of lobby-server reads format {FORMAT}.")
        self.its_format = its_format


def dump(state: LobbyState) -> bytes:
    """O(state): about a millisecond per thousand users."""
    return _encoder.encode(_image_of(state))


def digest(state: LobbyState) -> str:
    """The same for equal states, and for no others."""
    return hashlib.sha256(dump(state)).hexdigest()[:16]


def load(state: LobbyState, dumped: bytes) -> None:
    """Let a state be the one that was dumped, books and all: whoever holds the books sees it. Raises `ImageRefused`."""
    try:
        image = _decoder.decode(dumped)
    except msgspec.MsgspecError as fault:
        try:
            its_format = msgspec.msgpack.decode(dumped)[0]
        except (msgspec.MsgspecError, TypeError, IndexError):
            its_format = None
        raise ImageRefused(its_format) from fault
    if image.format != FORMAT:
        raise ImageRefused(image.format)
    _load(state, image)


def _image_of(state: LobbyState) -> Image:
    books = state.books
    presence, parties, friends = books.presence, books.parties, books.friends
    rooms = books.rooms.all()
    return Image(
        format=FORMAT,
        now_s=state.now_s,
        nodes=list(state.nodes.values()),
        users=presence.online(),
        sockets=[(user_id, list(sockets)) for user_id, sockets in sorted(presence.sockets())],
        held=presence.held(),
        revision=books.rooms.revision,
        rooms=[_bare(room) for room in rooms],
        waiting_rooms=books.rooms.waiting(),
        members=[[(member.user, member.peer_id) for member in room.members.values()] for room in rooms],
        partings=sorted((user_id, until_s, room_id) for user_id, (until_s, room_id) in books.partings.latest.items()),
        parties=[
            _Party(
                party.id,
                party.leader,
                list(party.members.values()),
                list(party.invitations.values()),
                list(party.offline_until_s.items()),
            )
            for party in parties.all()
        ],
        outdated=parties.outdated(),
        matches=books.matches.all(),
        friends=list(friends.friendships()),
        requests=friends.requests(),
        blocks=[
            (user_id, block.user, block.since)
            for user_id in sorted(books.blocks.user_ids())
            for block in books.blocks.blocked_by(user_id)
        ],
        waiting=sorted(books.notices.waiting),
        unread=sorted((user_id, *each) for user_id, found in books.notices.unread.items() for each in found),
        due=list(books.notices.due.values()),
        lines=[(node, line) for (node, _), line in books.lines.items()],
        chatters=sorted(books.chatters),
        whereabouts=sorted(books.whereabouts.items()),
        user_bans=[books.user_bans[user_id] for user_id in sorted(books.user_bans)],
        revoked=sorted(books.revoked.items()),
        deleted=list(books.deleted.marks.items()),
        lobby_pace_s=books.lobby_pace_s,
        chat_paces=books.chat_limit.states(state.now_s),
        lost_with_node=presence.lost_with_node(),
    )


def _load(state: LobbyState, image: Image) -> None:
    books = state.books
    state.now_s = image.now_s
    state.nodes.clear()
    state.nodes.update((node.name, node) for node in image.nodes)
    books.presence.load(image.users, image.sockets, image.held, image.lost_with_node)
    books.rooms.load(
        list(zip(image.rooms, image.members, strict=True)), waiting=image.waiting_rooms, revision=image.revision
    )
    books.partings.load(image.partings)
    books.parties.load(
        [
            (party.id, party.leader, party.members, party.invitations, dict(party.offline_until_s))
            for party in image.parties
        ],
        outdated=image.outdated,
    )
    books.matches.load(image.matches)
    books.friends.load(image.friends, image.requests)
    books.blocks.load([(user_id, Block(user, since)) for user_id, user, since in image.blocks])
    books.notices.waiting.clear()
    books.notices.waiting.update(image.waiting)
    books.notices.unread.clear()
    for user_id, kind, sender_id in image.unread:
        books.notices.open(user_id, kind, sender_id)
    books.notices.due.clear()
    books.notices.due.update((notice.key, notice) for notice in image.due)
    books.lines.clear()
    books.lines.update(((node, line.ref), line) for node, line in image.lines)
    books.chatters.clear()
    books.chatters.update(image.chatters)
    books.whereabouts.clear()
    books.whereabouts.update(image.whereabouts)
    books.user_bans.clear()
    books.user_bans.update((ban.user.id, ban) for ban in image.user_bans)
    books.revoked.clear()
    books.revoked.update(image.revoked)
    books.deleted.marks.clear()
    books.deleted.marks.update(image.deleted)
    books.lobby_pace_s = image.lobby_pace_s
    books.chat_limit.load(image.chat_paces)


def _bare(room: Room) -> Room:
    """Without its members: they are a list of their own."""
    return Room(**{**vars(room), "members": {}})
