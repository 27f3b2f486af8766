"""What must hold once things are quiet: nodes are equal, sockets and presence agree, the database has what it is to
have, and every player believes what is true.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence, Set
from dataclasses import replace

import msgspec

from bench.simulation.checks.answers import Answers
from bench.simulation.checks.branches import lies_on
from bench.simulation.checks.history import History
from bench.simulation.checks.state import overdue
from bench.simulation.clients.player import Player
from bench.simulation.nodes.node import Life, Node
from bench.simulation.outside.store import Database
from loadtest.client.lists.delta_list import DeltaServerList
from lobby_server.core.machine.image import digest
from lobby_server.core.room_codes import code_of
from lobby_server.protocol.features import Feature
from lobby_server.protocol.requests import DEFAULT_AUDIENCE
from lobby_server.protocol.resources import Room, RoomList
from lobby_server.protocol.social_resources import Party
from lobby_server.service.app import App
from lobby_server.service.ports import StoredRoom
from lobby_server.service.rooms.stored import stored_room

DUE_WITHIN_S = 6.0
"""By then it has been said that a deadline has come, by a node that does not lead if need be."""


def faults(
    nodes: Sequence[Node], players: Sequence[Player], database: Database, answers: Answers, history: History
) -> Iterator[tuple[str, str]]:
    """Invariant, and how it is violated: the first ones explain the others."""
    lives = []
    for node in nodes:
        if node.life is None or not node.life.is_open or not node.life.log.takes_part:
            yield "nodes come back", f"{node.name} takes no part"
        else:
            lives.append(node.life)
    if not lives:
        return
    yield from _equal(lives)
    truth = lives[0].app
    yield from _sockets(lives, truth)
    yield from _rooms_written(truth, database)
    is_out = _banned_by_a_lost_log(truth, database, history, lives[0].log.position[0])
    yield from _ties_written(truth, database, answers.users_leaving)
    for room_id in history.rooms_ended:
        room = truth.rooms.book.by_code(code_of(room_id))
        if room is not None and truth.rooms.book.get(room.id) is not room:
            yield "the rules hold", f"the code of room {room_id} leads to it, and it is gone"
    yield from _bans_written(truth, database, history, lives[0].log.position[0])
    if fault := overdue(truth.replica.state, lives[0].log.now_s() - DUE_WITHIN_S):
        yield "what is due comes", fault
    players = [each for each in players if each.user.id not in is_out]
    playing = {each.user.username for each in players if each.is_wanted and not each.refused}
    if len(playing) != len(truth.presence):
        yield "every player is a user", f"{len(playing)} players are there, and {len(truth.presence)} users online"
    listed = tuple(msgspec.json.decode(truth.room_list.snapshot(None).plain, type=RoomList).rooms)
    online = {each.id for each in truth.presence.online()}
    for player in players:
        yield from _views(player, truth, listed, online)
        if player.is_wanted:
            yield from _invitation_views(player, truth, database)


def left_behind(nodes: Sequence[Node], database: Database, rooms_made: Container[str]) -> Iterator[tuple[str, str]]:
    """Rooms of the database that never stood in the log (`rooms_made`), though the process that was to make them goes
    on and waits for nothing: it knows that it will not make them, and takes them back itself. The node that leads takes
    them for somebody's leftovers too, after a minute or two, and until then a lobby that starts would have them.

    A process that others had given up is not asked: what it had to write then is void."""
    for node in nodes:
        life = node.life
        if life is None or not life.is_open or life.log.node != life.first_name:
            continue
        if life.log.waiting or life.app.writer.waiting:
            continue
        for room_id in database.kept_rooms():
            is_there = room_id in rooms_made or life.app.rooms.book.get(room_id) is not None
            if life.has_named(room_id) and not is_there:
                yield "what is not made leaves nothing", f"room {room_id} of {node.name} is in the database"


def lines_lost(history: History, database: Database) -> Iterator[tuple[str, str]]:
    """Lines of chat that were told, and that nobody finds who asks for them later. They are kept for weeks."""
    gone = database.users_deleted
    lost = [key for key, line in history.chat if not database.has_line(key) and line.sender_id not in gone]
    if lost:
        yield "what was told is kept", f"lines {lost} of chat are not in the database"


def _equal(lives: Sequence[Life]) -> Iterator[tuple[str, str]]:
    first = lives[0]
    digest_of_first = digest(first.app.replica.state)
    for life in lives:
        if life.log.position != first.log.position:
            where = f"{life.node.name} at {life.log.position}, {first.node.name} at {first.log.position}"
            yield "nodes stand at one place", where
        elif life is not first and digest(life.app.replica.state) != digest_of_first:
            yield "equal position, equal state", f"{life.node.name} and {first.node.name} at {life.log.position}"
        if life.log.waiting or life.app.fanout.behind or life.app.writer.waiting:
            waits = f"{life.log.waiting} commands, {life.app.writer.waiting} writes, {life.app.fanout.behind} behind"
            yield "queues empty themselves", f"{life.node.name}: {waits}"
    books = first.app.replica.books
    if books.lines or books.notices.due:
        waits = f"lines of chat {sorted(books.lines)}, notifications {sorted(books.notices.due)}"
        yield "queues empty themselves", f"nobody keeps or refuses {waits}"


def _sockets(lives: Sequence[Life], truth: App) -> Iterator[tuple[str, str]]:
    held = {
        (session.user.id, life.log.node, session.id) for life in lives for session in life.app.sessions.accepted_ones()
    }
    known = {(user_id, node, socket) for user_id, sockets in truth.presence.sockets() for node, socket, _ in sockets}
    for user_id, node, socket in sorted(held - known):
        yield "nobody offline with a session", f"user {user_id} has socket {socket} on {node}, which nobody knows"
    for user_id, node, socket in sorted(known - held):
        yield "nobody online without a session", f"user {user_id} counts with socket {socket} on {node}, which is gone"
    for user_id, _ in truth.presence.held():
        yield "nobody online without a session", f"user {user_id} is held for ever"


def _rooms_written(truth: App, database: Database) -> Iterator[tuple[str, str]]:
    kept, invitations = database.kept_rooms(), truth.replica.books.matches
    for room in truth.rooms.book.all():
        stored, is_now = kept.pop(room.id, None), stored_room(room, invitations.of_room(room.id))
        if stored is None:
            yield "writes are kept", f"room {room.id} is not in the database"
        elif _as_kept(stored, is_now, database) != _as_kept(is_now, is_now, database):
            yield "writes are kept", f"room {room.id} is {stored} in the database, and is {is_now}"
    if kept:
        yield "writes are kept", f"rooms {sorted(kept)} are in the database and nowhere else"


def _as_kept(room: StoredRoom, is_now: StoredRoom, database: Database) -> StoredRoom:
    """As far as it has to be equal: of whoever is deleted the database forgets that they are banned or invited."""
    gone = database.users_deleted
    return replace(
        room, created_at=is_now.created_at, banned_user_ids=room.banned_user_ids - gone,
        invited_user_ids=room.invited_user_ids - gone,
        invitations=tuple(each for each in room.invitations if gone.isdisjoint((each.sender_id, each.guest_id))),
    )  # fmt: skip


def _ties_written(truth: App, database: Database, users_in_doubt: Set[int]) -> Iterator[tuple[str, str]]:
    """What is between two users, and whom each lets know where they are, whatever became of calls and of logs."""
    books = truth.replica.books
    friends = {(user_id, other) for user_id in books.friends.user_ids() for other in books.friends.friend_ids(user_id)}
    requests = {request.id for request in books.friends.requests()}
    blocks = {
        (user_id, each.user.id) for user_id in books.blocks.user_ids() for each in books.blocks.blocked_by(user_id)
    }
    for what, differ in (
        ("friendships", friends ^ database.kept_friends()),
        ("friend requests", {database.requests_made[each] for each in requests ^ database.kept_requests()}),
        ("blocks", blocks ^ database.kept_blocks()),
    ):
        if certain := sorted(pair for pair in differ if users_in_doubt.isdisjoint(pair)):
            yield "writes are kept", f"{what} differ: {certain}"
    if void := sorted(pair for pair in database.void_pairs() if users_in_doubt.isdisjoint(pair)):
        yield "writes are kept", f"what cannot stand side by side is in the database between {void}"
    kept = database.kept_audiences()
    for user_id in sorted((kept.keys() | books.whereabouts.keys()) - users_in_doubt):
        here, there = (each.get(user_id, DEFAULT_AUDIENCE) for each in (books.whereabouts, kept))
        if here != there:
            yield "writes are kept", f"{here} know where user {user_id} is, and {there} do in the database"


def _bans_written(truth: App, database: Database, history: History, epoch: str) -> Iterator[tuple[str, str]]:
    """Bans from the lobby. Of one that was decided in a log that is gone nobody knows; nor, in a new lobby, of one that
    had ended by then."""
    kept, known = database.kept_bans(), truth.replica.books.user_bans
    now_s, now = truth.clock.utc_now().timestamp(), history.branches.path(epoch)
    for user_id in sorted(kept.keys() | known.keys()):
        if not all(lies_on(now, place) for place in history.bans.get(user_id, ())):
            continue
        ban, stored = known.get(user_id), kept.get(user_id)
        until_s = stored.until.timestamp() if stored is not None and stored.until is not None else None
        if ban is None or stored is None:
            holds = ban.holds(now_s) if ban is not None else until_s is None or until_s > now_s
            if holds:
                where = "the database" if ban is None else "the state"
                yield "writes are kept", f"user {user_id} is banned in {where} and nowhere else"
        elif ban.until_s != until_s:
            yield "writes are kept", f"user {user_id} is banned until {ban.until_s}, in the database until {until_s}"


def _banned_by_a_lost_log(truth: App, database: Database, history: History, epoch: str) -> set[int]:
    """Users whose ban was lifted in a log that is gone: the nodes keep them out until the next start, or until it is
    lifted again."""
    now, known = history.branches.path(epoch), truth.replica.books.user_bans
    return {
        user_id
        for user_id in known.keys() - database.kept_bans().keys()
        if not all(lies_on(now, place) for place in history.bans.get(user_id, ()))
    }


# -- what players believe ---------------------------------------------------------------------------------------------


def _views(player: Player, truth: App, listed: tuple[Room, ...], online: set[int]) -> Iterator[tuple[str, str]]:
    name, user = player.name, player.user
    if player.refused:
        yield "players stay connected", f"{name} was refused: {player.refused}"
        return
    if not player.is_wanted:
        return
    if not player.connection.is_connected:
        yield "players stay connected", f"{name} is not connected"
        return
    if player.rooms != listed:
        believed = [room.id for room in player.rooms]
        yield "views equal the truth", f"{name} sees rooms {believed}, there are {[room.id for room in listed]}"
    if isinstance(player.list, DeltaServerList) and player.list.resync_count:
        yield "deltas follow one another", f"{name} has asked for the whole list {player.list.resync_count} times"
    if Feature.PRESENCE_FRIENDS not in player.connection.accepted_features and player.presence.online != online:
        wrong = sorted((player.presence.online or set()) ^ online)
        yield "views equal the truth", f"{name} is wrong about who of {wrong} is online"
    yield from _room_view(player, truth)
    yield from _featured_views(player, truth)
    if player.is_only_device:
        yield from _social_views(player, truth)
    if truth.presence.user(user.id) is None:
        yield "nobody offline with a session", f"{name} is connected and offline"


def _room_view(player: Player, truth: App) -> Iterator[tuple[str, str]]:
    room, view, name = truth.rooms.book.room_of(player.user.id), player.room, player.name
    if room is None or view is None:
        if (room is None) != (view is None):
            is_in = "none" if room is None else room.id
            yield "views equal the truth", f"{name} believes to be in room {view and view.room_id}, and is in {is_in}"
        return
    members = {member.peer_id: member.user.username for member in room.members.values()}
    is_right = (view.room_id, view.members) == (room.id, members)
    if not is_right or view.peer_id != room.members[player.user.id].peer_id:
        yield "views equal the truth", f"{name} sees {view} and the members are {members}"
    elif (host := room.members.get(room.host.id)) is None:  # away, and the place is kept
        if view.host_peer_id in view.members:
            yield "views equal the truth", f"{name} takes peer {view.host_peer_id} of room {room.id} for its host"
    elif view.host_peer_id != host.peer_id:
        yield "views equal the truth", f"{name} takes peer {view.host_peer_id} of room {room.id} for its host"


def _featured_views(player: Player, truth: App) -> Iterator[tuple[str, str]]:
    """What those hear who ask for it: of their own room, of whom they block, of where their friends are."""
    name, user, features = player.name, player.user, player.connection.accepted_features
    room, seen = truth.rooms.book.room_of(user.id), player.room_state
    # A host who has made the room by a call, and not entered it over a socket, is told nothing of it.
    is_untold = room is not None and room.host.id == user.id and (seen is None or seen.roomId != room.id)
    if Feature.ROOM_STATE in features and room is not None and not is_untold:
        is_now = msgspec.structs.asdict(truth.hosting.state(user, room.id))
        sees = None if seen is None else msgspec.structs.asdict(seen)
        if sees != is_now:
            yield "views equal the truth", f"{name} sees {sees}, and the room is {is_now}"
    books = truth.replica.books
    if Feature.OWN_CHANGES in features and player.blocks is not None:
        blocked = set(books.blocks.hidden_from(user.id))
        if player.blocks != blocked:
            yield "views equal the truth", f"{name} sees that they block {player.blocks}, and it is {blocked}"
    if Feature.FRIEND_ROOMS in features and player.friend_rooms.rooms is not None:
        friends = set(books.friends.friend_ids(user.id))
        public = {
            each: room.id for each in friends if (room := books.rooms.room_of(each)) is not None and room.is_public
        }
        where = {each: room_id for each, room_id in public.items() if books.whereabouts.get(each) != "nobody"}
        believed = {each: room_id for each, room_id in player.friend_rooms.rooms.items() if each in friends}
        if believed != where:
            yield "views equal the truth", f"{name} sees friends in rooms {believed}, and they are in {where}"


def _told(party: Party | None, reader_id: int) -> object:
    """Of a party, what its members are told: not that they are online themselves, nor who else is invited."""
    members = (
        [] if party is None else [(each.user_id, each.is_online or each.user_id == reader_id) for each in party.members]
    )
    return None if party is None else (party.id, party.leader_user_id, members)


def _social_views(player: Player, truth: App) -> Iterator[tuple[str, str]]:
    name, user = player.name, player.user
    friends, theirs = truth.social.friends.overview(user), player.friends
    if theirs is not None:
        for what, seen, there in (
            ("friends", [each.user_id for each in theirs.friends], [each.user_id for each in friends.friends]),
            ("requests", [each.request_id for each in theirs.incoming], [each.request_id for each in friends.incoming]),
        ):
            if sorted(seen) != sorted(there):
                yield "views equal the truth", f"{name} sees {what} {sorted(seen)}, there are {sorted(there)}"
    party, believed = truth.social.parties.mine(user), player.party
    if believed is not None:
        is_in, sees = party.party, believed.party
        if _told(is_in, user.id) != _told(sees, user.id):
            yield "views equal the truth", f"{name} sees party {sees}, and it is {is_in}"
        if {each.party_id for each in party.invites} != {each.party_id for each in believed.invites}:
            yield "views equal the truth", f"{name} sees invitations {believed.invites}, there are {party.invites}"


def _invitation_views(player: Player, truth: App, database: Database) -> Iterator[tuple[str, str]]:
    """Whoever has heard of an invitation into a room, and not of its end, has one. Of the end of one by a user whom
    they block they hear nothing."""
    user_id = player.user.id
    standing = {each.room_id for each in truth.replica.books.matches.all() if each.guest_id == user_id}
    for room_id, sender_ids in player.invitations.items():
        is_heard = any((user_id, sender_id) not in database.ever_blocked for sender_id in sender_ids)
        if is_heard and room_id not in standing:
            yield "views equal the truth", f"{player.name} sees an invitation into room {room_id}, and has none"
