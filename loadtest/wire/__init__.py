"""Thousands of WebSockets in one process under gevent: one reader, shared timers, no greenlet per connection.

websocket-client still connects, upgrades and makes the frames that go out; from the upgrade on this package reads.
"""
