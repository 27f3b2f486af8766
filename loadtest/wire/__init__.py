"""Thousands of WebSockets in one process under gevent: one reader, shared timers, nothing of a greenlet a connection.

websocket-client still connects, upgrades and makes the frames that go out; from the upgrade on this package reads.
"""
