"""Nodes, and the log that they have in common."""

from __future__ import annotations

from lobby_server.core.machine.commands.base import Command


class NodeUp(Command, frozen=True):
    """A node takes part from now on."""

    node: str
    address: str = ""
    version: str = ""


class NodeDown(Command, frozen=True):
    """A node ends in an orderly way: its users have `grace_s` to come back by way of another one."""

    node: str
    grace_s: float = 0.0


class NodeLost(Command, frozen=True):
    """A node has not been heard of for too long: all its sockets are lost."""

    node: str


class BeginEpoch(Command, frozen=True):
    """Valkey was started again, and the log goes on in a new stream, from the state of one node. Every node has it at
    that place; it does not stand in the stream. `silence_s`: between the last entry and the opening of the stream, by
    the time of the log. `floor`: revisions of the list below it are given no more."""

    silence_s: float
    floor: int = 0


class RaiseRevision(Command, frozen=True):
    """A node has taken the state of a lobby that outlived its own, and has shown the list at a higher revision before:
    `shown`."""

    shown: int


class Nothing(Command, frozen=True):
    """Whoever appends it and sees it applied has seen everything before it."""
