"""Servers, peers and generators as processes: their cores, flags, time and memory, and the order of turns."""
