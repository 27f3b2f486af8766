"""The lobby swarm for Locust:

locust -f loadtest/locustfile.py --host http://localhost:30820
"""

from locust import events

from loadtest.players import Player
from loadtest.run.hooks import install

__all__ = ["Player"]

install(events)
