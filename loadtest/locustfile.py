"""The lobby swarm for Locust:

locust -f loadtest/locustfile.py --host http://localhost:30820
"""

from locust import events

from loadtest.hooks import install
from loadtest.players import Player

__all__ = ["Player"]

install(events)
