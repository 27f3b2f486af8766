"""Rooms: commands, the public list, and what is told of its changes."""
