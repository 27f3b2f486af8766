"""One schedule, from an empty world to a verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any, cast

from greenlet import getcurrent

from bench.simulation import faults, standstill
from bench.simulation.cast import cast_of
from bench.simulation.checks import heard, quiet
from bench.simulation.checks.answers import Answers
from bench.simulation.checks.branches import Place
from bench.simulation.checks.limits import Limits
from bench.simulation.checks.observer import Observer, Violation
from bench.simulation.checks.rulings import CODES, Rulings
from bench.simulation.checks.standing import StandingWatch
from bench.simulation.clients.deeds import Scene
from bench.simulation.clients.doing import do
from bench.simulation.clients.network import Network
from bench.simulation.clients.player import Player
from bench.simulation.clients.reading import Read
from bench.simulation.faults import Stage
from bench.simulation.nodes.calls import Answer
from bench.simulation.nodes.node import SECRET, Claimed, Node
from bench.simulation.outside.issuing import DAY_S, Issuer
from bench.simulation.outside.loop import BEGINNING, GoesRound, NodeClock, ProcessLoop, World
from bench.simulation.outside.machine import Machine
from bench.simulation.outside.passwords import account_of
from bench.simulation.outside.store import Database
from bench.simulation.outside.valkey import Valkey
from bench.simulation.schedule import BEGIN_S, LASTS_S, NODES, Schedule
from bench.simulation.standstill import Standstills
from loadtest.client.timing import Timing
from lobby_server.backplane.wire import decode_snapshot
from lobby_server.core.presence import User
from lobby_server.settings import Settings

NODE_TIMEOUT_S = 3.0
OPERATOR = User(900_001, "operator")
"""An administrator, who does not play."""
TIMING = Timing(heartbeat_s=5.0, silence_limit_s=12.0, connect_timeout_s=2.0, handshake_timeout_s=4.0)
SETTLES_S = 19.0
"""After the last event: longer than every time-out one after the other."""
AT_MOST_S = 130.0
"""After which things have to be quiet. A room that is in the database only is waited for, for a minute or two."""
NODE_NAMES = "abcdefgh"[:NODES]
CHECK_AGAIN_S = 4.0
FRESH_TTL_S = 8
"""Of a token that was refreshed, in half of the seeds: it ends within the run as well."""
BRIEF_LOGINS_S = 13.0
"""After the first deed: tokens of logins by then may end."""
QUEUES_EVERY_S = 1.0


@dataclass(frozen=True)
class Outcome:
    """What became of a schedule. `violation` None: everything held."""

    schedule: Schedule
    violation: Violation | None
    story: list[tuple[float, str, str]] = field(default_factory=list)
    entries: int = 0
    calls: int = 0
    virtual_s: float = 0.0


def settings_of(seed: int) -> Settings:
    """What the servers of a run are set to: short times, so that everything has its turn."""
    random = Random(f"settings/{seed}")
    return Settings(
        command_rate_per_s=0.0, auth_rate_per_min=6.0, social_rate_per_min=0.0, chat_rate_per_min=0.0,
        presence_grace_s=random.choice((0.0, 0.0, 3.0)), empty_room_ttl_s=random.choice((4.0, 10.0)),
        heartbeat_timeout_s=12.0, handshake_timeout_s=4.0, party_invite_ttl_s=8.0, party_offline_ttl_s=5.0,
        drain_s=2.0, database_wait_s=8.0, rooms_notify_interval_ms=random.choice((0.0, 250.0)),
        outbox_log_age_s=10.0, ack_percent=random.choice((0.0, 20.0)),
        token_ttl_s=Random(f"settings/{seed}/tokens").choice((FRESH_TTL_S, DAY_S)),
    )  # fmt: skip


class Simulation:
    """Of one schedule."""

    def __init__(self, schedule: Schedule, *, tells: bool = False) -> None:
        seed = f"run/{schedule.seed}"
        self.schedule = schedule
        self.world = World()
        self.world.hub = getcurrent()
        self.valkey = Valkey(self.world)
        self.database = Database()
        settings = settings_of(schedule.seed)
        self._rulings = Rulings(grace_s=settings.presence_grace_s)
        self.observer = Observer(self.world, self.database, rulings=self._rulings, tells=tells)
        self.valkey.hear_opened = self._opened
        limits = Limits(rate_per_s=settings.auth_rate_per_min / 60, burst=settings.auth_rate_per_min)
        self.valkey.hear_lost = limits.lost
        self.answers = Answers(self.observer.history, self.database, limits)
        signed: dict[str, Claimed] = {}
        self.nodes = [
            Node(
                name, self.world, settings=settings, node_timeout_s=NODE_TIMEOUT_S, valkey=self.valkey,
                database=self.database, watch=self.observer, seed=seed, signed=signed,
            )
            for name in NODE_NAMES
        ]  # fmt: skip
        self._clients = Machine(self.world)
        self.observer.standing = standing = StandingWatch(
            self.world, nodes=self.nodes, valkey=self.valkey, violated=self.observer.violated,
            heartbeat_s=settings.heartbeat_timeout_s, node_timeout_s=NODE_TIMEOUT_S,
        )  # fmt: skip
        outside = ProcessLoop(self.world, booted_s=0.0, on_fault=lambda what: None)
        self._issuer = Issuer(SECRET, NodeClock(outside))
        self.players = self._make_players(seed)
        self.scene = Scene(
            self.players, answered=self._answered, new_token=self._new_token, new_brief_token=self._new_brief_token,
            note=self.observer.note, asked_to_join=self.observer.asked_to_join,
            operator_token=self._issuer.issue(OPERATOR),
        )  # fmt: skip
        standstills = Standstills(
            self.world, nodes=self.nodes, valkey=self.valkey, database=self.database, clients=self._clients,
            wires=lambda: [wire for player in self.players for wire in player.network.wires],
            note=self.observer.note, began=standing.began, ended=self._goes_on,
        )  # fmt: skip
        self.stage = Stage(self.world, self.nodes, self.players, self.valkey, self.observer.note, standstills)

    def run(self) -> Outcome:
        """The verdict."""
        world = self.world
        for number, node in enumerate(self.nodes):
            world.call_later(0.05 * number, node.start)
        for number, player in enumerate(self.players if not self.schedule.cast else ()):
            world.call_later(1.8 + 0.02 * number, player.connect)
        for event in self.schedule.events:
            if event.is_fault:
                act: Callable[[], Any] = partial(faults.begin, self.stage, event.what, event.who, event.a, event.b)
            else:
                act = partial(do, self.scene, self.players[event.who], event.what, event.a, event.b)
            world.call_at(event.at_s, act)
        world.call_later(QUEUES_EVERY_S, self._look_at_queues)
        try:
            end_s = max([BEGIN_S, *(event.at_s for event in self.schedule.events)])
            world.run(end_s if self.schedule.cast else min(end_s, BEGIN_S + LASTS_S))
            if self.observer.violation is None:
                faults.mend(self.stage)
                self.observer.note("", "everything is mended; things become quiet")
                if not any(node.ahead_s for node in self.nodes):
                    self.observer.tokens.calm_since_s = world.now_s
                world.run(world.now_s + SETTLES_S)
            self._settle()
        except GoesRound as fault:
            self.observer.violated("time goes on", str(fault))
        finally:
            outcome = Outcome(
                self.schedule, self.observer.violation, self.observer.story, self.observer.entries, world.calls,
                world.now_s,
            )  # fmt: skip
            self._bury()
        return outcome

    # -- private --------------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        give_up_s = self.world.now_s + AT_MOST_S - SETTLES_S
        for invariant, how in quiet.left_behind(self.nodes, self.database, self.observer.history.rooms_made):
            self.observer.violated(invariant, how)
        fetched_s = -1.0
        while self.observer.violation is None:
            if self.observer.history.branches.has_forked and fetched_s < self.observer.begun_s:
                fetched_s = self.world.now_s
                self._fetch_anew()
            first = next(self._faults(), None)
            if first is None:
                self.observer.look(self.stage.all_lives()[0].log)  # the others are equal
                return
            if self.world.now_s >= give_up_s:
                self.observer.violated(*first)
                return
            faults.mend(self.stage)
            self.world.run(self.world.now_s + CHECK_AGAIN_S)

    def _fetch_anew(self) -> None:
        """Whoever has fetched from a node that stood in a log which is gone does not hear that it is, on a connection
        to a node that goes on: what they fetched before is fetched once more."""
        for player in self.players:
            if player.is_wanted and player.established_s <= self.observer.begun_s:
                player.fetch_all()
        self.world.run(self.world.now_s + CHECK_AGAIN_S)

    def _faults(self) -> Iterator[tuple[str, str]]:
        """As they are found: where one is left, nobody has to know the others."""
        history = self.observer.history
        yield from quiet.faults(self.nodes, self.players, self.database, self.answers, history)
        yield from quiet.lines_lost(history, self.database)
        yield from heard.repeated(self.players)
        if not self.schedule.faults:
            yield from heard.out_of_turn(self.players)
        life = next((node.life for node in self.nodes if node.life is not None and node.life.is_open), None)
        if life is not None:
            epoch, shown = life.log.position[0], self.observer.shown
            if (revision := life.app.rooms.book.revision) < shown:
                yield "revision only up", f"the list is at {revision}, and {shown} was shown"
            yield from heard.faults(self.players, history, epoch=epoch)
            for fault in self.answers.faults(life.app.replica.books, epoch=epoch):
                yield "what was answered stays so", fault

    def _look_at_queues(self) -> None:
        for life in self.stage.all_lives():
            if life.is_open:
                self.observer.look_at_queues(life.log)
        self.observer.tokens.look()
        self.world.call_later(QUEUES_EVERY_S, self._look_at_queues)

    def _bury(self) -> None:
        """So that nothing is left to a collector that comes at some time or other."""
        world = self.world
        world.forget()
        for fiber in list(world.fibers):
            fiber.end()
        world.spare.clear()
        world.forget()
        lives = [life for node in self.nodes for life in node.lives]
        for life in lives:
            life.loop.bury()
        world.leave()
        # They hold each other in circles: cut here, most of them need no collector.
        apps = [life.app for life in lives if hasattr(life, "app")]
        circles: list[object] = [each for app in apps for each in vars(app).values()]
        circles += [life.log for life in lives if hasattr(life, "log")]
        circles += [each for player in self.players for each in _parts_of(player)]
        self.observer.tokens.forget()
        for held in (*circles, *apps, *lives, *self.players, *self.nodes, self.scene):
            if hasattr(held, "__dict__") and not isinstance(held, Settings):
                vars(held).clear()

    def _make_players(self, seed: str) -> list[Player]:
        read = Read()
        players = []
        stands = any(event.what == standstill.NAME for event in self.schedule.events)
        for number, device in enumerate(cast_of(self.schedule)):
            player_seed = f"{seed}/player/{number}"
            # Every second player is on a machine that can stand still; where none does, the world does as well.
            world = cast(World, self._clients) if stands and number % 2 else self.world
            network = Network(world, self.nodes, Random(f"{player_seed}/network"), read=read)
            player = Player(
                world,
                network,
                name=device.name,
                user=device.user,
                token=self._issuer.issue(device.user),
                features=device.features,
                version="1",
                timing=TIMING,
                window=device.window,
                seed=player_seed,
                accepted_at=partial(_accepted_at, network),
                read=read,
                on_fault=partial(self.observer.violated, "no fault is left to nobody"),
            )
            self.database.add_player(account_of(device.user, created_at=BEGINNING))
            player.is_only_device = device.is_only
            player.is_wanted = not self.schedule.cast
            players.append(player)
        return players

    def _opened(self, epoch: str, number: int, snapshot: bytes) -> None:
        self.observer.opened(epoch, decode_snapshot(snapshot).previous_epoch, number)

    def _goes_on(self, loop: ProcessLoop, stood_s: float, has_clock_stopped: bool) -> None:
        """A machine stood still, and a process on it is about to go on."""
        assert self.observer.standing is not None
        self.observer.standing.ended(loop, stood_s)
        if has_clock_stopped:
            self.observer.tokens.stood(loop, stood_s)

    def _new_token(self, player: Player) -> str:
        return self._issuer.issue(player.user)

    def _new_brief_token(self, player: Player, ttl_s: int, has_sign_in: bool) -> str:
        """Towards the end of the schedule none is brief any more: then things become quiet."""
        ttl_s = ttl_s if self.world.now_s < BEGIN_S + BRIEF_LOGINS_S else DAY_S
        return self._issuer.issue(player.user, ttl_s=ttl_s, has_sign_in=has_sign_in)

    def _answered(
        self, player: Player, token: str, what: str, arguments: tuple[Any, ...], answer: Answer, began_s: float
    ) -> None:
        fault = self.answers.take(
            player.name, player.user.id, self.observer.tokens.read(token).token_id, what, arguments, answer,
            began_s=began_s, now_s=self.world.now_s,
        )  # fmt: skip
        if fault is not None:
            self.observer.violated("what was answered is so", fault)
        if what == "use_code" and answer.is_good and self._rulings.is_banned_from(player.user.id, arguments[0]):
            self.observer.violated(CODES, f"{player.name} has used {arguments[0]}, and is banned from its room")


def _accepted_at(network: Network) -> Place:
    """Where the connection that was opened last takes part."""
    return network.wires[-1].accepted_at


def _parts_of(player: Player) -> tuple[object, ...]:
    return player.connection, player.list, player.network, player.account


def simulate(schedule: Schedule, *, tells: bool = False) -> Outcome:
    """Run a schedule. The same every time."""
    return Simulation(schedule, tells=tells).run()
