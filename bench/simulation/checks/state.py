"""What must hold in every state of the lobby, on every node."""

from __future__ import annotations

from lobby_server.core.machine.books import Books
from lobby_server.core.machine.state import LobbyState
from lobby_server.core.room_codes import code_of
from lobby_server.core.rooms import RoomBook


def fault_of(state: LobbyState) -> str | None:
    """What does not hold; None: all does. O(users and rooms)."""
    return _rooms(state.books) or _presence(state) or _parties(state.books) or _matches(state.books)


def summary_of(state: LobbyState) -> tuple[object, ...]:
    """A few facts that are different in most states that are: O(1), for a look at every entry."""
    books = state.books
    return (
        state.now_s, state.leader, len(state.nodes), books.rooms.revision, len(books.rooms), books.rooms.players,
        len(books.presence), len(books.lines), len(books.chatters), len(books.revoked), len(books.partings),
        len(books.notices.due), len(books.notices.waiting), len(books.notices.unread),
    )  # fmt: skip


def list_of(book: RoomBook) -> tuple[object, ...]:
    """What the public list shows, without its texts: O(rooms)."""
    return tuple(
        [
            (
                room.id, room.host.id, room.gamemode, room.map_name, len(room.members), room.max_players, room.name,
                room.created_at, room.players is None,
            )
            for room in book.public()
        ]
    )  # fmt: skip


def overdue(state: LobbyState, now_s: float) -> str | None:
    """What should have been over by then, and is not; None: nothing."""
    books = state.books
    for room in books.rooms.all():
        if any(until_s < now_s for until_s in room.deadlines_s):
            return f"room {room.id} waits until {room.deadlines_s}"
    for user_id, until_s in books.presence.held():
        if until_s < now_s:
            return f"user {user_id} is held until {until_s:.1f}"
    for party in books.parties.all():
        for user_id, until_s in party.offline_until_s.items():
            if until_s < now_s:
                return f"user {user_id} is missed in party {party.id} until {until_s:.1f}"
        for invitation in party.invitations.values():
            if invitation.until_s < now_s:
                return f"user {invitation.guest.id} is invited into party {party.id} until {invitation.until_s:.1f}"
    return None


def _rooms(books: Books) -> str | None:
    seen: dict[int, str] = {}
    for room in books.rooms.all():
        if len(room.members) > room.max_players:
            return f"room {room.id} has {len(room.members)} members and {room.max_players} places"
        if room.members and room.host.id not in room.members and room.host_until_s is None:
            return f"the host of room {room.id} is not in it"
        if len({member.peer_id for member in room.members.values()}) < len(room.members):
            return f"two members of room {room.id} have one peer id"
        for user_id in room.members:
            if user_id in seen:
                return f"user {user_id} is in room {seen[user_id]} and in room {room.id}"
            seen[user_id] = room.id
            if books.rooms.room_of(user_id) is not room:
                return f"user {user_id} is in room {room.id}, and the books say otherwise"
            if user_id in room.banned_user_ids:
                return f"user {user_id} is in room {room.id} and banned from it"
        if bool(room.members) is not (room.empty_until_s is None):
            return f"room {room.id} has {len(room.members)} members, and its end is at {room.empty_until_s}"
        if room.players is not None and not room.members.keys() <= room.players:
            return f"users {sorted(room.members.keys() - room.players)} are in room {room.id}, which began without them"
        if books.rooms.by_code(code_of(room.id)) is not room:
            return f"the code of room {room.id} leads elsewhere"
        if not room.ready_user_ids <= room.members.keys():
            return f"users {sorted(room.ready_user_ids - room.members.keys())} are ready, and not in room {room.id}"
    if len(seen) != books.rooms.players:
        return f"{len(seen)} users are members of rooms, and {books.rooms.players} are in one"
    return None


def _presence(state: LobbyState) -> str | None:
    presence = state.books.presence
    with_socket = set()
    for user_id, sockets in presence.sockets():
        with_socket.add(user_id)
        if not presence.is_online(user_id):
            return f"user {user_id} has a socket and is offline"
        for node, socket, _ in sockets:
            if node not in state.nodes:
                return f"user {user_id} has socket {socket} on {node}, which takes no part"
        if len({each[:2] for each in sockets}) < len(sockets):
            return f"user {user_id} has one socket twice"
    held = {user_id for user_id, _ in presence.held()}
    for user in presence.online():
        if user.id not in with_socket and user.id not in held:
            return f"user {user.id} is online without a socket"
    return None


def _parties(books: Books) -> str | None:
    seen: set[int] = set()
    for party in books.parties.all():
        if party.leader.id not in party.members:
            return f"the leader of party {party.id} is not in it"
        if len(party.members) > books.parties.max_members:
            return f"party {party.id} has {len(party.members)} members"
        if not seen.isdisjoint(party.members):
            return f"a member of party {party.id} is in another one too"
        seen.update(party.members)
        for invitation in party.invitations.values():
            if invitation.sender.id not in party.members or invitation.guest.id in party.members:
                pair = f"user {invitation.sender.id} invites user {invitation.guest.id}"
                return f"{pair} into party {party.id}, whose members are {sorted(party.members)}"
    return None


def _matches(books: Books) -> str | None:
    for invitation in books.matches.all():
        room = books.rooms.get(invitation.room_id)
        if room is None or invitation.guest_id in room.members:
            is_what = "is gone" if room is None else "they are in"
            return f"user {invitation.guest_id} has an invitation into room {invitation.room_id}, which {is_what}"
        keeps_place = room.host_until_s is not None and room.host.id == invitation.sender_id
        if invitation.sender_id not in room.members and not keeps_place and room.absent_until_s is None:
            return f"user {invitation.sender_id} invites into room {room.id}, and is neither in it nor waited for"
    return None
