"""The sizes of all scenarios of a run, and how a profile is made to fit what was asked for."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from bench.record.profiles.sizes import (
    ENGINE_QUICK,
    MOST_CLIENTS,
    RESOLUTION,
    BandwidthSizes,
    BreakEvenSizes,
    BroadcastSizes,
    CapacitySizes,
    ChurnSizes,
    ClusterSizes,
    CostSizes,
    EngineSizes,
    FreshnessSizes,
    HostileSizes,
    NoiseSizes,
    PeersSizes,
    PredictionSizes,
    ReturnSizes,
    SimulationSizes,
    SurvivalSizes,
    SwarmCostSizes,
    SwarmSizes,
    SwarmTruthSizes,
)

OF_A_SWARM = "swarm"
"""Name of the profile of a run that the swarm made by itself; see `bench.record.files.swarm_file`."""


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
    simulation: SimulationSizes = SimulationSizes()
    prediction: PredictionSizes = PredictionSizes()
    prediction_by_name: PredictionSizes | None = None
    """When it is run by its name; ``None``: the same."""
    engine: EngineSizes = ENGINE_QUICK
    storms: list[int] = msgspec.field(default_factory=lambda: [1_000])
    """Of the report; the bench has sizes of its own when it is run by its name."""
    herds: list[int] = msgspec.field(default_factory=lambda: [500])
    """Clients that come back from a restart all at once; likewise."""
    in_one_window: bool = True
    """What only waits most of its time, one after the other, has its turn while bytes are counted."""
    left_out: list[str] = msgspec.field(default_factory=list)
    """Scenarios that a report of this profile has no time for."""
    budget_s: float = 0.0
    """A report has this long to measure: what was planned, and again what other work disturbed. 0: nothing again."""

    @property
    def is_of_a_swarm(self) -> bool:
        """Of a run that is nothing but a swarm, and not the lab's."""
        return self.name == OF_A_SWARM


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
            profile.engine, ladder=[], fanout=sizes, storms=sizes, returns=sizes, memory=sizes, fresh=last,
            creators=last,
        ),
        storms=sizes,
        herds=sizes,
        hostile=change(profile.hostile, good=last),
        cluster=change(profile.cluster, broadcast=last, storm=last, players=last),
        survival=change(profile.survival, users=last),
        prediction=change(
            profile.prediction, polling=last, fetching=last, deltas=last, broadcast=last, herd=last
        ),
    )  # fmt: skip


def parts(profile: Profile) -> Profile:
    """As it is run by the names of its benches: those of the engine and forecasts at all of their own sizes, one thing
    at a time, and the search for the capacity as far as there are descriptors."""
    named = msgspec.structs.replace(
        profile, storms=profile.engine.storms, herds=profile.engine.returns, in_one_window=False,
        prediction=profile.prediction_by_name or profile.prediction,
    )  # fmt: skip
    return named if profile.name == "smoke" else wherever(named)


def wherever(profile: Profile) -> Profile:
    """With a search for the capacity that finds the knee wherever it is; it takes a minute or two per repeat."""
    change, sizes = msgspec.structs.replace, profile.capacity
    return change(
        profile,
        capacity=change(sizes, most=max(sizes.most, MOST_CLIENTS), resolution=min(sizes.resolution, RESOLUTION)),
    )
