"""Benches of single parts of the server, and of the swarm that loads it."""
