"""Valkey: the connections of a node, the keys of a cluster, and what is done with them."""
