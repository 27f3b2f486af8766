"""Words that a stored run uses besides the names of measures: parties, series, outcomes.

Scenarios write them, analysis and report read them.
"""

from __future__ import annotations

# Parties: whose figure it is
LOBBY = "lobby"
"""The party that is measured where there are no others."""
OTHER_BUILD = "the other build"
"""The server of another checkout, in turns with this one's."""
LOBBY_AGAIN = "lobby again"
"""The same server once more, in an A/A."""
LOBBY_EMPTY = "lobby without clients"
LOBBY_UNCHANGED = "lobby 304"
LOBBY_GZIP, LOBBY_FILTERED = "lobby gzip", "lobby filtered"
"""The room list, compressed, and of one game mode."""
FLOOR = "floor"
"""The least that a broadcast can cost: a ready frame and a ``send`` for each socket."""
NODE_WS = "node ws"
NODE_HTTP = "node http"
NAIVE_TORNADO = "naive Tornado"
PLAIN_HANDLER = "RequestHandler"
SWARM, LOCUST_RECIPE, TSUNG = "the swarm", "Locust, usual recipe", "tsung"
"""Load generators; so are `NODE_WS` and `WEBSOCKETS` in the scenario `swarm-cost`."""
IDLE, BESIDE_A_SPINNER = "idle", "beside a spinning neighbour"
FROZEN = "frozen for {frozen_s:g} s of {run_s:g}"
"""How a load generator is held up in the scenario `swarm-truth`; it follows its name."""
NODE_EXPRESS, WEBSOCKETS, STARLETTE = "Node.js, ws + Express", "websockets", "Starlette, uvicorn"

# Parties of a restart begin with the policy of the clients' retries
FIXED_RETRY, JITTER_RETRY = "fixed 5 s", "jitter"

# Parties of a lobby on several nodes; `LOBBY` is one process without a backplane
ONE_NODE = "one node of {nodes}"
ONE_APART = "one process of {nodes} apart"
"""Without a backplane, each with a room of its own: what so many processes at work cost each other on the machine."""
NODES_AND_VALKEY = "2 nodes and Valkey"
SAME_NODE, OTHER_NODE = "on the node of the change", "on another node"
OWN_NODE, OTHER_NODES, VALKEY = "its own node", "each other node", "Valkey"
ROOMS_WHILE = "rooms, {killed} killed"
"""Series of the rooms that are made while one thing is killed over and over."""

# Ways to the list that are compared at scale, in virtual time
WAYS_AT_SCALE = (
    ("polling", "polling", "friends"),
    ("polling, ETag", "polling_etag", "friends"),
    ("push, then fetch", "push", "friends"),
    ("deltas, presence to all", "delta", "all"),
    ("deltas, presence batched", "delta", "batched"),
    ("deltas, presence of friends", "delta", "friends"),
)
"""Party, way, presence. Who polls hears of nobody."""
RESOURCES = CORE, BANDWIDTH, MEMORY, LOG, BALANCER, DATABASE = (
    "core", "bandwidth", "memory", "log", "balancer", "database"
)  # fmt: skip
"""What a lobby uses up."""
LATENCY = "latency"
"""What breaks where no resource is above its ceiling and the level of service is missed."""
AT_SCALE = "ways compared at scale"
"""So begins the note with the assumptions of that comparison."""

# Series: all samples of one thing
ANNOUNCEMENT = "announcement"
"""From the intended time of a change until a client was told."""
FETCHED_ANNOUNCEMENT = "announcement, everybody fetching"
FRESH_LIST = "fresh list"
"""From the intended time of a change until a client held a list with it, everybody fetching at once."""
STATUS = "status"
"""From the intended time of a login until a client was told."""
POLLED_AGE = "age of a room when a poll first shows it"
CHANGE_ANSWERED = "until the publisher had its answer"
TIME_TO_FRESH = "time to fresh"
STALENESS = "staleness"
ACCEPTED = "accepted"
BACK_AND_FRESH = "back and fresh"
ANSWERED_201, REFUSED = "rooms answered with 201", "refused"
"""When, since a fault."""
KILLS = "kills"

# Outcomes of a step of the capacity search are the parties of its series
MET, MISSED, NOT_MEASURED = "met", "missed", "not measured"
DISTURBED = "the generator was the limit, or other work had the cores"

HEARTBEAT_TIMEOUT = "heartbeat timeout of the server, s"
"""Fact of a scenario: a socket that says nothing for so long is closed."""

ALL_CHANGES_TIMED = "all changes timed"
"""Fact of a scenario of cells: the ends of rooms are timed, too. Without it only makings were, every second change."""

ANNOUNCEMENTS_SENT, MATCH_INVITATIONS_SENT = "announcements sent", "match invitations sent"
"""Facts of a swarm: what the lab did while it played."""

LOST_BY_CODE = "connections lost unasked, close code "
"""Facts of a scenario: how many, for each code; ``None`` is a socket that was cut."""
