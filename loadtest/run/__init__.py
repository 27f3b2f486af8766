"""The swarm in Locust: hooks, checks before a run, master and workers, monitoring."""
