"""What members of a room are promised to hear of it, and users of their own membership."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from bench.simulation.checks.promises.push import Due, Ears, Now, Promises, Push, to
from lobby_server.core.machine import effects
from lobby_server.core.room_codes import code_of
from lobby_server.core.rooms import Entry, Member, Room
from lobby_server.protocol import messages
from lobby_server.protocol.feature_messages import RoomClosed, RoomStarted, RoomStateTold, RoomUnbanned
from lobby_server.protocol.features import Feature
from lobby_server.protocol.resources import PeerInfo

ROOMS: Promises = Promises()


# -- who comes ---------------------------------------------------------------------------------------------------------


@ROOMS.on(effects.Accepted)
def _accepted(effect: effects.Accepted, now: Now) -> Iterator[Push]:
    """The socket that is new hears where its user is, or what ended that meanwhile; which socket is not known here."""
    user_id = effect.user.id
    room = now.books.rooms.room_of(user_id)
    if room is not None:
        yield from to([user_id], _joined(room, room.members[user_id]), ears=Ears.FEATURED, due=Due.NONE)
        yield from _state(room, [user_id], due=Due.NONE)
    elif (parting := now.books.partings.latest.get(user_id)) is not None:
        over = RoomClosed(roomId=parting[1]) if parting[1] else messages.Kicked()
        yield from to([user_id], over, ears=Ears.FEATURED, due=Due.NONE)


@ROOMS.on(effects.HostPlaceTaken)
def _host_came(effect: effects.HostPlaceTaken, now: Now) -> Iterator[Push]:
    entry = effect.entry
    room, user_id = entry.room, entry.member.user.id
    created = messages.RoomCreated(
        roomId=room.id, peerId=entry.member.peer_id, gamemode=room.gamemode, mapName=room.map_name
    )
    yield from _own(user_id, created)
    yield from _others(entry)
    yield from _entered(room, [entry])


@ROOMS.on(effects.RoomJoined)
def _member_came(effect: effects.RoomJoined, now: Now) -> Iterator[Push]:
    """Who is in it already is answered, and nobody else hears of it."""
    entry = effect.entry
    room, user_id = entry.room, entry.member.user.id
    joined = _joined(room, entry.member)
    if entry.already_in:
        yield from to([user_id], joined, due=Due.NONE)
    else:
        yield from _own(user_id, joined)
    yield from _others(entry)
    yield from _entered(room, [entry])


@ROOMS.on(effects.PartyEntered)
def _party_came(effect: effects.PartyEntered, now: Now) -> Iterator[Push]:
    room, entries = effect.room, effect.entries
    came = [entry.member for entry in entries if not entry.already_in]
    there = room.members.keys() - {member.user.id for member in came}
    for member in came:
        yield from to(there, _peer_joined(member))
    for entry in entries:
        if entry.came_back:
            yield from to(there, _host_changed(entry.member))
        yield from to([entry.member.user.id], _joined(room, entry.member))
    yield from _entered(room, entries)


# -- who goes ----------------------------------------------------------------------------------------------------------


@ROOMS.on(effects.RoomLeft)
def _left(effect: effects.RoomLeft, now: Now) -> Iterator[Push]:
    departure = effect.departure
    room = departure.room
    yield from to(room.members, messages.PeerLeft(peerId=departure.member.peer_id))
    if departure.new_host is not None:
        yield from to(room.members, _host_changed(departure.new_host))
    yield from _state(room, room.members)


@ROOMS.on(effects.OwnRoomLeft)
def _left_own(effect: effects.OwnRoomLeft, now: Now) -> Iterator[Push]:
    gone = messages.PeerLeft(peerId=effect.peer_id)
    yield from to([effect.user.id], gone, ears=Ears.FEATURED, due=Due.OTHERS)


@ROOMS.on(effects.Kicked)
def _kicked(effect: effects.Kicked, now: Now) -> Iterator[Push]:
    yield from to([effect.departure.member.user.id], messages.Kicked())


@ROOMS.on(effects.RoomDeleted)
def _deleted(effect: effects.RoomDeleted, now: Now) -> Iterator[Push]:
    """A host on the base protocol knows it from the answer."""
    room = effect.room
    yield from to(room.members.keys() - {effect.by.id}, messages.Kicked(), ears=Ears.BASE)
    yield from to(room.members, RoomClosed(roomId=room.id), ears=Ears.FEATURED)


# -- what becomes of it ------------------------------------------------------------------------------------------------


@ROOMS.on(effects.SaidInRoom)
def _said(effect: effects.SaidInRoom, now: Now) -> Iterator[Push]:
    member = effect.member
    room = now.books.rooms.room_of(member.user.id)
    hearers = [] if room is None else [
        each for each in room.members if not now.books.blocks.blocks(each, member.user.id)
    ]  # fmt: skip
    line = messages.Chat(from_peer=member.peer_id, from_name=member.user.username, text=effect.text)
    yield from to(hearers, line)


@ROOMS.on(effects.HostReplaced)
def _host_replaced(effect: effects.HostReplaced, now: Now) -> Iterator[Push]:
    room = effect.room
    yield from to(room.members, _host_changed(effect.host))
    yield from _state(room, room.members)


def _changed(effect: effects.ReadinessChanged | effects.RoomChanged | effects.RoomReopened, now: Now) -> Iterator[Push]:
    yield from _state(effect.room, effect.room.members)


ROOMS.on(effects.ReadinessChanged)(_changed)
ROOMS.on(effects.RoomChanged)(_changed)
ROOMS.on(effects.RoomReopened)(_changed)


@ROOMS.on(effects.RoomStarted)
def _started(effect: effects.RoomStarted, now: Now) -> Iterator[Push]:
    room = effect.room
    yield from to(room.members, RoomStarted(roomId=room.id), ears=Feature.ROOM_STATE)
    yield from _state(room, room.members)


@ROOMS.on(effects.Unbanned)
def _unbanned(effect: effects.Unbanned, now: Now) -> Iterator[Push]:
    yield from to([effect.user_id], RoomUnbanned(roomId=effect.room.id), ears=Feature.ROOM_STATE)


# -- private -----------------------------------------------------------------------------------------------------------


def _own(user_id: int, message: messages.ServerMessage) -> Iterator[Push]:
    """To all sockets of a user with a feature; without one, to the socket that asked."""
    yield from to([user_id], message, ears=Ears.FEATURED)
    yield from to([user_id], message, ears=Ears.BASE, due=Due.NONE)


def _others(entry: Entry) -> Iterator[Push]:
    if entry.already_in:
        return
    member = entry.member
    others = entry.room.members.keys() - {member.user.id}
    yield from to(others, _peer_joined(member))
    if entry.came_back:
        yield from to(others, _host_changed(member))


def _entered(room: Room, entries: Sequence[Entry]) -> Iterator[Push]:
    """Those who came see the room, and the others where its host is back."""
    is_for_all = any(entry.came_back for entry in entries)
    yield from _state(room, room.members if is_for_all else [entry.member.user.id for entry in entries])


def _state(room: Room, user_ids: Iterable[int], *, due: Due = Due.ALL) -> Iterator[Push]:
    host = room.members.get(room.host.id)
    state = RoomStateTold(
        roomId=room.id, code=code_of(room.id), name=room.name, gamemode=room.gamemode, mapName=room.map_name,
        maxPlayers=room.max_players, isPublic=room.is_public, isStarted=room.players is not None,
        hostPeerId=None if host is None else host.peer_id,
        ready=[each.peer_id for each in room.members.values() if each.user.id in room.ready_user_ids],
    )  # fmt: skip
    yield from to(user_ids, state, ears=Feature.ROOM_STATE, due=due)


def _joined(room: Room, member: Member) -> messages.RoomJoined:
    peers = [
        PeerInfo(peerId=each.peer_id, name=each.user.username, isHost=each.user.id == room.host.id)
        for each in room.members.values()
    ]
    return messages.RoomJoined(
        roomId=room.id, peerId=member.peer_id, members=peers, gamemode=room.gamemode, mapName=room.map_name
    )


def _peer_joined(member: Member) -> messages.PeerJoined:
    return messages.PeerJoined(peerId=member.peer_id, name=member.user.username)


def _host_changed(host: Member) -> messages.HostChanged:
    return messages.HostChanged(newHostPeerId=host.peer_id, newHostName=host.user.username)
