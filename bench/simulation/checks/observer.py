"""Looks over the shoulder of every node at every entry of the log: `bench.simulation.nodes.watched.Watch`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.simulation.checks.history import FOLLOWED, History
from bench.simulation.checks.state import fault_of, list_of, summary_of
from bench.simulation.nodes.watched import WatchedLog
from bench.simulation.outside.loop import World
from bench.simulation.outside.store import Database
from lobby_server.backplane.place.standing import TAIL
from lobby_server.backplane.wire import Entry
from lobby_server.core.machine import commands, effects
from lobby_server.core.machine.commands import Command
from lobby_server.core.machine.effects import Effect
from lobby_server.core.machine.image import dump
from lobby_server.core.presence import User
from lobby_server.protocol import messages
from lobby_server.service.app import App

LOOK_EVERY = 40
"""Entries between two looks at the whole state: a look costs more than an entry."""
MOST_WAITING = 5_000
"""Commands of a node that are not applied yet."""
ROOM_JOINED = messages.RoomJoined.TYPE.encode()


@dataclass(frozen=True)
class Violation:
    """Something that must never be."""

    at_s: float
    invariant: str
    how: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.how}"


class Observer:
    """Of one run."""

    def __init__(self, world: World, database: Database, *, tells: bool) -> None:
        """`tells`: whether the story is kept."""
        self.violation: Violation | None = None
        self.story: list[tuple[float, str, str]] = []
        self.history = History()
        self.newest = 0
        """The number of the newest entry that was applied anywhere."""
        self.entries = 0
        """Applied, by all nodes together."""
        self.asked_to_join: Counter[tuple[int, str]] = Counter()
        """User and room: how often a player has asked for it, and the log has not had it yet."""
        self._world = world
        self._database = database
        self._tells = tells
        self._batches: dict[int, bytes] = {}
        self._summaries: dict[tuple[str, int], tuple[tuple[object, ...], str]] = {}
        self._images: dict[tuple[str, int], tuple[int, str]] = {}
        self._revisions: dict[WatchedLog, int] = {}
        self._lists: dict[int, tuple[object, ...]] = {}
        """By revision, of whichever node first."""
        self._apps: dict[WatchedLog, App] = {}
        self._epochs: set[str] = set()
        self._begun: dict[WatchedLog, str] = {}
        """The last epoch that a node began with its own state, or with one that was dumped at its beginning."""
        self._stood: dict[WatchedLog, tuple[str, str]] = {}
        """In which epoch each node was, and how it was called, at its last entry."""
        self._is_first = False
        self._doing: Command | None = None
        """That is being applied."""
        self.has_forked = False
        """Whether something that was applied somewhere is not so any more: see `_fork`."""
        self.begun_s = 0.0
        """When a node began an epoch, the last time."""

    # -- `Watch` --------------------------------------------------------------------------------------------------

    def note(self, who: str, what: str) -> None:
        if self._tells:
            self.story.append((self._world.now_s, who, what))

    def violated(self, invariant: str, how: str) -> None:
        if self.violation is None:
            self.violation = Violation(self._world.now_s, invariant, how)
            self.note("", f"VIOLATED {self.violation}")
            self._world.stop()

    def watch_app(self, app: App, log: WatchedLog) -> None:
        self._apps[log] = app
        for kind in FOLLOWED:
            app.replica.hear(kind, self._hearer(app, log))
        app.replica.hear(effects.Accepted, self._hearer_of_accepted(app, log))
        app.replica.hear(effects.OwnRoomLeft, self._hearer_of_own_room_left(app, log))

    def entry(self, log: WatchedLog, entry: Entry) -> None:
        known = self._batches.get(entry.number)
        self._is_first = known != entry.batch
        if self._is_first and known is not None:
            self._fork(log, entry.number)
        if self._is_first:
            self._batches[entry.number] = entry.batch
            if entry.number == 1:
                self.history.begin_anew()
        self.newest = max(self.newest, entry.number)
        self.entries += 1

    def command(self, log: WatchedLog, command: Command, node: str) -> None:
        self._doing = command
        if isinstance(command, commands.BeginEpoch):
            self._begun[log], self.begun_s = log.position[0], self._world.now_s
            self._begin_epoch(log)
        elif self._is_first:
            if isinstance(command, commands.JoinRoom):
                self._check_asked(command)
            if self._tells:
                self.note(log.node, f"entry {log.number} of {node}: {_told(command)}")
            check = _COMMITTED.get(type(command))
            if check is not None and (what := check(self._database, command)):
                self.violated("commit before announcement", what)

    def applied(self, log: WatchedLog, entry: Entry) -> None:
        app = self._apps[log]
        stands = (log.position[0], log.node)
        stood = self._stood.get(log)
        if stood != stands:
            self._stood[log] = stands
            # Where it took the state of another one it has another name.
            if (
                stood is not None
                and stood[0] != stands[0]
                and stood[1] == stands[1]
                and self._begun.get(log) != stands[0]
            ):
                self.violated("a new epoch has revisions of its own", f"{log.node} has given those of {stood[0]} anew")
        book = app.replica.books.rooms
        held, revision = self._revisions.get(log, 0), book.revision
        if revision < held:
            self.violated("revision only up", f"{log.node} went from {held} to {revision}")
        if revision != held:
            self._revisions[log] = revision
            shown = list_of(book)
            if self._lists.setdefault(revision, shown) != shown:
                self.violated("one revision, one list", f"{log.node} has another list at {revision} than was shown")
            if self._lists.get(held, shown) != shown and not app.announcer.knows_of_rooms:
                self.violated("changes are announced", f"{log.node} tells nobody of its list at {revision}")
        summary = summary_of(app.replica.state)
        first, of = self._summaries.setdefault(log.position, (summary, log.node))
        if first != summary:
            self._differ(log, of)
        if entry.number % LOOK_EVERY == 0:
            self.look(log)

    def _check_asked(self, command: commands.JoinRoom) -> None:
        wish = (command.user.id, command.room_id)
        self.asked_to_join[wish] -= 1
        if self.asked_to_join[wish] < 0:
            self.violated("nobody is moved unasked", f"{command.user.username} into room {command.room_id}")

    def _begin_epoch(self, log: WatchedLog) -> None:
        """Nodes may have stood in two logs until now: from here on there is one."""
        epoch, number = log.position
        if epoch in self._epochs:
            return
        self._epochs.add(epoch)
        self.note(log.node, f"begins epoch {epoch} at entry {number}")
        if self.has_forked:
            self._go_another_way(log, number + 1)

    def _fork(self, log: WatchedLog, number: int) -> None:
        """Valkey has lost its data, and the node that went on from its own state had not seen what a node had that was
        out of reach: what only that one knew is gone, and nobody can help that. Its sessions are closed."""
        self.has_forked = True
        if number > 1:  # else all begins anew
            self._go_another_way(log, number)

    def _go_another_way(self, log: WatchedLog, number: int) -> None:
        """From an entry on, what happens is what happens to this node."""
        self.history.fork(number, [user.id for user in self._apps[log].presence.online()])

    # -- a look at the whole ----------------------------------------------------------------------------------------

    def look(self, log: WatchedLog) -> None:
        """The whole state of a node."""
        state = self._apps[log].replica.state
        if fault := fault_of(state):
            self.violated("the rules hold", f"{log.node} at entry {log.number}: {fault}")
        found = hash(dump(state))
        first, of = self._images.setdefault(log.position, (found, log.node))
        if first != found:
            self._differ(log, of)

    def look_at_queues(self, log: WatchedLog) -> None:
        """Every queue within its bound."""
        app = self._apps[log]
        settings = app.settings
        bound = settings.outbox_log_bytes * max(1, sum(1 for _ in app.fanout.profiles())) * 2
        if app.fanout.logged_bytes > bound:
            self.violated("queues are bounded", f"{log.node} logs {app.fanout.logged_bytes} bytes for those behind")
        if len(log._standing.tail) > TAIL or log.waiting > MOST_WAITING or app.writer.is_full:
            self.violated("queues are bounded", f"{log.node}: {log.waiting} commands, {app.writer.waiting} writes")

    # -- private --------------------------------------------------------------------------------------------------

    def _differ(self, log: WatchedLog, other: str) -> None:
        self.violated("equal position, equal state", f"{log.node} and {other} differ at entry {log.number}")

    def _hearer(self, app: App, log: WatchedLog) -> Callable[[Effect, object], None]:
        def hear(effect: Effect, _: object) -> None:
            if not self._is_first:
                return
            if isinstance(effect, effects.WentOffline) and isinstance(self._doing, commands.NodeDown):
                how = f"{effect.user.username}, as {self._doing.node} ends"
                self.violated("an orderly end takes nobody offline", how)
            if fault := self.history.take(effect, log.number, app.replica.books):
                self.violated(*fault)

        return hear

    def _hearer_of_accepted(self, app: App, log: WatchedLog) -> Callable[[Effect, object], None]:
        """A client with features hears of the room of its user at once: it may have come back."""

        def hear(effect: Effect, session: Any) -> None:
            if session is None or not session.features or not session.is_accepted or session.is_behind:
                return
            user: User = effect.user  # type: ignore[attr-defined]
            room = app.replica.books.rooms.room_of(user.id)
            if room is not None and not session.transport.is_sending(ROOM_JOINED):
                how = f"{user.username} is in room {room.id}, and {log.node} says nothing of it"
                self.violated("who comes back is told where they are", how)

        return hear

    def _hearer_of_own_room_left(self, app: App, log: WatchedLog) -> Callable[[Effect, object], None]:
        """Nobody keeps a connection with a room that is lost: the base protocol has no word for that."""

        def hear(effect: Effect, _: object) -> None:
            user: User = effect.user  # type: ignore[attr-defined]
            if app.presence.is_online(user.id):
                return
            if any(each.is_accepted and not each.features for each in app.sessions.of_user(user.id)):
                self.violated("no room is kept that is lost", f"{log.node} leaves {user.username} with theirs")

        return hear


def _told(command: Command) -> str:
    fields = [f"{name}={_short(getattr(command, name))}" for name in command.__struct_fields__]
    return f"{type(command).__name__}({', '.join(fields)})"


def _short(value: object) -> str:
    if isinstance(value, (str, int, float, tuple)) or value is None:
        return str(value)
    return str(getattr(value, "username", None) or getattr(value, "id", value))


# -- what the database has to have before anybody hears of it ---------------------------------------------------------


def _create_room(database: Database, command: commands.CreateRoom) -> str:
    return "" if command.room.id in database.rooms_made else f"room {command.room.id} is not in the database"


def _tell(database: Database, command: commands.Tell) -> str:
    missing = [line.id for line in command.lines if not database.has_line(line.id)]
    return f"lines {missing} are not in the database" if missing else ""


def _ask_friend(database: Database, command: commands.AskFriend) -> str:
    return "" if command.request.id in database.requests_made else f"friend request {command.request.id} is not there"


def _befriend(database: Database, command: commands.Befriend) -> str:
    pair = (command.request.sender.id, command.request.receiver.id)
    return "" if pair in database.ever_friends else f"the friendship of {pair} is not in the database"


def _block(database: Database, command: commands.Block) -> str:
    pair = (command.user_id, command.other.id)
    return "" if pair in database.ever_blocked else f"the block {pair} is not in the database"


def _sign_out(database: Database, command: commands.SignOut) -> str:
    return "" if database.is_revoked(command.token_id) else f"token {command.token_id} is not revoked in the database"


_COMMITTED: dict[type[Command], Callable[[Database, Any], str]] = {
    commands.CreateRoom: _create_room,
    commands.Tell: _tell,
    commands.AskFriend: _ask_friend,
    commands.Befriend: _befriend,
    commands.Block: _block,
    commands.SignOut: _sign_out,
}
