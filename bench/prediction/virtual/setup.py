"""What is run in virtual time: how many, on what, doing what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bench.prediction.cold import ALWAYS_WARM, Chill
from bench.prediction.model import Cold, Cost, Model
from bench.record.wire import HEARTBEAT_S
from lobby_server.service.fanout.profile import BASE_PROFILE, PresenceMode, Profile, RoomsMode

PUSH: Mapping[str, RoomsMode] = MappingProxyType(
    {"push": RoomsMode.NOTIFY, "rev": RoomsMode.REV, "delta": RoomsMode.DELTA}
)
"""Ways of those that hold a socket."""
POLLING = ("polling", "polling_etag", "polling_gzip")
"""Ways of those that hold none; see `bench.load.clients.ways`."""
WAYS = (*POLLING, *PUSH)
PRESENCE: Mapping[str, PresenceMode] = MappingProxyType(
    {"all": PresenceMode.SINGLE, "batched": PresenceMode.BATCH, "friends": PresenceMode.FRIENDS}
)
"""How a session hears who comes and goes."""
SECONDS: Mapping[str, float] = MappingProxyType({"ns": 1e-9, "µs": 1e-6, "ms": 1e-3, "s": 1.0})
MOST_RUN = 16
"""Processes that are run where there are more, unless all are asked for. The others are like them: what they append to
the log and read from it is there, and what they do for their own sessions is not done again."""


def seconds(cost: Cost) -> float:
    """Of a cost that is a time."""
    return cost.value * SECONDS[cost.unit]


def chill(model: Model, name: str) -> Chill:
    """Of work by its name in `bench.prediction.model.Coldness`; of a model that has none, one that is always warm."""
    cold: Cold | None = getattr(model.coldness, name) if model.coldness is not None else None
    if cold is None:
        return ALWAYS_WARM
    return Chill(cold.warm_ms, cold.after_ms, [seconds(cost) for cost in cold.more])


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Rates are of the whole lobby."""

    sessions: int
    """Players online; of a way without sockets, players who poll."""
    processes: int = 1
    way: str = "delta"
    presence: str = "batched"
    rooms: int = 50
    changes_per_s: float = 1.0
    """Of the list."""
    only_makes: bool = False
    """The list changes by rooms that are made, one after another at the first process, the first of them an interval
    before the window: as the lab changes the list of several processes. Else rooms are made and end, anywhere."""
    logins_per_s: float = 0.0
    """As many leave."""
    commands_per_s: float = 0.0
    """Of another kind, which a few hear: lines in rooms for instance."""
    poll_s: float = 3.0
    heartbeat_s: float = HEARTBEAT_S
    network_s: float = 0.0
    """One way between a client and its process."""
    friends_online: float = 5.0
    """Of a player: who hears of each, where presence is of friends."""
    rooms_interval_s: float | None = None
    """Between two announcements of the list; None: the server's default."""
    shares_core: bool = False
    """All processes and Valkey run on one core, as they do in the lab."""
    clients: str | None = None
    """All clients share a core, as they do in the lab, and hearing costs them what this one of
    `bench.prediction.model.Clients` says; None: each has its own, and hears and comes in no time."""
    runs_all: bool = False
    """Every process is run, however many there are."""
    seed: int = 0

    @property
    def has_sockets(self) -> bool:
        return self.way in PUSH

    @property
    def profile(self) -> Profile:
        """Of all sessions."""
        rooms, presence = PUSH[self.way], PRESENCE[self.presence]
        if rooms is RoomsMode.NOTIFY and presence is PresenceMode.SINGLE:
            return BASE_PROFILE
        return Profile(rooms, presence, hears_count=presence is PresenceMode.FRIENDS, hears_lobby=True)

    @property
    def run(self) -> int:
        """Processes that are run."""
        return self.processes if self.runs_all else min(self.processes, MOST_RUN)

    def sessions_of(self, process: int) -> int:
        """As evenly as can be."""
        return self.sessions // self.processes + (process < self.sessions % self.processes)
