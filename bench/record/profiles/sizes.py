"""What a scenario of a given size does: how many clients, repeats and seconds."""

from __future__ import annotations

import msgspec

WAYS = ("polling", "polling_etag", "polling_gzip", "push", "rev", "delta")
"""How a client may come to the list; see `bench.load.clients.ways`."""

LADDER = [500, 1_000, 2_000, 5_000, 10_000]
"""Sizes at which a cost has to be seen growing linearly."""

GREAT_STORM = 14_142
"""N(N+1)/2 is 10⁸ events: a client hears of itself and of those accepted after it, not of those before."""


EVERY_FEATURE = "host=6,joiner=2,socializer=2,flapper=1"
"""A mix in which somebody does whatever the specification promises to players."""


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """A window in which the list changes is as long as `window_s` says, to the nearest whole number of changes."""


class NoiseSizes(Sizes, frozen=True, kw_only=True):
    clients: int = 300
    repeats: int = 2
    broadcasts: int = 6
    get_s: float = 0.3


class BroadcastSizes(Sizes, frozen=True, kw_only=True):
    clients: list[int]
    """Push clients at each point; a fresh server for each point and repeat, in random order."""
    repeats: int = 1
    clients_per_user: int = 10
    """Sockets that a user holds. With one each, N logins would first be N² `user_online` messages, a question of its
    own; presence is of users, so more sockets of a user change nothing for the others."""
    rooms: int = 10
    """Rooms in the list before the first broadcast of a point."""
    notify_broadcasts: int = 8
    """Broadcasts of a point in which clients only receive."""
    notify_interval_s: float = 0.3
    """Between two of them; and `fetch_s` more for each client, but `most_spacing_s` at most."""
    refetch_broadcasts: int = 5
    """Broadcasts of a point after which every client fetches the list."""
    refetch_interval_s: float = 0.4
    """Between two of them; and `fetch_s` more for each client."""
    fetch_s: float = 0.0005
    """A herd of fetches takes its time, and a server may space its announcements by that time to keep herds apart:
    broadcasts must be further from each other to be single ones."""
    most_spacing_s: float = 1.2
    """More than a server lets pass between two announcements where nobody fetches, which it does not know: the lobby's
    250 ms grow to 1 s."""
    logins: int = 4
    """Users that come online one at a time at each point."""
    login_interval_s: float = 0.3
    """Between two of them; and `login_s` more for each client."""
    login_s: float = 0.00003
    """Some times what a client's part of a broadcast takes: one is over before the next, also on a busy day."""
    pollers: int = 60
    """Clients beside the push clients that poll the old way."""
    poll_s: float = 3.0
    most_fetching: int = 9_000
    """Above so many clients nobody fetches: a second connection for each is more than 20,000 descriptors allow."""
    changes_per_s: list[float] = msgspec.field(default_factory=list)
    """Rates of a stream of changes, at `rate_clients`."""
    rate_clients: int = 500
    rate_s: float = 5.0


class FreshnessSizes(Sizes, frozen=True, kw_only=True):
    ways: list[str] = msgspec.field(default_factory=lambda: list(WAYS))
    clients: int = 150
    repeats: int = 1
    rooms: int = 10
    window_s: float = 4.0
    changes_per_s: float = 2.0
    poll_s: float = 3.0


class BandwidthSizes(Sizes, frozen=True, kw_only=True):
    rooms: list[int]
    """Lengths of the room list; a server each and rate, all in the same window."""
    clients: int
    """Of each way, on each server."""
    window_s: float
    poll_s: float
    heartbeat_s: float
    time_scale: float
    """1: at true length. Above 1: every time of the scenario is that much shorter, for a smoke test."""
    changes_per_s: list[float] = msgspec.field(default_factory=lambda: [0.0])


class BreakEvenSizes(Sizes, frozen=True, kw_only=True):
    ways: list[str] = msgspec.field(default_factory=lambda: list(WAYS))
    clients: list[int] = msgspec.field(default_factory=lambda: [100])
    changes_per_s: list[float] = msgspec.field(default_factory=lambda: [0.33, 4.0])
    rooms: int = 50
    window_s: float = 3.0
    poll_s: float = 3.0
    has_idle: bool = False
    """Besides the rates, a cell without changes at the first size."""


class ReturnSizes(Sizes, frozen=True, kw_only=True):
    """Coming back with the specification's fixed retry and with jitter, and flapping."""

    clients: int = 100
    repeats: int = 1
    flapping: int = 100
    flap_share: float = 0.3


MOST_CLIENTS, RESOLUTION = 18_000, 0.15
"""Of a search that is not short of time: a process may have 20,000 descriptors here."""


class CapacitySizes(Sizes, frozen=True, kw_only=True):
    first: int = 1_000
    most: int = 4_000
    """No step is larger: a process may have 20,000 descriptors here."""
    slo_ms: float = 250.0
    """p99 of the fan-out; reach must be 1."""
    broadcasts: int = 4
    repeats: int = 1
    resolution: float = 0.15
    """Bisection ends when the bracket is this part of its lower end."""


LIVES = {"idle": ("push", False), "active, push with fetch": ("push", True), "active, rooms_delta": ("delta", True)}
"""Kinds of a player's life: the way to the list, and whether it changes."""
IDLE_LIFE, FETCHING_LIFE, DELTA_LIFE = LIVES

COST_ROOMS = 10
"""In the list of the scenario `cost`."""


class CostSizes(Sizes, frozen=True, kw_only=True):
    lives: list[str] = msgspec.field(default_factory=lambda: list(LIVES))
    clients: list[int] = msgspec.field(default_factory=lambda: [300])
    repeats: int = 1
    window_s: float = 3.0
    changes_per_s: float = 1.0


class PeersSizes(Sizes, frozen=True, kw_only=True):
    clients: int = 500
    repeats: int = 1
    broadcasts: int = 8
    storm: int = 200
    get_s: float = 0.2
    only: list[str] = msgspec.field(default_factory=list)
    """Parties beside the lobby; empty: all that are installed."""


class SwarmSizes(Sizes, frozen=True, kw_only=True):
    users: int
    spawn_per_s: float
    run_s: float
    poller_share: float
    """Users that poll the old way; the others hold a socket."""
    room_interval_s: float
    """Mean time between two rooms of a player."""
    room_lifetime_s: float
    mix: str = "host=1"
    """Weights of the roles of those that hold a socket; the default is that of runs that were kept before there was a
    choice."""
    chat_interval_s: float = 5.0
    """Mean time between two lines of a player who chats, in a room or elsewhere."""
    visit_interval_s: float = 10.0
    """Mean time between two rooms that a player joins, and between two users whom a player meets."""
    drop_interval_s: float = 15.0
    """Mean time until a player whose connections fail loses one."""


class SwarmCostSizes(Sizes, frozen=True, kw_only=True):
    """Of each load generator, on a fresh server."""

    players: list[int] = msgspec.field(default_factory=lambda: [1_000])
    repeats: int = 1
    window_s: float = 10.0
    changes_per_s: float = 1.0
    players_per_s: float = 5_000.0
    """Asked for: more than any of them can do."""
    heartbeat_s: float = 10.0
    patience_s: float = 120.0
    """For all players to come."""


class SwarmTruthSizes(Sizes, frozen=True, kw_only=True):
    """Of each condition under which the swarm's figures are held against packets."""

    players: list[int] = msgspec.field(default_factory=lambda: [1_000])
    players_per_s: float = 200.0
    run_s: float = 20.0
    """From when all players are there."""
    frozen_run_s: list[float] = msgspec.field(default_factory=lambda: [20.0])
    """Likewise, where the generator is frozen in between."""
    frozen_s: float = 1.4
    heartbeat_s: float = 10.0
    changes_per_s: float = 1.0
    """Of the rooms, by others than the players."""
    own_changes_per_s: float = 0.2
    tool_players: int = 300
    """Of the other load generators, whose reports are held against packets too; 0: none."""
    tool_players_per_s: float = 1_000.0
    tool_run_s: float = 10.0
    patience_s: float = 120.0


class ChurnSizes(Sizes, frozen=True, kw_only=True):
    """Of each way in, on a fresh server."""

    accepted: int = 6_000
    refused: int = 6_000
    room: int = 2_500
    warm_up: int = 1_000
    """Cycles from whose end on memory is to stay as it is."""
    samples: int = 24
    """Looks at the memory of a server, about."""


class HostileSizes(Sizes, frozen=True, kw_only=True):
    good: int = 200
    """Well-behaved clients, of each way in."""
    rounds: int = 1
    """With a hostile client, and as many without, for each kind."""
    round_s: float = 0.6


class ClusterSizes(Sizes, frozen=True, kw_only=True):
    """One lobby on several nodes."""

    repeats: int = 2
    nodes: list[int] = msgspec.field(default_factory=lambda: [1, 2, 4])
    """Of the lobbies that a broadcast is measured in."""
    broadcast: int = 2_000
    """Clients that hear it, over all nodes."""
    broadcasts: int = 12
    changes: int = 150
    """That are heard on two nodes, one at a time."""
    storm: int = 2_000
    talkers: int = 50
    lines: int = 100
    """Commands of each, sent without waiting."""
    players: int = 300
    """Over three nodes, of which one is killed."""
    members: int = 30
    """Of them, those in rooms while Valkey is killed."""
    down_s: float = 2.0
    """How long Valkey is away."""
    rooms: int = 150
    """Made while things are killed, for each kind."""
    kills: int = 3


class SurvivalSizes(Sizes, frozen=True, kw_only=True):
    """A swarm that every fault happens to."""

    users: int = 300
    spawn_per_s: float = 60.0
    every_s: float = 32.0
    """From one fault to the next. For what comes of each to be judged by itself, at least `recovery_s` and 13 s: a
    fault lasts up to 8 s, and touches what was under way in the 5 s before it."""
    recovery_s: float = 15.0
    room_interval_s: float = 120.0
    drop_interval_s: float = 120.0


class SimulationSizes(Sizes, frozen=True, kw_only=True):
    """Whole lobbies with faults, in virtual time."""

    schedules: int = 6
    """Of each repeat."""
    repeats: int = 1


class CalibrationSizes(Sizes, frozen=True, kw_only=True):
    """Of the measurements that a model of costs is fitted to."""

    repeats: int = 3
    clients: list[int] = msgspec.field(default_factory=lambda: [500, 2_000])
    """That hear broadcasts."""
    broadcasts: int = 4
    """Lone ones, of each repeat."""
    burst: int = 12
    """Changes in a row, which are told together."""
    idle_ms: list[float] = msgspec.field(default_factory=lambda: [10.0, 50.0, 100.0, 300.0, 1_000.0])
    """Times without anything to do after which a change is made."""
    cold_changes: int = 1
    """Rooms made and deleted again after each of them, of each repeat."""
    rooms: list[int] = msgspec.field(default_factory=lambda: [10, 200])
    changes: int = 30
    """That nobody hears."""
    get_s: float = 0.3
    comers: int = 400
    """Who come and go."""
    storm: int = 1_000
    """Users who come, each told of all."""
    pings_s: float = 1.5
    memory: list[int] = msgspec.field(default_factory=lambda: [500, 1_500])
    nodes: list[int] = msgspec.field(default_factory=lambda: [1, 4])
    """Processes of a lobby."""
    shared_changes: int = 30
    shared_idle_ms: float = 300.0
    shared_cold: int = 8
    """Changes by the log, each after so long a time."""
    talkers: int = 30
    lines: int = 60
    users: int = 1_000
    """Online on one node, whom another one knows."""
    again_until_s: float = 300.0
    """After the begin: nothing is measured again, because other work had the cores, that would end later. 0: nothing
    is."""


class ScaleSizes(Sizes, frozen=True, kw_only=True):
    """Ways compared in virtual time, each with more and more players until something breaks."""

    nodes: int = 10
    ceiling: float = 0.6
    """No resource is used above this part of it."""
    slo_ms: float = 500.0
    """p99 of the time to fresh; of those who poll, of the time until a poll is answered."""
    changes_per_s: float = 1.0
    """Of the list, of the whole lobby."""
    poll_s: float = 3.0
    for_s: float = 55.0
    """All ways together; what is not found by then is told as far as it was looked for."""


class PredictionSizes(Sizes, frozen=True, kw_only=True):
    """Forecasts that are measured afterwards: sizes, rates and numbers of nodes that no calibration has."""

    calibration: CalibrationSizes = CalibrationSizes()
    polling: int = 1_000
    fetching: int = 1_000
    deltas: int = 3_000
    changes_per_s: list[float] = msgspec.field(default_factory=lambda: [1.0])
    rooms: int = 50
    window_s: float = 4.0
    nodes: list[int] = msgspec.field(default_factory=lambda: [2, 3])
    broadcast: int = 3_000
    """Clients that hear a change on several nodes."""
    broadcasts: int = 8
    herd: int = 2_000
    """Clients that come back from a restart."""
    repeats: int = 1
    scale: ScaleSizes | None = None
    """``None``: the ways are not compared at scale."""

    @property
    def held_out_sessions(self) -> int:
        """The most of one process that a forecast is held against."""
        return max(self.polling, self.fetching, self.deltas, self.herd)


class EngineSizes(Sizes, frozen=True, kw_only=True):
    """Of all benches of the fan-out engine."""

    repeats: int
    """Of what is compared or has a target; each with fresh servers."""
    ladder_repeats: int
    """Of the other sizes."""
    ladder: list[int]
    fanout: list[int]
    """Where all peers take their turns; the rest of the ladder has the lobby and the floor."""
    broadcasts: int
    storms: list[int]
    storm_repeats: int
    returns: list[int]
    memory: list[int]
    fresh: int
    changes: int
    get_s: float
    creators: int = 500
    """Users who make rooms at the same time."""
    create_s: float = 1.0
    """A turn of theirs."""


ENGINE_QUICK = EngineSizes(
    repeats=2, ladder_repeats=1, ladder=[1_000], fanout=[5_000], broadcasts=12,
    storms=[500, 1_500, 5_000], storm_repeats=2,
    returns=[1_000], memory=[500, 1_000, 5_000], fresh=2_000, changes=200, get_s=0.5,
)  # fmt: skip
