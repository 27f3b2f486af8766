"""The players of the swarm. Locust counts seats (`Player`); the player on a seat has a role, one module per role."""

from loadtest.players.seat import Player

__all__ = ["Player"]
