"""Runs in files: run.json of any schema, runs of the swarm, the stored baseline."""
