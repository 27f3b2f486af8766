"""The people of the swarm. Locust counts seats (`Player`); who sits there plays a role, one class a file."""

from loadtest.players.seat import Player

__all__ = ["Player"]
