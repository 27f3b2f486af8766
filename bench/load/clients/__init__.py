"""Clients of a server under test, many per process, by what they are for."""
