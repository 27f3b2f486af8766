"""Clients of a lobby of several nodes, which come back elsewhere when theirs is gone, and what they see of a fault."""
