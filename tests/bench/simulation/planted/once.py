"""What the project did before a seed showed that it was wrong."""

from __future__ import annotations

from tests.bench.simulation.planted.planting import EPOCHS, MACHINE, SERVICE, one

ONCE = (
    one(
        "a replica that has ended is waited for",
        "bench.simulation.outside.valkey:Valkey.stand",
        "at_s <= self.now_s - STANDS_FOR_S",
        "False",
        by=("nodes come back",),
    ),
    one(
        "a node takes another's state under its old name",
        f"{EPOCHS}._start_over_from",
        "self._ways.reborn([RaiseRevision(shown)] if rooms.revision < shown else [])",
        "pass",
        by=("nobody offline with a session",),
    ),
    one(
        "a room that is new is never judged",
        f"{SERVICE}.rooms.upkeep:RoomUpkeep._reconcile",
        "if has_newer:",
        "if False:",
        by=("writes are kept",),
    ),
    one(
        "a room stays whose commit was answered by nobody",
        f"{SERVICE}.rooms.commands:RoomCommands.create_room",
        "self._writer.keep(DeleteRoom(room_id=room.id))",
        "pass",
        by=("what is not made leaves nothing",),
    ),
    one(
        "who made a private room is not let in again",
        f"{SERVICE}.rooms.commands:RoomCommands.create_room",
        "set() if wish.isPublic else {user.id}",
        "set()",
        by=("writes are kept",),
    ),
    one(
        "who came and went is nobody, on a node that is behind too",
        f"{SERVICE}.fanout.presence_batch:PresenceBatch.note",
        "self._is_shared or ",
        "",
        by=("nothing is lost",),
    ),
    one(
        "who went and came within a tick is told alone",
        f"{SERVICE}.fanout.presence_batch:PresenceBatch.note",
        "self._before.append(self._changes)\n        self._changes = {user.id: (user, is_online, self._newcomers)}",
        "self._changes[user.id] = (user, is_online, self._newcomers)",
        by=("nothing is heard twice",),
    ),
    one(
        "a new epoch goes on with revisions that were shown",
        f"{EPOCHS}._begin",
        "if opened_s:",
        "if False:",
        by=("a new epoch has revisions of its own",),
    ),
    one(
        "what the log did not take between two users waits for a restart",
        f"{SERVICE}.social.ties:Ties.look_again",
        "self._look.again()",
        "return",
        by=("writes are kept", "what was answered stays so"),
    ),
    one(
        "a lobby that outlives a later one goes on with its own revisions",
        f"{SERVICE}.rooms.revision_mark:RevisionMark.floor",
        "if mark <= self._book.revision + RESERVED:",
        "if True:",
        by=("revision only up",),
    ),
    one(
        "two epochs from one place have revisions in common",
        f"{MACHINE}.rooms:begin_epoch",
        "min(int(command.silence_s * REVISIONS_PER_S), MOST_REVISIONS_LOST)",
        "100_000",
        by=("one revision, one list",),
    ),
    one(
        "a base client stays in a room that it has lost",
        f"{SERVICE}.rooms.telling:RoomTelling._own_room_left",
        "if not self._replica.books.presence.is_online(effect.user.id):",
        "if False:",
        by=("no room is kept that is lost",),
    ),
)
