"""The profiles of reports, and that of the gate."""

from __future__ import annotations

import msgspec

from bench.record.profiles.profile import Profile
from bench.record.profiles.sizes import (
    EVERY_FEATURE,
    GREAT_STORM,
    LADDER,
    BandwidthSizes,
    BreakEvenSizes,
    BroadcastSizes,
    CalibrationSizes,
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
    ScaleSizes,
    SimulationSizes,
    SurvivalSizes,
    SwarmCostSizes,
    SwarmSizes,
    SwarmTruthSizes,
)
from bench.record.vocabulary import FLOOR, NAIVE_TORNADO, NODE_EXPRESS

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
        players=[20], players_per_s=5.0, run_s=5.0, frozen_run_s=[6.0], heartbeat_s=1.0, own_changes_per_s=1.0,
        tool_players=10, tool_run_s=2.5,
    ),
    churn=ChurnSizes(accepted=60, refused=60, room=30, warm_up=20, samples=6),
    hostile=HostileSizes(good=20, round_s=0.2),
    cluster=ClusterSizes(
        repeats=1, nodes=[1, 2], broadcast=20, broadcasts=2, changes=10, storm=20, talkers=4, lines=10, players=24,
        members=4, down_s=0.5, rooms=12, kills=1,
    ),
    survival=SurvivalSizes(users=30, spawn_per_s=30.0, every_s=16.0, recovery_s=6.0),
    simulation=SimulationSizes(schedules=2),
    prediction=PredictionSizes(
        calibration=CalibrationSizes(
            repeats=1, clients=[10, 40], broadcasts=2, burst=4, rooms=[5, 40], changes=6, get_s=0.1, comers=20,
            storm=10, pings_s=1.5, memory=[20, 60], nodes=[1, 2], shared_changes=6, talkers=3, lines=10, users=40,
            idle_ms=[10.0, 100.0], shared_idle_ms=100.0, shared_cold=3,
            again_until_s=0.0,
        ),
        polling=30, fetching=20, deltas=30, changes_per_s=[2.0], rooms=10, window_s=1.0, nodes=[2], broadcast=40,
        broadcasts=3, herd=30, scale=ScaleSizes(nodes=1, for_s=2.0),
    ),
    engine=EngineSizes(
        repeats=1, ladder_repeats=1, ladder=[], fanout=[20], broadcasts=3,
        storms=[20], storm_repeats=1, returns=[20], memory=[20, 40], fresh=20, changes=10, get_s=0.2,
        creators=20, create_s=0.2,
    ),
    storms=[20],
    herds=[20],
    left_out=["prediction"],
)  # fmt: skip

QUICK = Profile(
    name="quick",
    budget_s=163.0,
    left_out=["prediction"],
    purpose="the questions at sizes that take at most three minutes on two cores",
    noise=NoiseSizes(clients=200, repeats=2, broadcasts=2, get_s=0.2),
    broadcast=BroadcastSizes(
        clients=[100, 1_000], notify_broadcasts=3, refetch_broadcasts=2, logins=2
    ),
    freshness=FreshnessSizes(window_s=1.0, changes_per_s=2.0),
    bandwidth=BandwidthSizes(
        rooms=[10, 50], clients=4, window_s=30.0, poll_s=3.0, heartbeat_s=30.0, time_scale=1.0,
        changes_per_s=[0.0, 0.1, 1.0, 10.0],
    ),
    break_even=BreakEvenSizes(ways=["push"], clients=[150], changes_per_s=[0.5], rooms=10, window_s=2.0),
    capacity=CapacitySizes(first=4_000, broadcasts=2, resolution=1.0),
    peers=PeersSizes(clients=400, broadcasts=4, get_s=0.15, only=[FLOOR, NAIVE_TORNADO, NODE_EXPRESS]),
    cost=CostSizes(lives=["idle", "active, push with fetch"], window_s=1.0),
    simulation=SimulationSizes(schedules=4),
    prediction=PredictionSizes(
        calibration=CalibrationSizes(
            repeats=2, clients=[300, 1_200], changes=20, comers=300, storm=600, memory=[300, 1_200], lines=40,
            users=600,
        ),
        repeats=2,
    ),
    swarm=SwarmSizes(
        users=60, spawn_per_s=30.0, run_s=6.0, poller_share=0.25, room_interval_s=30.0, room_lifetime_s=10.0,
        mix=EVERY_FEATURE,
    ),
)  # fmt: skip

FULL = Profile(
    name="full",
    budget_s=44.0 * 60,
    purpose="every question, what is compared five times in turns; at most forty-five minutes on two cores",
    noise=NoiseSizes(clients=1_000, repeats=5, broadcasts=10, get_s=0.5),
    broadcast=BroadcastSizes(
        clients=[100, 1_000, 3_000, 10_000], repeats=5, notify_broadcasts=4, refetch_broadcasts=2, logins=3,
        changes_per_s=[1.0, 20.0], rate_clients=1_000, rate_s=3.0,
    ),
    freshness=FreshnessSizes(clients=300, repeats=5, window_s=3.0, changes_per_s=1.0),
    bandwidth=BandwidthSizes(
        rooms=[10, 50, 200], clients=5, window_s=120.0, poll_s=3.0, heartbeat_s=30.0, time_scale=1.0,
        changes_per_s=[0.0, 0.01, 0.1, 1.0, 10.0],
    ),
    break_even=BreakEvenSizes(
        clients=[100, 1_000], changes_per_s=[0.25, 1.0, 10.0], rooms=10, window_s=2.5, has_idle=True,
    ),
    returns=ReturnSizes(clients=1_000, repeats=5, flapping=500),
    capacity=CapacitySizes(first=9_000, most=18_000, broadcasts=5, repeats=5, resolution=0.25),
    cost=CostSizes(clients=[1_000, 3_000], repeats=5, window_s=2.0),
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
    prediction=PredictionSizes(
        calibration=CalibrationSizes(
            repeats=1, clients=[300, 1_500], broadcasts=2, burst=6, changes=20, get_s=0.3, comers=400, storm=800,
            pings_s=1.0, memory=[300, 1_200], nodes=[1, 3], shared_changes=20, talkers=30, lines=60, users=600,
            idle_ms=[10.0, 100.0, 1_000.0], shared_cold=6,
        ),
        polling=900, fetching=600, deltas=2_500, changes_per_s=[0.8], window_s=4.0, nodes=[2], broadcast=2_000,
        broadcasts=6, herd=1_000, scale=ScaleSizes(),
    ),
    prediction_by_name=PredictionSizes(
        polling=5_000, fetching=5_000, deltas=10_000, changes_per_s=[1.0, 10.0], window_s=6.0, broadcast=10_000,
        broadcasts=12, herd=5_000, repeats=2, scale=ScaleSizes(for_s=120.0),
    ),
    survival=SurvivalSizes(users=3_000, spawn_per_s=150.0, every_s=45.0, recovery_s=30.0),
    simulation=SimulationSizes(schedules=8, repeats=5),
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
