"""Load generators as one writes them by hand, or as the manual of a tool has them: what the swarm is compared with.

Each plays one player per line of a file of tokens: connect, shake hands, count what comes, send heartbeats.
"""
