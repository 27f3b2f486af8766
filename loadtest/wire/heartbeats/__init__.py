"""Heartbeats: when they come, for all connections together, and what a connection does then."""
