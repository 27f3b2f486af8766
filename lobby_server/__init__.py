"""A real-time game-lobby server on Tornado."""

__version__ = "0.1.0"
