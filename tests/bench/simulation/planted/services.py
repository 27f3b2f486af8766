"""Wrong variants of the service."""

from __future__ import annotations

from tests.bench.simulation.planted.planting import MACHINE, SERVICE, Edit, Mutant, one

SERVICES = (
    one(
        "a room is told of before it is committed",
        f"{SERVICE}.rooms.commands:RoomCommands.create_room",
        "await self._store.add_room(stored_room(room))",
        "asyncio.get_running_loop().create_task(self._store.add_room(stored_room(room)))",
        by=("commit before announcement",),
    ),
    one(
        "a room that was refused stays in the database",
        f"{SERVICE}.rooms.commands:RoomCommands.create_room",
        "if is_off:",
        "if False:",
        by=("what is not made leaves nothing",),
    ),
    one(
        "who comes back is not told where they are",
        f"{SERVICE}.rooms.telling:RoomTelling._accepted",
        "if session is None or not session.features or not session.is_accepted:",
        "if True:",
        by=("who comes back is told where they are",),
    ),
    one(
        "an invitation that is over is not taken back",
        f"{SERVICE}.social.parties:Parties._closed",
        "if closed.reason is not None",
        "if False",
        by=("views equal the truth", "nothing is lost"),
    ),
    Mutant(
        "writes are forgotten while the database is away",
        (
            Edit(
                f"{SERVICE}.writes.writer:StoreWriter.keep",
                (("if write.replaces is not None:", "if False:"), ("self._append(entry)", "self.attempt(call)")),
            ),
        ),
        by=("queues empty themselves", "writes are kept"),
    ),
    Mutant(
        "a room is deleted by everybody who asks",
        (
            Edit(
                f"{SERVICE}.rooms.commands:RoomCommands._delete",
                (
                    ("await self._wait_for_deletions(room_id)", "pass"),
                    ("del self._deleting[room_id]", "self._deleting.pop(room_id, None)"),
                ),
            ),
            Edit(
                f"{MACHINE}.rooms:delete",
                (
                    (
                        "return delete_room(books, check_may_delete(books, command.user, command.room_id),",
                        "room = books.rooms.get(command.room_id)\n"
                        "    return [] if room is None else delete_room(books, room,",
                    ),
                ),
            ),
        ),
        by=("what was answered is so",),
    ),
    one(
        "a ban is not written",
        f"{SERVICE}.rooms.telling:RoomTelling._kicked",
        "self._upkeep.keep(room_id, Ban(room_id=room_id, user_id=user_id))",
        "pass",
        by=("writes are kept",),
    ),
    one(
        "a full room is not announced",
        f"{SERVICE}.rooms.upkeep:RoomUpkeep.changed",
        "if room.is_public:",
        "if room.is_public and not room.is_full:",
        by=("changes are announced",),
    ),
    one(
        "members are not told who leaves",
        f"{SERVICE}.rooms.telling:RoomTelling._left",
        "self._announcer.tell_users(stayed, messages.PeerLeft(peerId=departure.member.peer_id))",
        "pass",
        by=("views equal the truth", "nothing is lost"),
    ),
    one(
        "of two changes within a tick the first is not told",
        f"{SERVICE}.fanout.presence_batch:PresenceBatch.take_frames",
        "[*self._before, self._changes], []",
        "[self._changes], []",
        by=("views equal the truth", "nothing is heard twice"),
    ),
    one(
        "lines are kept by node, not as they came",
        f"{SERVICE}.social.chat:Chat._flush",
        "[each for each in self._waiting if _name(each) in self._lines], []",
        "sorted((each for each in self._waiting if _name(each) in self._lines), key=_name), []",
        by=("lines are told in the order in which they were said",),
    ),
    one(
        "lines that the leader before had to keep are forgotten",
        f"{SERVICE}.social.chat:Chat.take_over",
        "[effects.LineToKeep(node, line) for (node, _), line in self._lines.items()]",
        "[]",
        by=("queues empty themselves",),
    ),
    one(
        "chat is swept as a node starts, however new",
        f"{SERVICE}.retention:Retention._sweep",
        "now - timedelta(seconds=self._chat_s)",
        "now",
        by=("what was told is kept",),
    ),
    one(
        "guests are not told that an invitation into a room is over",
        f"{SERVICE}.social.invitations:Invitations._closed",
        "self._announcer.tell_users([each.guest_id], event)",
        "pass",
        by=("views equal the truth", "nothing is lost"),
    ),
    one(
        "a host who was given the room is not written",
        f"{SERVICE}.rooms.telling:RoomTelling._host_replaced",
        "self._upkeep.keep_host(effect.room)",
        "pass",
        by=("writes are kept",),
    ),
)
