"""The lobby swarm for Locust:

locust -f loadtest/locustfile.py --host http://localhost:30820
"""

from locust import events

from loadtest.hooks import install
from loadtest.users import Player, Poller

__all__ = ["Player", "Poller"]

install(events)
