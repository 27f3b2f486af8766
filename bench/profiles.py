"""How big a report is: every size that a scenario runs with, by profile. The full one comes with the full lab."""

from __future__ import annotations

import msgspec


class BroadcastSizes(msgspec.Struct, frozen=True, kw_only=True):
    clients: list[int]
    """Push clients at each point, ascending: one population grows on one server."""
    clients_per_user: int
    """Sockets that a user holds. With one each, N logins would first be N² `user_online` messages, a question of its
    own; presence is of users, so more sockets of a user change nothing for the others."""
    rooms: int
    """Rooms in the list before the first broadcast of a point."""
    notify_broadcasts: int
    """Broadcasts of a point in which clients only receive."""
    notify_interval_s: float
    """Between two of them; and `interval_per_client_s` more for each client."""
    refetch_broadcasts: int
    """Broadcasts of a point after which every client fetches the list."""
    refetch_interval_s: float
    """Between two of them; and `interval_per_client_s` more for each client."""
    interval_per_client_s: float
    """A herd of fetches takes its time, and a server may space its announcements by that time to keep herds apart:
    broadcasts must be further from each other to be single ones."""
    logins: int
    """Users that come online one at a time at each point."""
    login_interval_s: float
    pollers: int
    """Clients beside the push clients that poll the old way."""
    poll_s: float


class IdleSizes(msgspec.Struct, frozen=True, kw_only=True):
    rooms: list[int]
    """Lengths of the room list; a server each, all in the same minute."""
    clients: int
    """Of each kind, at each length of the list."""
    window_s: float
    poll_s: float
    heartbeat_s: float
    time_scale: float
    """1: at true length. Above 1: every time of the scenario is that much shorter, for a smoke test."""


class ReconnectSizes(msgspec.Struct, frozen=True, kw_only=True):
    clients: int
    retry_s: float
    """The fixed policy: this long after a loss, and after every attempt that failed."""


class SwarmSizes(msgspec.Struct, frozen=True, kw_only=True):
    users: int
    spawn_per_s: float
    run_s: float
    poller_share: float
    """Users that poll the old way; the others hold a socket."""
    room_interval_s: float
    """Mean time between two rooms of a player."""
    room_lifetime_s: float


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    purpose: str
    broadcast: BroadcastSizes
    idle: IdleSizes
    reconnect: ReconnectSizes
    swarm: SwarmSizes


QUICK = Profile(
    name="quick",
    purpose="the questions at sizes that take at most three minutes on two cores",
    broadcast=BroadcastSizes(
        clients=[100, 500, 1000, 2000],
        clients_per_user=10,
        rooms=10,
        notify_broadcasts=10,
        notify_interval_s=0.3,
        refetch_broadcasts=8,
        refetch_interval_s=0.4,
        interval_per_client_s=0.0005,
        logins=5,
        login_interval_s=0.3,
        pollers=60,
        poll_s=3.0,
    ),
    idle=IdleSizes(rooms=[10, 50], clients=20, window_s=60.0, poll_s=3.0, heartbeat_s=30.0, time_scale=1.0),
    reconnect=ReconnectSizes(clients=50, retry_s=5.0),
    swarm=SwarmSizes(
        users=60, spawn_per_s=20.0, run_s=30.0, poller_share=0.25, room_interval_s=30.0, room_lifetime_s=10.0
    ),
)

SMOKE = Profile(
    name="smoke",
    purpose="a check that everything runs; sizes and times far too small to conclude from",
    broadcast=BroadcastSizes(
        clients=[10, 40],
        clients_per_user=5,
        rooms=4,
        notify_broadcasts=3,
        notify_interval_s=0.35,
        refetch_broadcasts=3,
        refetch_interval_s=0.35,
        interval_per_client_s=0.0,
        logins=2,
        login_interval_s=0.2,
        pollers=10,
        poll_s=0.5,
    ),
    idle=IdleSizes(rooms=[4, 8], clients=4, window_s=6.0, poll_s=0.3, heartbeat_s=3.0, time_scale=10.0),
    reconnect=ReconnectSizes(clients=10, retry_s=5.0),
    swarm=SwarmSizes(users=10, spawn_per_s=10.0, run_s=5.0, poller_share=0.3, room_interval_s=4.0, room_lifetime_s=2.0),
)
