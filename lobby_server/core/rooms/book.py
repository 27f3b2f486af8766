"""All rooms of the lobby: their members, their hosts, and the revision of the public list.

Invariants, checked by a state machine in the tests:

* A user is in at most one room. A room never holds more than ``max_players``.
* A room with members has exactly one host, who is one of them; peer ids go up and are never used twice in a room.
  After a restart of the server, or the loss of the host's node, the host's place is kept for a while: then the host may
  be away, and nobody else leads.
* `RoomBook.revision` goes up with every change that a reader of the public list could see, and only then.
* A room without members, and a creator who never opened a socket, have a deadline; `expire` acts on it.
"""

from __future__ import annotations

from collections.abc import Iterable

from lobby_server.core.presence import User
from lobby_server.core.refusal import AlreadyHosting, Refusal, RefusalCode
from lobby_server.core.room_codes import code_of
from lobby_server.core.rooms import admission
from lobby_server.core.rooms.deadlines import Deadlines
from lobby_server.core.rooms.directory import RoomDirectory
from lobby_server.core.rooms.room import HOST_PEER_ID, Departure, Entry, Expired, Forgotten, Member, Room


class RoomBook(RoomDirectory):
    """All rooms of the lobby, and every way to change them."""

    def __init__(self, *, empty_ttl_s: float, first_revision: int = 1) -> None:
        """`first_revision` must be above every revision of an earlier life of the server, whose clients may come
        back with it."""
        super().__init__(first_revision=first_revision)
        self.empty_ttl_s = empty_ttl_s
        self._deadlines = Deadlines()

    # -- commands -------------------------------------------------------------------------------------------------

    def check_can_host(self, user_id: int) -> None:
        """Raise `AlreadyHosting` when a user has a room."""
        room = self.hosted_by(user_id)
        if room is not None:
            raise AlreadyHosting(room.id)

    def add(self, room: Room, *, now_s: float, creator_has_socket: bool) -> Departure | None:
        """A new room with its host as first member; the departure from the room that they were in before."""
        self.check_can_host(room.host.id)
        left = self.leave(room.host.id, now_s=now_s)
        self._keep(room)
        self._enter(room, room.host)
        if not creator_has_socket:
            room.creator_until_s = now_s + self.empty_ttl_s
            self._deadlines.wait(room, room.creator_until_s)
        self._touch(room)
        return left

    def restore(self, room: Room, *, now_s: float) -> None:
        """A room of an earlier life of the server. Its members are offline, so it is empty and its time runs; as long
        as that takes, all of them are waited for, and the host's place is kept for the host, whoever comes first. A
        second time it takes the place of the first: a node may ask the database again before it begins."""
        self.remove(room.id)
        self._keep(room)
        self._empty(room, now_s)
        room.host_until_s = room.empty_until_s
        room.absent_until_s = room.empty_until_s
        self._touch(room)

    def take_host_place(self, user: User, *, version: str | None, now_s: float) -> Entry:
        """The host enters the room that is theirs, over the socket. Raises `Refusal` (``no_room_found``).

        The room takes the host's version, when it has none yet.
        """
        room = self.hosted_by(user.id)
        if room is None:
            raise Refusal(RefusalCode.NO_ROOM_FOUND)
        if room.version is None:
            room.version = version
        member = room.members.get(user.id)
        if member is not None:
            self._came(room, member)
            return Entry(room, member, already_in=True)
        return self._join(room, user, now_s)

    def join(self, room_id: str, user: User, *, version: str, now_s: float) -> Entry:
        """A user enters a room and leaves the one they were in.

        Raises `Refusal`: ``room_not_found``, ``banned``, ``already_started``, ``invitation_required``,
        ``version_mismatch``, ``room_full``; then nothing changed.
        """
        return self.join_together(room_id, {user: version}, led_by=user, now_s=now_s)[0]

    def join_together(self, room_id: str, party: dict[User, str | None], *, led_by: User, now_s: float) -> list[Entry]:
        """All of a party enter a room and leave those they were in, or nobody does. `party`: the version of each.

        Where the leader may go, the others may. Raises `Refusal` as `join` does.
        """
        room = admission.check_may_enter(self._rooms.get(room_id), party, led_by=led_by)
        return [self._join(room, user, now_s) for user in party]

    def check_may_invite(self, room_id: str, sender_id: int, guest_id: int) -> Room:
        """The room into which a member wants to invite a guest. Raises `Refusal`: ``room_not_found``,
        ``not_in_room``, ``invalid_target``, ``already_in_room``, ``banned``."""
        return admission.check_may_invite(self._rooms.get(room_id), sender_id, guest_id)

    def leave(self, user_id: int, *, now_s: float, keeps_place: bool = False) -> Departure | None:
        """A user leaves the room they are in; None when they are in none. `keeps_place`: it is the server's fault, and
        a host's place is kept for them as after a restart."""
        room = self._room_of_user.pop(user_id, None)
        if room is None:
            return None
        member = room.members.pop(user_id)
        room.ready_user_ids.discard(user_id)
        self._came(room, member)
        new_host = None
        if room.host.id == user_id and keeps_place:
            room.host_until_s = now_s + self.empty_ttl_s
            self._away_of.setdefault(user_id, []).append(room)
            self._deadlines.wait(room, room.host_until_s)
        elif room.host.id == user_id:
            new_host = next(iter(room.members.values()), None)
            if new_host is not None:
                room.host = new_host.user
        if not room.members:
            self._empty(room, now_s)
        self._touch(room)
        return Departure(room, member, new_host)

    def check_host(self, user_id: int) -> Room:
        """The room that a user is in and leads. Raises `Refusal`: ``not_in_room``, ``not_host``."""
        room = self._room_of_user.get(user_id)
        if room is None:
            raise Refusal(RefusalCode.NOT_IN_ROOM)
        if room.host.id != user_id:
            raise Refusal(RefusalCode.NOT_HOST)
        return room

    def kick(self, host_user_id: int, peer_id: int, *, now_s: float) -> Departure:
        """The host kicks a member out, who cannot come back. Raises `Refusal`: also ``invalid_target``."""
        room = self.check_host(host_user_id)
        target = room.member_by_peer(peer_id)
        if target is None or target.user.id == host_user_id:
            raise Refusal(RefusalCode.INVALID_TARGET)
        room.banned_user_ids.add(target.user.id)
        departure = self.leave(target.user.id, now_s=now_s)
        assert departure is not None
        return departure

    def remove(self, room_id: str) -> Room | None:
        """Delete a room; the members it had stay readable in what is returned."""
        room = self._rooms.pop(room_id, None)
        if room is None:
            return None
        if self._by_code.get(code := code_of(room_id)) is room:
            del self._by_code[code]
        self._deadlines.forget(room_id)
        self._forget_away(room)
        for user_id in room.members:
            del self._room_of_user[user_id]
        self._touch(room)
        return room

    def forget(self, user_id: int) -> Forgotten:
        """A user who is in no room is no more: they are kept out of none, let into none, and lead none that they are
        away from. O(rooms)."""
        deleted: list[Room] = []
        handed_over: list[Room] = []
        changed: list[Room] = []
        for room in self._rooms.values():
            room.banned_user_ids.discard(user_id)
            room.invited_user_ids.discard(user_id)
            if room.players is not None and user_id in room.players:
                room.players.discard(user_id)
                changed.append(room)
        for room in list(self._away_of.get(user_id, ())):
            if room.members:
                self._forget_away(room)
                self._keep_host_place_no_more(room)
                room.host = next(iter(room.members.values())).user
                handed_over.append(room)
                self._touch(room)
            else:
                deleted.append(room)
                self.remove(room.id)
        return Forgotten(deleted, handed_over, [room for room in changed if room.id in self._rooms])

    def creator_has_socket(self, user_id: int) -> None:
        """A socket of a user was accepted: a room of theirs that waited for it waits no more."""
        room = self._room_of_user.get(user_id)
        if room is not None:
            self._came(room, room.members[user_id])

    # -- deadlines ------------------------------------------------------------------------------------------------

    def expire(self, now_s: float) -> Expired:
        """End what is over. A creator who never came takes an otherwise empty room along at once: its time without
        anybody present has been the same. O(rooms that are due · log deadlines)."""
        deleted: list[Room] = []
        departures: list[Departure] = []
        given_up: list[Room] = []
        handed_over: list[Room] = []
        for room in self._deadlines.due(now_s):
            if room.absent_until_s is not None and room.absent_until_s <= now_s:
                room.absent_until_s = None
                self._deadlines.called_off(room)
                given_up.append(room)
            if room.host_until_s is not None and room.host_until_s <= now_s:
                self._keep_host_place_no_more(room)
                given_up.append(room)
                if room.members:
                    self._forget_away(room)
                    room.host = next(iter(room.members.values())).user
                    handed_over.append(room)
                    self._touch(room)
            if room.creator_until_s is not None and room.creator_until_s <= now_s:
                creator = room.member_by_peer(HOST_PEER_ID)
                assert creator is not None
                if len(room.members) == 1:
                    deleted.append(room)
                    self.remove(room.id)
                else:
                    departure = self.leave(creator.user.id, now_s=now_s)
                    assert departure is not None
                    departures.append(departure)
            elif room.empty_until_s is not None and room.empty_until_s <= now_s:
                deleted.append(room)
                self.remove(room.id)
        return Expired(deleted, departures, given_up, handed_over)

    def next_deadline_s(self) -> float | None:
        """When `expire` has something to do; None: nothing is waiting. O(log deadlines)."""
        return self._deadlines.next_s()

    # -- as values ------------------------------------------------------------------------------------------------

    def waiting(self) -> list[str]:
        """Ids of the rooms with a deadline, in the order in which they are looked through."""
        return [room.id for room in self._deadlines.rooms()]

    def load(
        self, rooms: Iterable[tuple[Room, Iterable[tuple[User, int]]]], *, waiting: Iterable[str], revision: int
    ) -> None:
        """Be what `all`, `waiting` and `revision` said; with each room its members and their peer ids, in their
        order."""
        self.revision = revision
        self._rooms, self._room_of_user, self._by_code = {}, {}, {}
        for room, members in rooms:
            room.members = {user.id: Member(user, peer_id) for user, peer_id in members}
            self._keep(room)
            self._room_of_user.update(dict.fromkeys(room.members, room))
        self._deadlines.load(self._rooms[room_id] for room_id in waiting)
        self._away_of = {}
        for room in self._deadlines.rooms():
            if room.host.id not in room.members:
                self._away_of.setdefault(room.host.id, []).append(room)

    # -- private --------------------------------------------------------------------------------------------------

    def _join(self, room: Room, user: User, now_s: float) -> Entry:
        member = room.members.get(user.id)
        if member is not None:
            return Entry(room, member, already_in=True)
        left = self.leave(user.id, now_s=now_s)
        was_empty = not room.members
        member = self._enter(room, user)
        came_back = room.host_until_s is not None and room.host.id == user.id
        became_host = was_empty and room.host.id != user.id and room.host_until_s is None
        if came_back:
            self._forget_away(room)
            self._keep_host_place_no_more(room)
        elif became_host:
            room.host = user
        self._touch(room)
        return Entry(room, member, left, became_host=became_host, came_back=came_back)

    def _enter(self, room: Room, user: User) -> Member:
        member = Member(user, room.next_peer_id)
        room.next_peer_id += 1
        room.members[user.id] = member
        if not room.is_public:
            room.invited_user_ids.add(user.id)
        self._room_of_user[user.id] = room
        if room.empty_until_s is not None:
            if room.host_until_s is None:
                self._forget_away(room)
            room.empty_until_s = None
            self._deadlines.called_off(room)
        return member

    def _empty(self, room: Room, now_s: float) -> None:
        room.empty_until_s = now_s + self.empty_ttl_s
        if room.host_until_s is None:
            self._away_of.setdefault(room.host.id, []).append(room)
        self._deadlines.wait(room, room.empty_until_s)

    def _came(self, room: Room, member: Member) -> None:
        """A member is there, or goes: if that is the creator, who may have handed the room over meanwhile, the room
        waits for them no more."""
        if member.peer_id == HOST_PEER_ID and room.creator_until_s is not None:
            room.creator_until_s = None
            self._deadlines.called_off(room)

    def _keep_host_place_no_more(self, room: Room) -> None:
        room.host_until_s = None
        self._deadlines.called_off(room)
