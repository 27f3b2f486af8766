"""The line between a player and the network, emulated."""
