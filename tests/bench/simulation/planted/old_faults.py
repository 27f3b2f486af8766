"""Faults that players met before there was a simulation, each with the smallest schedule that finds it again.

The mutant of that name brings the old behaviour back; on today's code the schedule holds.
"""

# ruff: noqa: E501
from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class OldFault:
    mutant: str
    """Its name in `tests.bench.simulation.planted.mutants`."""
    met: str
    """What players saw."""
    invariant: str
    """That the schedule violates with the mutant."""
    schedule: str


OLD_FAULTS: tuple[OldFault, ...] = (
    OldFault(
        "a device that comes back pulls its user into its old room",
        "A device that comes back pulls its user out of the room they are in now.",
        "nobody is moved unasked",
        "0: 14.297 away 16 34 480, 16.729 create_room 16 585 102",
    ),
    OldFault(
        "who comes back is not told where they are",
        "A player who is back after a moment is not told what happened in the room meanwhile, nor that they were put out.",
        "who comes back is told where they are",
        "17: 9.376 rolling 2 539 286, 9.552 create_room 15 473 327, 9.71 join 18 549 325",
    ),
    OldFault(
        "an invitation that is over is not taken back",
        "An invitation into a party that is gone stays with its guest.",
        "views equal the truth",
        "2: 12.62 create_party 1 967 115, 13.52 invite_to_party 19 543 890",
    ),
    OldFault(
        "a room is deleted by everybody who asks",
        "Of many calls that delete one room all are answered with success.",
        "what was answered is so",
        "1: 10.719 create_room 2 133 867, 16.318 delete_room 2 877 939",
    ),
    OldFault(
        "writes are forgotten while the database is away",
        "A ban, a new host or a deletion is forgotten that was to be written while the database was away.",
        "writes are kept",
        "10: 15.192 create_room 11 316 382, 15.265 away 11 614 299, 15.771 store_away 0 784 25, 16.376 join 13 198 698, 16.418 say_room 17 553 321",
    ),
    OldFault(
        "a worker that joins late has users of others",
        "A worker of the swarm that joins a running test gives its players the users of others.",
        "every player is a user",
        "0: ",
    ),
)
