"""What all roles share: following a plan, intended times, recording.

A role acts when its plan says so, in the greenlet of its seat, and may block there. It receives messages in the shared
reader's greenlet and must not block there.

`@role` enters a class into the swarm: name, weight, options, series, counters, expectations. `@on` marks a method as
the handler of messages. Players of a role without handlers pay nothing for them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from random import Random
from typing import Any, ClassVar, TypeVar

from locust.exception import StopTest, StopUser

from loadtest.client import Attempt, ClientError, NotConnected
from loadtest.measure.recorder import LATENESS
from loadtest.players.roles import faults
from loadtest.players.roles.figures import Expectation, Figure
from loadtest.players.sign_in import SignIn
from loadtest.players.swarm import Swarm
from loadtest.wire.messages.own import OwnMessage
from loadtest.workload.options import SwarmOptions
from loadtest.workload.plan import PlayerPlan
from loadtest.workload.roles.book import ROLES, Intent, RoleKind, Schedule
from loadtest.workload.roles.options import Option
from lobby_server.protocol.messages import EVENTS, RoomsChangedRev, ServerMessage, UserOffline, UserOnline

R = TypeVar("R", bound="type[Role]")
M = TypeVar("M", bound=Callable[..., None])
PREVENTED = "actions that a loss prevented"
REFUSED = "actions that a failed call ended"
"""The call itself is in the table of requests. Both are of handlers, too."""
_HEARS = "_hears_of"
_OF_PRESENCE = (UserOnline, UserOffline)
_NOTHING: Schedule = iter(())


def role(name: str, *, weight: float = 0.0) -> Callable[[R], R]:
    """Enter a subclass of `Role` under that name, which `--mix` takes from then on. `weight`: its share of the players
    in a run whose mix is not given, beside ``browser=6``; 0: none. Raises `ValueError` for a name that is taken."""

    def enter(player: R) -> R:
        player.NAME = name
        found = {each: getattr(player, each) for each in dir(player) if not each.startswith("__")}
        options = tuple(each for each in found.values() if isinstance(each, Option))
        for figure in found.values():
            if isinstance(figure, Figure):
                figure.enter()
        ROLES.add(
            RoleKind(
                name=name,
                weight=weight,
                player=player,
                schedule=player.schedule,
                sockets=player.sockets,
                check=player.check,
                logs_in=player.LOGS_IN,
                needs=player.NEEDS,
                options=tuple(sorted(options, key=lambda option: option.flag)),
                own_types=frozenset(kind for kind in player.handlers if isinstance(kind, str)),
            )
        )
        return player

    return enter


def on(*kinds: type[ServerMessage] | str) -> Callable[[M], M]:
    """The method below hears each message of these kinds: classes of `lobby_server.protocol.messages`, or names on the
    wire. One that is not among those classes comes as an `OwnMessage`. It must not block. Raises `TypeError`."""
    wanted = tuple(each for kind in kinds for each in _classes_of(kind))
    if any(kind in _OF_PRESENCE for kind in wanted):
        raise TypeError("presence has a faster way: define on_presence(self, user_id, is_online) instead")

    def mark(method: M) -> M:
        setattr(method, _HEARS, wanted)
        return method

    return mark


def _classes_of(kind: type[ServerMessage] | str) -> list[type[ServerMessage] | str]:
    """Several classes may share a name on the wire."""
    known: list[type[ServerMessage] | str] = [RoomsChangedRev] if kind == RoomsChangedRev.TYPE else []
    return [*known, EVENTS.get(kind, kind)] if isinstance(kind, str) else [kind]


class Role:
    """One session of one player."""

    NAME: ClassVar[str] = ""
    LOGS_IN: ClassVar[bool] = True
    NEEDS: ClassVar[frozenset[str]] = frozenset()
    """``rooms``, ``create``, ``join``, ``chat``, ``social``: what a server of another protocol has to have."""
    handlers: ClassVar[Mapping[type[ServerMessage] | str, str]] = {}
    """Names of methods by what they hear."""
    expects: ClassVar[bool] = False
    """It has expectations."""

    def __init_subclass__(cls, **rest: Any) -> None:
        super().__init_subclass__(**rest)
        cls.handlers = {
            kind: name for name in dir(cls) for kind in getattr(getattr(cls, name, None), _HEARS, ())
        }  # fmt: skip
        cls.expects = any(isinstance(getattr(cls, name, None), Expectation) for name in dir(cls))

    @classmethod
    def schedule(cls, options: SwarmOptions, rng: Random) -> Schedule:
        """What a player intends to do, in order of time, from the beginning of its session. All chance comes from
        `rng`, so that the same seed gives the same run."""
        return iter(())

    @classmethod
    def sockets(cls, options: SwarmOptions) -> int:
        """How many one player holds."""
        return 0

    @classmethod
    def check(cls, options: SwarmOptions) -> None:
        """Whether the options of this role fit together. Raises `UsageError`."""

    def __init__(self, swarm: Swarm, plan: PlayerPlan, *, seat: int, began_s: float) -> None:
        """`seat`: the number of its user. `began_s`: intended start of the session (`time.perf_counter`)."""
        self.swarm = swarm
        self.plan = plan
        self.options = swarm.options
        self.seat = seat
        self.began_s = began_s
        network = swarm.options.network
        self.line = None if network is None else network.line_for(plan.rng("network"))
        """Between this player and the network; None: nothing."""
        self.place = swarm.places.of(seat)
        """The node where this player is; its sockets and its calls move on together."""
        self.api = swarm.api_at(swarm.api, self.place).over(self.line.speed if self.line is not None else None)
        self.identity = SignIn(swarm, api=self.api, number=seat, plan=plan)
        self.is_over = self.is_hearing = False
        self.starts_s = self._free_s = time.perf_counter()
        """When the session did begin."""
        self._listener = 0
        self._schedule = plan.schedule(swarm.options)
        self._next: Intent | None = None
        self._plan_next()

    def begin(self) -> None:
        """Log in and connect. May block; raises `GaveUp`."""

    def end(self) -> None:
        """Disconnect, and remove what this player created. May block."""

    @property
    def is_active(self) -> bool:
        """Whether it can act: connected, where it has a socket."""
        return True

    def postpone(self, by_s: float) -> None:
        """All that is left of the plan comes later."""
        self.began_s += by_s

    def next_at_s(self) -> float:
        """When the next thing is due; `math.inf` for never."""
        return math.inf if self._next is None else self.began_s + self._next.at_s

    def ends_at_s(self) -> float:
        """Intended end of the session."""
        return self.began_s + self.plan.session_s

    def keep_appointment(self) -> None:
        """Do what is due, if anything is.

        The time that an action gets is when it was due, later by what the generator alone is to blame for: that is
        lateness. What an answer before took of the time is not, so that a slow server is slow for what comes after it,
        too.
        """
        intent, now_s = self._next, time.perf_counter()
        if intent is None or self.began_s + intent.at_s > now_s:
            return
        self._plan_next()
        at_s = self.began_s + intent.at_s
        late_s = now_s - max(at_s, self._free_s)
        self.swarm.recorder.record(LATENESS, late_s)
        try:
            intent.act(self, at_s + late_s, intent.choice)
        except (StopUser, StopTest):
            raise
        except Exception as error:
            self.fault(getattr(intent.act, "__name__", "an action"), error)
        self._free_s = time.perf_counter()

    def _plan_next(self) -> None:
        try:
            self._next = next(self._schedule, None)
        except Exception as error:
            self._next = None
            self.fault("schedule", error)
        if self._next is None:
            self._schedule = _NOTHING  # a generator that is done keeps its frame

    # -- into the records -----------------------------------------------------------------------------------------

    def fire(self, name: str, duration_s: float | None, failure: str | None) -> None:
        """Record a request in Locust's table, with its time or None."""
        if failure is None and duration_s is not None:
            self.swarm.requests.good("WS", name, duration_s)
        else:
            self.swarm.requests.told("WS", name, duration_s, failure)

    def fire_attempt(self, attempt: Attempt) -> None:
        has_upgraded = attempt.upgrade_s is not None
        self.fire("upgrade", attempt.upgrade_s, None if has_upgraded else attempt.failure)
        if has_upgraded:
            self.fire("handshake", attempt.handshake_s, attempt.failure)

    def count(self, event: str) -> None:
        self.swarm.recorder.count(event)

    def fault(self, method: str, error: Exception) -> None:
        """What that method of this role raised: that there is no connection, or that a call failed, is no fault of the
        role's code. Anything else is."""
        if isinstance(error, NotConnected):
            self.count(PREVENTED)
        elif isinstance(error, ClientError):
            self.count(REFUSED)
        else:
            faults.tell(self.swarm, type(self), method, error)

    # -- what it hears --------------------------------------------------------------------------------------------

    @property
    def heard_s(self) -> float:
        """When the message that is being told arrived (`time.perf_counter`)."""
        return time.perf_counter()

    @property
    def listener(self) -> int:
        """The number of this player among those who listen."""
        if not self._listener:
            self._listener = self.swarm.recorder.reach.expectations.new_listener()
        return self._listener

    def dispatch(self, message: ServerMessage) -> None:
        """To the handler, if there is one. O(1)."""
        name = self.handlers.get(message.name if isinstance(message, OwnMessage) else type(message))
        if name is not None:
            self.is_hearing = True
            try:
                getattr(self, name)(message)
            except Exception as error:
                self.fault(name, error)
            finally:
                self.is_hearing = False
