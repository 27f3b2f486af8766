"""Servers that speak otherwise than the lobby: how their messages are read, and what is said to them."""
