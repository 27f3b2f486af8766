"""The floors of the server."""

from __future__ import annotations

PACKAGE = "lobby_server"

LAYERS = (
    # The vocabulary, and what every floor may use
    ("protocol.codes", "protocol.decoding", "protocol.encoding", "protocol.features"),
    ("protocol",),
    ("settings",),
    # The rules: no time, no I/O
    ("core.refusal", "core.presence", "core.ratelimit", "core.accounts"),
    ("core",),
    # The service: what happens when, over ports
    ("service.social.ports",),
    ("service.ports",),
    (
        "service.errors",
        "service.pacing",
        "service.writer",
        "service.auth",
        "service.watch.metrics",
        "service.watch.loop_lag",
    ),
    ("service.accounts.hashing",),
    ("service.accounts.commands", "service.accounts", "service.retention"),
    ("service.fanout",),
    ("service.session",),
    ("service.sessions", "service.heartbeat"),
    ("service.rooms.fetch_meter", "service.rooms.list", "service.rooms.stored"),
    ("service.rooms.changes", "service.rooms.partings", "service.rooms.revision_mark"),
    ("service.announcer", "service.drain", "service.watch.ops_history"),
    ("service.rooms.commands", "service.lobby"),
    ("service.social",),
    ("service.app",),
    ("service",),
    # The adapters
    ("store.errors",),
    ("store.urls", "store.tables"),
    ("store.engines",),
    ("store.diagnosis", "store.calls", "store.migrate"),
    ("store.migrations",),
    ("store.sql",),
    ("store.opening",),
    ("store.locks",),
    ("store", "backplane"),
    ("web.negotiation", "web.context", "web.refusals", "web.assets"),
    ("web.base",),
    ("web.api.operation", "web.api.bodies", "web.api.contract", "web.pages"),
    ("web.websocket.upgrade", "web.websocket.entrance", "web.websocket.frames_in"),
    ("web.websocket",),
    ("web.ops", "web.ops_socket", "web.front_door"),
    ("web.api",),
    ("web.routes",),
    ("web",),
    # The process
    ("clock", "secret", "logs", "process_figures"),
    ("announce", "server"),
    ("cli",),
)

TEST_PACKAGES = (
    "tests.core",
    "tests.fakes",
    "tests.floors",
    "tests.process",
    "tests.protocol",
    "tests.service",
    "tests.store",
    "tests.web",
)
"""Folders of tests that keep to the same size."""
