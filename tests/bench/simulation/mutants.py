"""Wrong variants of the rules, the service, the log and the clients: what the simulation has to find.

A mutant is a place and what stands there in place of what should. Its function is compiled anew from the changed text;
where the text is not found any more, the mutant is out of date and says so.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import textwrap
from dataclasses import dataclass
from typing import Any

import pytest

from lobby_server.core.machine import state


@dataclass(frozen=True)
class Edit:
    """`place`: module and name, ``package.module:Class.method``. `changes`: what is right there, and what is wrong."""

    place: str
    changes: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Mutant:
    name: str
    edits: tuple[Edit, ...]

    def put_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """From now on the project has this fault."""
        for edit in self.edits:
            _apply(edit, monkeypatch)


def _apply(edit: Edit, monkeypatch: pytest.MonkeyPatch) -> None:
    module_name, _, path = edit.place.partition(":")
    module = importlib.import_module(module_name)
    owner: Any = module
    *owners, name = path.split(".")
    for each in owners:
        owner = getattr(owner, each)
    original = getattr(owner, name)
    source = textwrap.dedent(inspect.getsource(original))
    for right, wrong in edit.changes:
        assert right in source, f"{edit.place} has changed: it does not contain {right!r} any more"
        source = source.replace(right, wrong)
    names: dict[str, Any] = {}
    exec(compile(source, f"<mutant of {edit.place}>", "exec"), module.__dict__, names)
    mutated = names[name]
    monkeypatch.setattr(owner, name, mutated)
    if owner is module:
        for other in _importers(original):
            monkeypatch.setattr(other, name, mutated)
    for table in (state._CHANGES, state._CHANGES_BY_NODE):
        for command, change in table.items():
            if change is original:
                monkeypatch.setitem(table, command, mutated)  # type: ignore[arg-type]


def _importers(function: Any) -> list[Any]:
    """Modules of the project that call a function by its own name, which they have imported."""
    name = function.__name__
    return [
        module
        for module_name, module in list(sys.modules.items())
        if module_name.startswith(("bench.", "loadtest.", "lobby_server.")) and vars(module).get(name) is function
    ]


def _one(name: str, place: str, right: str, wrong: str) -> Mutant:
    return Mutant(name, (Edit(place, ((right, wrong),)),))


ROOMS, PRESENCE = "lobby_server.core.rooms", "lobby_server.core.presence:Presence"
MACHINE, SERVICE = "lobby_server.core.machine", "lobby_server.service"
BACKPLANE, CLIENT = "lobby_server.backplane", "loadtest.client"
EPOCHS = f"{BACKPLANE}.place.epochs:Epochs"

RULES = (
    _one("one place too many", f"{ROOMS}.admission:check_may_enter", "> room.max_players:", "> room.max_players + 1:"),
    _one(
        "bans are not looked at",
        f"{ROOMS}.admission:check_may_enter",
        "if any(user.id in room.banned_user_ids for user in party):",
        "if False:",
    ),
    _one(
        "who enters a room does not leave theirs",
        f"{ROOMS}.book:RoomBook._join",
        "self.leave(user.id, now_s=now_s)",
        "None",
    ),
    _one("the host's place is not handed over", f"{ROOMS}.book:RoomBook.leave", "room.host = new_host.user", "pass"),
    _one(
        "the blocked are heard in rooms",
        f"{MACHINE}.rooms:say",
        "if not books.blocks.blocks(member_id, user_id)",
        "if True",
    ),
    _one(
        "the blocked are heard in the lobby",
        f"{MACHINE}.social:_said",
        "deaf = books.blocks.blockers_of(line.sender.id)",
        "deaf = frozenset()",
    ),
    _one("the first of two sockets ends both", f"{PRESENCE}.leave", "if len(sockets) > 1:", "if len(sockets) > 2:"),
    _one(
        "every socket is a user who comes online",
        f"{PRESENCE}.arrive",
        "if user_id in self._users:\n        return False",
        "pass",
    ),
    _one(
        "the users of a lost node stay",
        f"{MACHINE}.presence:lose_node",
        "books.presence.lose_node(node, now_s=now_s, grace_s=grace_s)",
        "[]",
    ),
    _one(
        "a token that is signed out holds",
        f"{MACHINE}.presence:sign_out",
        "_revoke(books.revoked, command.token_id, command.expires_at_s, command.now_s)",
        "pass",
    ),
    _one(
        "what is done twice is done twice",
        f"{MACHINE}.state:LobbyState.is_new",
        "<= known.sequence",
        "< known.sequence",
    ),
    _one(
        "a snapshot forgets who has used chat",
        f"{MACHINE}.image:_load",
        "books.chatters.update(image.chatters)",
        "pass",
    ),
    _one(
        "a place in a room is given again",
        f"{ROOMS}.book:RoomBook._enter",
        "Member(user, room.next_peer_id)",
        "Member(user, 1 + max((each.peer_id for each in room.members.values()), default=0))",
    ),
    _one(
        "a room that is entered again is deleted all the same",
        f"{ROOMS}.book:RoomBook._enter",
        "room.empty_until_s = None",
        "pass",
    ),
    _one(
        "whoever comes late enters a room that has started",
        f"{ROOMS}.admission:check_may_enter",
        "if room.players is not None and",
        "if False and",
    ),
    _one(
        "an invitation outlives its room",
        f"{MACHINE}.rooms:_gone",
        "books.matches.take(room.id, lambda each: True)",
        "[]",
    ),
    _one(
        "an invitation into a party outlives the membership of its sender",
        "lobby_server.core.parties:PartyBook._leave",
        "if is_gone or invitation.sender.id == user_id:",
        "if is_gone:",
    ),
    _one(
        "a block that comes while a line is kept comes too late",
        f"{MACHINE}.social:_said",
        "not line.is_withheld and other_id not in deaf",
        "not line.is_withheld",
    ),
    _one(
        "users of a node that ends are offline",
        f"{MACHINE}.state:LobbyState._apply_to_nodes",
        "grace_s = max(grace_s, command.grace_s)",
        "pass",
    ),
)
"""Of the core."""

SERVICES = (
    _one(
        "a room is told of before it is committed",
        f"{SERVICE}.rooms.commands:RoomCommands.create_room",
        "await self._store.add_room(stored_room(room))",
        "asyncio.get_running_loop().create_task(self._store.add_room(stored_room(room)))",
    ),
    _one(
        "a room that was refused stays in the database",
        f"{SERVICE}.rooms.commands:RoomCommands.create_room",
        "if is_off:",
        "if False:",
    ),
    _one(
        "who comes back is not told where they are",
        f"{SERVICE}.rooms.telling:RoomTelling._accepted",
        "if session is None or not session.features or not session.is_accepted:",
        "if True:",
    ),
    _one(
        "an invitation that is over is not taken back",
        f"{SERVICE}.social.parties:Parties._closed",
        "if closed.reason is not None",
        "if False",
    ),
    Mutant(
        "writes are forgotten while the database is away",
        (
            Edit(
                f"{SERVICE}.writes.writer:StoreWriter.keep",
                (("if write.replaces is not None:", "if False:"), ("self._append(entry)", "self.attempt(call)")),
            ),
        ),
    ),
    Mutant(
        "a room is deleted by everybody who asks",
        (
            Edit(
                f"{SERVICE}.rooms.commands:RoomCommands._delete",
                (
                    (
                        "while (under_way := self._deleting.get(room_id)) is not None:\n        await under_way.wait()",
                        "pass",
                    ),
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
    ),
    _one("a ban is not written", f"{SERVICE}.rooms.telling:RoomTelling._kicked", "self._upkeep.keep(", "str("),
    _one(
        "a full room is not announced",
        f"{SERVICE}.rooms.upkeep:RoomUpkeep.changed",
        "if room.is_public:",
        "if room.is_public and not room.is_full:",
    ),
    _one(
        "members are not told who leaves",
        f"{SERVICE}.rooms.telling:RoomTelling._left",
        "self._announcer.tell_users(stayed, messages.PeerLeft(peerId=departure.member.peer_id))",
        "pass",
    ),
    _one(
        "of two changes within a tick the first is not told",
        f"{SERVICE}.fanout.presence_batch:PresenceBatch.take_frames",
        "[*self._before, self._changes], []",
        "[self._changes], []",
    ),
    _one(
        "lines are kept by node, not as they came",
        f"{SERVICE}.social.chat:Chat._flush",
        "[each for each in self._waiting if _name(each) in self._lines], []",
        "sorted((each for each in self._waiting if _name(each) in self._lines), key=_name), []",
    ),
    _one(
        "lines that the leader before had to keep are forgotten",
        f"{SERVICE}.social.chat:Chat.take_over",
        "[effects.LineToKeep(node, line) for (node, _), line in self._lines.items()]",
        "[]",
    ),
    _one(
        "chat is swept as a node starts, however new",
        f"{SERVICE}.retention:Retention._sweep",
        "now - timedelta(seconds=self._chat_s)",
        "now",
    ),
    _one(
        "guests are not told that an invitation into a room is over",
        f"{SERVICE}.social.invitations:Invitations._closed",
        "self._announcer.tell_users([each.guest_id], event)",
        "pass",
    ),
    _one(
        "a host who was given the room is not written",
        f"{SERVICE}.rooms.telling:RoomTelling._host_replaced",
        "self._upkeep.keep_host(effect.room)",
        "pass",
    ),
)
"""Of the service."""

LOGS = (
    _one(
        "what was under way is not sent again", f"{BACKPLANE}.node.writing:Writer.run", "if self._resend:", "if False:"
    ),
    _one("sockets are not announced anew", f"{BACKPLANE}.log:ValkeyLog._reborn", ", *self._announce()]", "]"),
    _one(
        "a batch stays in the outbox",
        "lobby_server.backplane.node.outbox:Outbox.applied",
        ".pop(sequence, None)",
        ".get(sequence)",
    ),
    _one(
        "sockets are announced twice",
        f"{BACKPLANE}.log:ValkeyLog._reborn",
        "*self._announce()]",
        "*self._announce(), *self._announce()]",
    ),
    Mutant(
        "a gap is passed over",
        (
            Edit(
                f"{BACKPLANE}.node.reading:Reader._read",
                (("if entry.number != standing.number + 1:", "if False:"),),
            ),
            Edit(f"{EPOCHS}.come_back", (("if first == standing.number + 1 or", "if True or"),)),
        ),
    ),
    _one(
        "the cursor stands one entry back",
        f"{EPOCHS}._load",
        "standing.go_to(snapshot.epoch, snapshot.number,",
        "standing.go_to(snapshot.epoch, snapshot.number - 1,",
    ),
    _one(
        "the cursor stands one entry ahead",
        f"{EPOCHS}._load",
        "standing.go_to(snapshot.epoch, snapshot.number,",
        "standing.go_to(snapshot.epoch, snapshot.number + 1,",
    ),
    _one(
        "sessions live on with what they have missed",
        f"{SERVICE}.nodes:Nodes._reset",
        "for session in list(self._sessions):",
        "for session in ():",
    ),
    _one(
        "a node that is silent is never given up",
        f"{BACKPLANE}.node.house:House._look_for_the_lost",
        "if name not in self.reports and name in self._state.nodes:",
        "if False:",
    ),
    _one(
        "a node with a new name goes on with its old numbers",
        f"{BACKPLANE}.node.outbox:Outbox.restart",
        "self.node, self._sequence = node, 0",
        "self.node = node",
    ),
    _one(
        "the last entry that was missed is left out",
        f"{EPOCHS}._go_on_from",
        "for entry in missed:",
        "for entry in missed[:-1]:",
    ),
)
"""Of the log."""

CLIENTS = (
    _one(
        "a dead connection is not noticed",
        f"{CLIENT}.timing:HeartbeatTimer.is_dead",
        "return now_s",
        "return False and now_s",
    ),
    _one(
        "the list is not fetched after a reconnect",
        f"{CLIENT}.lists.server_list:ServerList.__init__",
        "connection.connection_established.connect(self.refresh)",
        "pass",
    ),
    _one(
        "an announcement with a revision is passed over",
        f"{CLIENT}.lists.server_list:ServerList._is_fetch_needed",
        "self._announced_revision != self._held_revision",
        "False",
    ),
    _one(
        "a closed connection is not opened again",
        f"{CLIENT}.sockets.link:ended_by_close_frame",
        "None if may_reconnect(code) else",
        "",
    ),
    _one(
        "a device that comes back pulls its user into its old room",
        "bench.simulation.clients.player:Player._established",
        "self.room = None",
        "self.room is not None and self.connection.join_room(self.room.room_id)\n    self.room = None",
    ),
    _one(
        "a worker that joins late has users of others",
        "loadtest.workload.identities:Share.number",
        "self.late * FIRST_LATE_NUMBER + local if self.late else",
        "",
    ),
)
"""Of the client library and the swarm, and of a page's rule."""

ONCE = (
    _one(
        "a replica that has ended is waited for",
        "bench.simulation.outside.valkey:Valkey.stand",
        "at_s <= self.now_s - STANDS_FOR_S",
        "False",
    ),
    _one(
        "a node takes another's state under its old name", f"{EPOCHS}._start_over_from", "self._ways.reborn()", "pass"
    ),
    _one(
        "a room that is new is never judged",
        f"{SERVICE}.rooms.upkeep:RoomUpkeep._reconcile",
        "if has_newer:",
        "if False:",
    ),
    _one(
        "a room stays whose commit was answered by nobody",
        f"{SERVICE}.rooms.commands:RoomCommands.create_room",
        "self._writer.keep(DeleteRoom(room_id=room.id))",
        "pass",
    ),
    _one(
        "who made a private room is not let in again",
        f"{SERVICE}.rooms.commands:RoomCommands.create_room",
        "set() if wish.isPublic else {user.id}",
        "set()",
    ),
    _one(
        "who came and went is nobody, on a node that is behind too",
        f"{SERVICE}.fanout.presence_batch:PresenceBatch.note",
        "self._is_shared or ",
        "",
    ),
    _one(
        "who went and came within a tick is told alone",
        f"{SERVICE}.fanout.presence_batch:PresenceBatch.note",
        "self._before.append(self._changes)\n        self._changes = {user.id: (user, is_online, self._newcomers)}",
        "self._changes[user.id] = (user, is_online, self._newcomers)",
    ),
    _one("a new epoch goes on with revisions that were shown", f"{EPOCHS}._begin", "if opened_s:", "if False:"),
    _one(
        "two epochs from one place have revisions in common",
        f"{MACHINE}.rooms:begin_epoch",
        "min(int(command.silence_s * REVISIONS_PER_S), MOST_REVISIONS_LOST)",
        "100_000",
    ),
    _one(
        "a base client stays in a room that it has lost",
        f"{SERVICE}.rooms.telling:RoomTelling._own_room_left",
        "if not self._replica.books.presence.is_online(effect.user.id):",
        "if False:",
    ),
)
"""What the project did before a seed showed that it was wrong."""

PARTS = {"rules": RULES, "service": SERVICES, "log": LOGS, "clients": CLIENTS, "as it once was": ONCE}
MUTANTS = tuple(mutant for mutants in PARTS.values() for mutant in mutants)
