"""The vocabulary of the lobby: what goes over the wire, and nothing that does anything with it.

The server, the swarm and the benches import this package; it imports msgspec and the standard library only.
"""
