"""The floors of the swarm."""

from __future__ import annotations

PACKAGE = "loadtest"

LAYERS = (
    # What programs read and a shell sees: no Locust, no gevent
    ("results",),
    # The client library, usable without a swarm
    ("client.errors", "client.counters", "client.signals", "client.timing", "client.reconnect", "client.side_thread"),
    ("client.http",),
    ("client.api",),
    ("client.sockets",),
    ("client.accounts", "client.lists", "client.social"),
    ("client",),
    ("wire",),
    # What was measured, what is to be done, who does it
    ("measure",),
    ("workload",),
    ("players",),
    # What comes of a run, and the place in Locust that calls it
    ("output",),
    ("run",),
    ("calibration",),
    # The ways in
    ("calibrate", "locustfile", "swarm"),
)

LIBRARY_OWNERS = {
    "locust": {"workload", "players", "output", "run", "calibration"},
    "gevent": {"wire", "measure", "workload", "players", "output", "run", "calibration"},
    "flask": {"output"},
    "jinja2": {"output"},
    "hdrh": {"measure"},
    "prometheus_client": {"output"},
    "opentelemetry": {"output"},
}
"""Which packages may use a library that a client without Locust, or a reader of run.json, has to do without."""

TEST_PACKAGES = ("tests.loadtest",)
"""Folders of tests that keep to the same size."""
