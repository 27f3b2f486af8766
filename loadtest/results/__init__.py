"""What a run comes to, in the words that the swarm writes and the lab reads: exit codes, validity, machine, run.json.

The lowest floor: nothing here imports another part of the swarm, Locust, gevent or a client, so reading a saved run
loads no load generator.
"""
