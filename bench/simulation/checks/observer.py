"""Looks over the shoulder of every node at every entry of the log: `bench.simulation.nodes.watched.Watch`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import cast

from bench.simulation.checks.branches import Place, lies_on
from bench.simulation.checks.committed import COMMITTED
from bench.simulation.checks.history import FOLLOWED, History
from bench.simulation.checks.promises.ledger import PROMISED_KINDS
from bench.simulation.checks.rulings import PUT_OUT, RULED, Rulings
from bench.simulation.checks.standing import StandingWatch
from bench.simulation.checks.state import fault_of, list_of, summary_of
from bench.simulation.checks.tokens import TokenWatch
from bench.simulation.nodes.watched import WatchedLog
from bench.simulation.outside.loop import NodeClock, World
from bench.simulation.outside.store import Database
from bench.simulation.outside.wire import Wire
from lobby_server.backplane.place.standing import TAIL
from lobby_server.backplane.wire import Entry
from lobby_server.core.machine import commands, effects
from lobby_server.core.machine.commands import Command
from lobby_server.core.machine.effects import Effect
from lobby_server.core.machine.image import dump
from lobby_server.protocol import messages
from lobby_server.protocol.codes import CloseCode
from lobby_server.service.app import App
from lobby_server.service.replica import Hear
from lobby_server.service.session import Session

LOOK_EVERY = 40
"""Entries between two looks at the whole state: a look costs more than an entry."""
MOST_WAITING = 5_000
"""Commands of a node that are not applied yet."""
CLOCK_SET_S = 14.0
"""Longer than a connection waits for its place in the log."""
UNNOTICED = frozenset({CloseCode.SERVICE_RESTART, 1013, 1014})
"""Close codes that clients of the base protocol may not notice (Godot 3)."""
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

    def __init__(self, world: World, database: Database, *, rulings: Rulings, tells: bool) -> None:
        """`tells`: whether the story is kept."""
        self.violation: Violation | None = None
        self.story: list[tuple[float, str, str]] = []
        self.history = History()
        self.entries = 0
        """Applied, by all nodes together."""
        self.asked_to_join: Counter[tuple[int, str]] = Counter()
        """User and room: how often a player has asked for it."""
        self._joined: dict[tuple[int, str], list[Place]] = {}
        """The same: where the log has it. One that went another way may have it there as well."""
        self._world = world
        self._database = database
        self._tells = tells
        self._rulings = rulings
        self._summaries: dict[tuple[str, int], tuple[tuple[object, ...], str]] = {}
        self._images: dict[tuple[str, int], tuple[int, str]] = {}
        self._revisions: dict[WatchedLog, int] = {}
        self._highest: dict[WatchedLog, int] = {}
        """Of all revisions of the list that a node has shown."""
        self._lists: dict[int, tuple[object, ...]] = {}
        """By revision, of whichever node first."""
        self._apps: dict[WatchedLog, App] = {}
        self._begun: dict[WatchedLog, str] = {}
        """The last epoch that a node began with its own state, or with one that was dumped at its beginning."""
        self._stood: dict[WatchedLog, tuple[str, str]] = {}
        """In which epoch each node was, and how it was called, at its last entry."""
        self._epochs: set[str] = set()
        """That have begun."""
        self._ban: dict[int, commands.BanUser | None] = {}
        """By user, the ban that was decided last; None: that they are banned no more."""
        self.shown = 0
        """The highest revision of the list on any node."""
        self._place: Place = ("", 0)
        """Of the entry that is being applied."""
        self._is_first = False
        """Whether nobody has applied it before."""
        self._doing: Command | None = None
        """That is being applied."""
        self.begun_s = 0.0
        """When a node began an epoch, the last time."""
        self.tokens = TokenWatch(world, self.violated)
        self.standing: StandingWatch | None = None
        """Where machines can stand still."""
        self.shows_token, self.has_shown_token = self.tokens.shows, self.tokens.has_shown

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
        welcome = app.announcer.welcome

        def watched(session: Session) -> None:
            cast(Wire, session.transport).accepted_at = log.position
            self.tokens.greeted(session)
            welcome(session)

        vars(app.announcer)["welcome"] = watched
        hear = app.replica.hear
        for kind in FOLLOWED:
            hear(kind, self._hearer(app, log))
        for kind in RULED:
            hear(kind, self._hearer_of_ruled(app))
        for kind in PROMISED_KINDS:
            hear(kind, self._hearer_of_promises(app))
        hear(effects.Accepted, self._hearer_of_accepted(app, log))
        hear(effects.UserPutOut, self._hearer_of_put_out(app, log))
        hear(effects.OwnRoomLeft, self._hearer_of_own_room_left(app, log))
        self.tokens.watch_app(app)

    def opened(self, epoch: str, previous: str, number: int) -> None:
        self.history.branches.open(epoch, previous, number)

    def entry(self, log: WatchedLog, entry: Entry) -> None:
        epoch = log.position[0]
        self._place = (epoch, entry.number)
        self._is_first = self.history.branches.apply(self._place)
        if self._is_first and epoch not in self._epochs:
            self._begin(log, epoch)
        self.entries += 1

    def _begin(self, log: WatchedLog, epoch: str) -> None:
        """An epoch begins, from the state of this node: its first entry is about to be applied."""
        self._epochs.add(epoch)
        app = self._apps[log]
        is_new = not self.history.branches.parent_of(epoch)[0]
        self.history.begin(epoch, [user.id for user in app.presence.online()])
        self.history.promises.begin(epoch, app.replica.books)
        self._rulings.begin(app.replica.books, is_new=is_new)
        revision = app.replica.books.rooms.revision
        if is_new and revision <= self.shown:
            self.violated("revision only up", f"a new lobby begins at {revision}, and {self.shown} was shown")

    def command(self, log: WatchedLog, command: Command, node: str) -> None:
        self._doing = command
        if isinstance(command, commands.BeginEpoch):
            self._begun[log], self.begun_s = log.position[0], self._world.now_s
            self.note(log.node, f"begins epoch {log.position[0]} at entry {log.position[1]}")
        elif self._is_first:
            if isinstance(command, commands.JoinRoom):
                self._check_asked(command)
            if self._tells:
                self.note(log.node, f"entry {log.number} of {node}: {_told(command)}")
            check = COMMITTED.get(type(command))
            if check is not None and (what := check(self._database, command)):
                self.violated("commit before announcement", what)
            if isinstance(command, commands.NodeLost) and self.standing is not None:
                self.standing.gives_up(command.node, by=node)
            if isinstance(command, commands.BanUser):
                self.history.bans.setdefault(command.user.id, []).append(self._place)
            elif isinstance(command, commands.UnbanUser):
                self.history.bans.setdefault(command.user_id, []).append(self._place)
            if isinstance(command, commands.BanUser):
                self._ban[command.user.id] = command
            elif isinstance(command, commands.UnbanUser):
                self._ban[command.user_id] = None
            self._rulings.before(command, self._apps[log].replica.books)

    def done(self, log: WatchedLog, command: Command) -> None:
        if self._is_first and not isinstance(command, commands.BeginEpoch):
            for ruling in self._rulings.after(command, self._apps[log].replica.books):
                self.violated(*ruling)

    def closes(self, session: Session, code: int, reason: str) -> None:
        self.tokens.closes(session, code, reason)
        if self.standing is not None:
            self.standing.closes(session, code)
        if not session.features and code in UNNOTICED:
            self.violated("base clients notice that they are closed", f"session {session.id} is closed with {code}")

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
        highest = self._highest.get(log, 0)
        if revision < highest and log.takes_part:  # one that took another state says first what it has shown
            self.violated("revision only up", f"{log.node} went from {highest} to {revision}")
        if revision != held:
            self._revisions[log] = revision
            self._highest[log] = max(highest, revision)
            self.shown = max(self.shown, revision)
            shown = list_of(book)
            if self._lists.setdefault(revision, shown) != shown:
                self.violated("one revision, one list", f"{log.node} has another list at {revision} than was shown")
            # One that took another state, under another name, has closed all its sessions: those that it has now began
            # with the list of that state.
            is_told = app.announcer.knows_of_rooms or (stood is not None and stood[1] != stands[1])
            if self._lists.get(held, shown) != shown and not is_told:
                self.violated("changes are announced", f"{log.node} tells nobody of its list at {revision}")
        summary = summary_of(app.replica.state)
        first, of = self._summaries.setdefault(log.position, (summary, log.node))
        if first != summary:
            self._differ(log, of)
        if entry.number % LOOK_EVERY == 0:
            self.look(log)

    def _check_asked(self, command: commands.JoinRoom) -> None:
        wish = (command.user.id, command.room_id)
        joined, path = self._joined.setdefault(wish, []), self.history.branches.path(self._place[0])
        joined.append(self._place)
        if sum(lies_on(path, each) for each in joined) > self.asked_to_join[wish]:
            self.violated("nobody is moved unasked", f"{command.user.username} into room {command.room_id}")

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

    def _hearer(self, app: App, log: WatchedLog) -> Hear:
        def hear(effect: Effect, _: Session | None) -> None:
            if not self._is_first:
                return
            if isinstance(effect, effects.WentOffline) and isinstance(self._doing, commands.NodeDown):
                how = f"{effect.user.username}, as {self._doing.node} ends"
                self.violated("an orderly end takes nobody offline", how)
            if fault := self.history.take(effect, self._place, app.replica.books):
                self.violated(*fault)

        return hear

    def _hearer_of_promises(self, app: App) -> Hear:
        books = app.replica.books

        def hear(effect: Effect, _: Session | None) -> None:
            if self._is_first and self._doing is not None:
                self.history.promises.take(effect, self._doing, self._place, books)

        return hear

    def _hearer_of_ruled(self, app: App) -> Hear:
        replica = app.replica

        def hear(effect: Effect, _: Session | None) -> None:
            if self._is_first and self._doing is not None:
                now_s = replica.state.now_s
                for ruling in self._rulings.heard(effect, self._doing, replica.books, now_s=now_s):
                    self.violated(*ruling)

        return hear

    def _hearer_of_accepted(self, app: App, log: WatchedLog) -> Hear:
        """A client with features hears of the room of its user at once: it may have come back."""

        def hear(effect: effects.Accepted, session: Session | None) -> None:
            user = effect.user
            if session is None:
                return
            wire = cast(Wire, session.transport)
            wire.arrived_at = log.position
            if session.is_accepted and self._is_banned(user.id, app, log):
                self.violated("who is banned stays out", f"{user.username} comes to {log.node}")
            if not session.features or not session.is_accepted or session.is_behind:
                return
            room = app.replica.books.rooms.room_of(user.id)
            if room is not None and not wire.is_sending(ROOM_JOINED):
                how = f"{user.username} is in room {room.id}, and {log.node} says nothing of it"
                self.violated("who comes back is told where they are", how)
            if self._is_first and room is None:
                what = self._rulings.to_be_told(user.id, now_s=app.replica.state.now_s)
                if what and not wire.is_sending(what.encode()):
                    self.violated(PUT_OUT, f"{user.username} comes back, and {log.node} does not say {what}")

        return hear

    def _is_banned(self, user_id: int, app: App, log: WatchedLog) -> bool:
        """By the clock of that node, and as the log has it. Within a while of a change of the clock nobody can tell
        what it said as the token was looked at."""
        decided, known = self.history.bans.get(user_id), self._ban.get(user_id)
        if not decided or known is None:
            return False
        if decided[-1][0] == self._place[0] and decided[-1][1] >= self._place[1]:
            return False  # this node is behind, and will hear of it
        ban, clock = self._database.kept_bans().get(user_id), cast(NodeClock, app.clock)
        is_certain = self._world.now_s - clock.set_at_s > CLOCK_SET_S
        # a later ban may be in the database before the log has it: the one that was decided is what counts
        holds = ban is not None and (known.until_s is None or known.until_s > clock.utc_now().timestamp())
        branches, epoch = self.history.branches, log.position[0]
        if ban is not None and ban.until is not None and not lies_on(branches.path(epoch), decided[-1]):
            return False  # a lobby that began anew has taken it up, or not, by the clock of another node
        return is_certain and holds and lies_on(branches.kept(epoch), decided[-1])

    def _hearer_of_put_out(self, app: App, log: WatchedLog) -> Hear:
        """Whoever is kicked out of the lobby, or banned, has no connection any more."""

        def hear(effect: effects.UserPutOut, _: Session | None) -> None:
            user = effect.user
            if any(each.is_accepted for each in app.sessions.of_user(user.id)):
                self.violated("who is put out has no connection", f"{log.node} keeps that of {user.username}")

        return hear

    def _hearer_of_own_room_left(self, app: App, log: WatchedLog) -> Hear:
        """Nobody keeps a connection with a room that is lost: the base protocol has no word for that."""

        def hear(effect: effects.OwnRoomLeft, session: Session | None) -> None:
            user = effect.user
            if session is not None:
                self.history.promises.asked(log.position, session.transport)
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
