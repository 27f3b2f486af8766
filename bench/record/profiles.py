"""How big a run is: every size that a scenario runs with, by profile.

`quick` answers the questions in three minutes on two cores, `full` with repeats in forty-five; `smoke` shows that
everything runs. `bench.scenarios.registry` estimates from these sizes how long each scenario takes.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from bench.record.vocabulary import FLOOR, NAIVE_TORNADO, NODE_EXPRESS

WAYS = ("polling", "polling_etag", "polling_gzip", "push", "rev", "delta")
"""How a client may come to the list; see `bench.load.clients.ways`."""

LADDER = [500, 1_000, 2_000, 5_000, 10_000]
"""Sizes at which a cost has to be seen growing linearly."""

GREAT_STORM = 14_142
"""N(N+1)/2 is 10⁸ events: a client hears of itself and of those accepted after it, not of those before."""


EVERY_FEATURE = "host=6,joiner=2,socializer=2,flapper=1"
"""A mix in which somebody does whatever the specification promises to players."""

OF_A_SWARM = "swarm"
"""Name of the profile of a run that the swarm made by itself; see `bench.record.files.swarm_file`."""


class _Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """A window in which the list changes is as long as `window_s` says, to the nearest whole number of changes."""


class NoiseSizes(_Sizes, frozen=True, kw_only=True):
    clients: int = 300
    repeats: int = 2
    broadcasts: int = 6
    get_s: float = 0.3


class BroadcastSizes(_Sizes, frozen=True, kw_only=True):
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


class FreshnessSizes(_Sizes, frozen=True, kw_only=True):
    ways: list[str] = msgspec.field(default_factory=lambda: list(WAYS))
    clients: int = 150
    repeats: int = 1
    rooms: int = 10
    window_s: float = 4.0
    changes_per_s: float = 2.0
    poll_s: float = 3.0


class BandwidthSizes(_Sizes, frozen=True, kw_only=True):
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


class BreakEvenSizes(_Sizes, frozen=True, kw_only=True):
    ways: list[str] = msgspec.field(default_factory=lambda: list(WAYS))
    clients: list[int] = msgspec.field(default_factory=lambda: [100])
    changes_per_s: list[float] = msgspec.field(default_factory=lambda: [0.33, 4.0])
    rooms: int = 50
    window_s: float = 3.0
    poll_s: float = 3.0
    has_idle: bool = False
    """Besides the rates, a cell without changes at the first size."""


class ReturnSizes(_Sizes, frozen=True, kw_only=True):
    """Coming back with the specification's fixed retry and with jitter, and flapping."""

    clients: int = 100
    repeats: int = 1
    flapping: int = 100
    flap_share: float = 0.3


MOST_CLIENTS, RESOLUTION = 18_000, 0.15
"""Of a search that is not short of time: a process may have 20,000 descriptors here."""


class CapacitySizes(_Sizes, frozen=True, kw_only=True):
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


class CostSizes(_Sizes, frozen=True, kw_only=True):
    lives: list[str] = msgspec.field(default_factory=lambda: list(LIVES))
    clients: list[int] = msgspec.field(default_factory=lambda: [300])
    repeats: int = 1
    window_s: float = 3.0
    changes_per_s: float = 1.0


class PeersSizes(_Sizes, frozen=True, kw_only=True):
    clients: int = 500
    repeats: int = 1
    broadcasts: int = 8
    storm: int = 200
    get_s: float = 0.2
    only: list[str] = msgspec.field(default_factory=list)
    """Parties beside the lobby; empty: all that are installed."""


class SwarmSizes(_Sizes, frozen=True, kw_only=True):
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


class SwarmCostSizes(_Sizes, frozen=True, kw_only=True):
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


class SwarmTruthSizes(_Sizes, frozen=True, kw_only=True):
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


class ChurnSizes(_Sizes, frozen=True, kw_only=True):
    """Of each way in, on a fresh server."""

    accepted: int = 6_000
    refused: int = 6_000
    room: int = 2_500
    warm_up: int = 1_000
    """Cycles from whose end on memory is to stay as it is."""
    samples: int = 24
    """Looks at the memory of a server, about."""


class HostileSizes(_Sizes, frozen=True, kw_only=True):
    good: int = 200
    """Well-behaved clients, of each way in."""
    rounds: int = 1
    """With a hostile client, and as many without, for each kind."""
    round_s: float = 0.6


class ClusterSizes(_Sizes, frozen=True, kw_only=True):
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


class SurvivalSizes(_Sizes, frozen=True, kw_only=True):
    """A swarm that every fault happens to."""

    users: int = 300
    spawn_per_s: float = 60.0
    every_s: float = 32.0
    """From one fault to the next. For what comes of each to be judged by itself, at least `recovery_s` and 13 s: a
    fault lasts up to 8 s, and touches what was under way in the 5 s before it."""
    recovery_s: float = 15.0
    room_interval_s: float = 120.0
    drop_interval_s: float = 120.0


class EngineSizes(_Sizes, frozen=True, kw_only=True):
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


ENGINE_QUICK = EngineSizes(
    repeats=2, ladder_repeats=1, ladder=[1_000], fanout=[5_000], broadcasts=12,
    storms=[500, 1_500, 5_000], storm_repeats=2,
    returns=[1_000], memory=[500, 1_000, 5_000], fresh=2_000, changes=200, get_s=0.5,
)  # fmt: skip


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    purpose: str
    broadcast: BroadcastSizes
    bandwidth: BandwidthSizes
    swarm: SwarmSizes
    noise: NoiseSizes = NoiseSizes()
    freshness: FreshnessSizes = FreshnessSizes()
    break_even: BreakEvenSizes = BreakEvenSizes()
    returns: ReturnSizes = ReturnSizes()
    capacity: CapacitySizes = CapacitySizes()
    cost: CostSizes = CostSizes()
    peers: PeersSizes = PeersSizes()
    swarm_cost: SwarmCostSizes = SwarmCostSizes()
    swarm_truth: SwarmTruthSizes = SwarmTruthSizes()
    churn: ChurnSizes = ChurnSizes()
    hostile: HostileSizes = HostileSizes()
    cluster: ClusterSizes = ClusterSizes()
    survival: SurvivalSizes = SurvivalSizes()
    engine: EngineSizes = ENGINE_QUICK
    storms: list[int] = msgspec.field(default_factory=lambda: [1_000])
    """Of the report; the bench has sizes of its own when it is run by its name."""
    herds: list[int] = msgspec.field(default_factory=lambda: [500])
    """Clients that come back from a restart all at once; likewise."""
    in_one_window: bool = True
    """What only waits most of its time, one after the other, has its turn while bytes are counted."""
    budget_s: float = 0.0
    """A report has this long to measure: what was planned, and again what other work disturbed. 0: nothing again."""

    @property
    def is_of_a_swarm(self) -> bool:
        """Of a run that is nothing but a swarm, and not the lab's."""
        return self.name == OF_A_SWARM


SMOKE = Profile(
    name="smoke",
    purpose="a check that everything runs; sizes and times far too small to conclude from",
    noise=NoiseSizes(clients=20, repeats=2, broadcasts=2, get_s=0.1),
    broadcast=BroadcastSizes(
        clients=[10, 40], clients_per_user=5, rooms=4, notify_broadcasts=3, notify_interval_s=0.35,
        refetch_broadcasts=2, refetch_interval_s=0.35, fetch_s=0.0, logins=2, login_interval_s=0.2,
        pollers=10, poll_s=0.5, changes_per_s=[4.0], rate_clients=10, rate_s=1.0,
    ),
    freshness=FreshnessSizes(
        ways=["polling", "push", "delta"], clients=10, rooms=4, window_s=0.7, changes_per_s=4.0, poll_s=0.5),
    bandwidth=BandwidthSizes(
        rooms=[10, 20], clients=3, window_s=5.0, poll_s=0.3, heartbeat_s=2.5, time_scale=12.0, changes_per_s=[0.0, 1.0]
    ),
    break_even=BreakEvenSizes(
        ways=["polling", "push"], clients=[10], changes_per_s=[1.0, 8.0], rooms=10, window_s=0.7, poll_s=0.5
    ),
    returns=ReturnSizes(clients=10, flapping=10),
    capacity=CapacitySizes(first=20, most=40, broadcasts=2, resolution=0.5),
    cost=CostSizes(clients=[20], window_s=0.7),
    peers=PeersSizes(clients=20, broadcasts=2, storm=10, get_s=0.1),
    swarm=SwarmSizes(
        users=10, spawn_per_s=10.0, run_s=5.0, poller_share=0.3, room_interval_s=4.0, room_lifetime_s=2.0,
        mix=EVERY_FEATURE,
    ),
    swarm_cost=SwarmCostSizes(players=[20], window_s=1.0, heartbeat_s=1.0, patience_s=60.0),
    swarm_truth=SwarmTruthSizes(
        players=[20], players_per_s=20.0, run_s=5.0, frozen_run_s=[6.0], heartbeat_s=1.0, own_changes_per_s=0.5,
        tool_players=10, tool_run_s=2.5,
    ),
    churn=ChurnSizes(accepted=60, refused=60, room=30, warm_up=20, samples=6),
    hostile=HostileSizes(good=20, round_s=0.2),
    cluster=ClusterSizes(
        repeats=1, nodes=[1, 2], broadcast=20, broadcasts=2, changes=10, storm=20, talkers=4, lines=10, players=24,
        members=4, down_s=0.5, rooms=12, kills=1,
    ),
    survival=SurvivalSizes(users=30, spawn_per_s=30.0, every_s=16.0, recovery_s=6.0),
    engine=EngineSizes(
        repeats=1, ladder_repeats=1, ladder=[], fanout=[20], broadcasts=3,
        storms=[20], storm_repeats=1, returns=[20], memory=[20, 40], fresh=20, changes=10, get_s=0.2,
    ),
    storms=[20],
    herds=[20],
)  # fmt: skip

QUICK = Profile(
    name="quick",
    budget_s=168.0,
    purpose="the questions at sizes that take at most three minutes on two cores",
    noise=NoiseSizes(clients=200, repeats=2, broadcasts=3),
    broadcast=BroadcastSizes(
        clients=[100, 1_000], notify_broadcasts=4, refetch_broadcasts=2, logins=2
    ),
    freshness=FreshnessSizes(window_s=1.0, changes_per_s=2.0),
    bandwidth=BandwidthSizes(
        rooms=[10, 50], clients=4, window_s=30.0, poll_s=3.0, heartbeat_s=30.0, time_scale=1.0,
        changes_per_s=[0.0, 0.1, 1.0, 10.0],
    ),
    break_even=BreakEvenSizes(ways=["push"], clients=[150], changes_per_s=[0.5], rooms=10, window_s=2.0),
    capacity=CapacitySizes(first=2_000, broadcasts=2, resolution=1.0),
    peers=PeersSizes(clients=400, broadcasts=6, get_s=0.15, only=[FLOOR, NAIVE_TORNADO, NODE_EXPRESS]),
    cost=CostSizes(lives=["idle", "active, push with fetch"], window_s=2.0),
    swarm=SwarmSizes(
        users=60, spawn_per_s=20.0, run_s=9.0, poller_share=0.25, room_interval_s=30.0, room_lifetime_s=10.0,
        mix=EVERY_FEATURE,
    ),
)  # fmt: skip

FULL = Profile(
    name="full",
    budget_s=44.0 * 60,
    purpose="every question, what is compared five times in turns; at most forty-five minutes on two cores",
    noise=NoiseSizes(clients=1_000, repeats=5, broadcasts=10, get_s=0.5),
    broadcast=BroadcastSizes(
        clients=[100, 1_000, 3_000, 10_000], repeats=5, notify_broadcasts=5, refetch_broadcasts=3, logins=4,
        changes_per_s=[1.0, 20.0], rate_clients=1_000, rate_s=4.0,
    ),
    freshness=FreshnessSizes(clients=300, repeats=5, window_s=5.0, changes_per_s=1.0),
    bandwidth=BandwidthSizes(
        rooms=[10, 50, 200], clients=5, window_s=120.0, poll_s=3.0, heartbeat_s=30.0, time_scale=1.0,
        changes_per_s=[0.0, 0.01, 0.1, 1.0, 10.0],
    ),
    break_even=BreakEvenSizes(
        clients=[100, 1_000], changes_per_s=[0.2, 1.0, 10.0], rooms=10, window_s=4.0, has_idle=True,
    ),
    returns=ReturnSizes(clients=1_000, repeats=5, flapping=500),
    capacity=CapacitySizes(first=9_000, most=18_000, broadcasts=6, repeats=5, resolution=0.15),
    cost=CostSizes(clients=[1_000, 5_000], repeats=5, window_s=3.0),
    peers=PeersSizes(clients=1_500, repeats=5, broadcasts=12, storm=500, get_s=0.3),
    swarm=SwarmSizes(
        users=200, spawn_per_s=20.0, run_s=45.0, poller_share=0.25, room_interval_s=30.0, room_lifetime_s=10.0,
        mix=EVERY_FEATURE,
    ),
    swarm_cost=SwarmCostSizes(players=[1_000, 5_000], repeats=5, window_s=15.0),
    swarm_truth=SwarmTruthSizes(
        players=[1_000, 5_000], run_s=45.0, frozen_run_s=[45.0, 180.0], tool_players=1_000, tool_run_s=30.0,
    ),
    churn=ChurnSizes(accepted=120_000, refused=120_000, room=50_000, warm_up=20_000, samples=60),
    hostile=HostileSizes(good=2_000, rounds=5, round_s=2.0),
    cluster=ClusterSizes(
        repeats=5, broadcast=10_000, broadcasts=20, changes=500, storm=10_000, talkers=100, lines=200,
        players=3_000, members=300, rooms=1_000, kills=8,
    ),
    survival=SurvivalSizes(users=3_000, spawn_per_s=150.0, every_s=45.0, recovery_s=30.0),
    engine=EngineSizes(
        repeats=5, ladder_repeats=2, ladder=LADDER, fanout=[5_000], broadcasts=20,
        storms=[500, 1_000, 1_500, 2_000, 5_000, 10_000, GREAT_STORM], storm_repeats=5,
        returns=LADDER, memory=LADDER, fresh=2_000, changes=200, get_s=0.5,
    ),
    storms=[500, 1_500, 5_000],
    herds=[1_000, 5_000],
    in_one_window=False,
)  # fmt: skip

GATE = msgspec.structs.replace(
    SMOKE,
    name="gate",
    purpose="ratios between parties, for a gate against the stored baseline; not a minute on two quiet cores",
    freshness=FreshnessSizes(
        ways=["polling", "delta"], clients=60, rooms=10, window_s=2.0, changes_per_s=2.0, poll_s=1.0
    ),
    peers=PeersSizes(clients=300, repeats=2, broadcasts=8, storm=150, get_s=0.3, only=[FLOOR, NAIVE_TORNADO]),
    engine=msgspec.structs.replace(SMOKE.engine, repeats=1, get_s=0.4),
)

PROFILES = {profile.name: profile for profile in (SMOKE, QUICK, FULL)}
"""Of reports."""


def at_sizes(profile: Profile, clients: Sequence[int]) -> Profile:
    """The profile with these numbers of clients wherever a scenario has several; the last where one."""
    if not clients:
        return profile
    sizes, last = list(clients), clients[-1]
    change = msgspec.structs.replace
    return change(
        profile,
        noise=change(profile.noise, clients=last),
        broadcast=change(profile.broadcast, clients=sorted(sizes), rate_clients=last),
        freshness=change(profile.freshness, clients=last),
        break_even=change(profile.break_even, clients=sizes),
        returns=change(profile.returns, clients=last, flapping=last),
        capacity=change(profile.capacity, first=min(sizes), most=max(sizes)),
        cost=change(profile.cost, clients=sizes),
        peers=change(profile.peers, clients=last),
        swarm_cost=change(profile.swarm_cost, players=sizes),
        swarm_truth=change(profile.swarm_truth, players=sizes, tool_players=min(sizes)),
        engine=change(
            profile.engine, ladder=[], fanout=sizes, storms=sizes, returns=sizes, memory=sizes, fresh=last
        ),
        storms=sizes,
        herds=sizes,
        hostile=change(profile.hostile, good=last),
        cluster=change(profile.cluster, broadcast=last, storm=last, players=last),
        survival=change(profile.survival, users=last),
    )  # fmt: skip


def parts(profile: Profile) -> Profile:
    """As it is run by the names of its benches: those of the engine at all of their own sizes, one thing at a time, and
    the search for the capacity as far as there are descriptors."""
    named = msgspec.structs.replace(
        profile, storms=profile.engine.storms, herds=profile.engine.returns, in_one_window=False
    )
    return named if profile.name == "smoke" else wherever(named)


def wherever(profile: Profile) -> Profile:
    """With a search for the capacity that finds the knee wherever it is; it takes a minute or two per repeat."""
    change, sizes = msgspec.structs.replace, profile.capacity
    return change(
        profile,
        capacity=change(sizes, most=max(sizes.most, MOST_CLIENTS), resolution=min(sizes.resolution, RESOLUTION)),
    )
