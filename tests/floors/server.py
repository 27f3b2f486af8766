"""The floors of the server."""

from __future__ import annotations

PACKAGE = "lobby_server"

LAYERS = (
    # The vocabulary, and what every floor may use
    ("protocol.codes", "protocol.decoding", "protocol.encoding", "protocol.features"),
    ("protocol",),
    ("options",),
    ("settings",),
    # The rules: no time, no I/O
    ("core.refusal", "core.presence", "core.ratelimit", "core.accounts", "core.addresses"),
    ("core",),
    # The service: what happens when, over ports
    ("service.social.ports",),
    ("service.ports",),
    ("service.writes.kept",),
    (
        "service.errors",
        "service.pacing",
        "service.writes.writer",
        "service.auth",
        "service.watch.metrics",
        "service.watch.loop_lag",
        "service.watch.events",
    ),
    ("service.accounts.hashing",),
    ("service.accounts.commands", "service.accounts", "service.retention", "service.watch.security"),
    ("service.fanout",),
    ("service.peers",),
    ("service.session",),
    ("service.sessions",),
    ("service.rooms.fetch_meter", "service.rooms.list", "service.rooms.stored"),
    ("service.rooms.changes", "service.rooms.partings", "service.rooms.revision_mark"),
    ("service.announcer", "service.drain", "service.watch.ops_history"),
    ("service.rooms.commands", "service.lobby"),
    ("service.social",),
    ("service.app",),
    ("service",),
    # The adapters
    ("store.errors",),
    ("store.postgres_url",),
    ("store.connecting", "store.journal", "store.urls", "store.tables"),
    ("store.engines",),
    ("store.diagnosis", "store.calls", "store.migrate"),
    ("store.migrations",),
    ("store.sql",),
    ("store.opening",),
    ("store.locks",),
    ("store", "backplane"),
    ("web.client_address", "web.negotiation", "web.origin"),
    ("web.traffic", "web.refusals", "web.assets"),
    ("web.context",),
    ("web.base",),
    ("web.api.operation", "web.api.bodies", "web.api.contract", "web.pages"),
    ("web.websocket.deflate", "web.websocket.head", "web.websocket.entrance", "web.websocket.places"),
    ("web.websocket.upgrade", "web.websocket.reader", "web.websocket.wire"),
    ("web.websocket",),
    ("web.sockets", "web.ops", "web.front_door", "web.metrics"),
    ("web.api",),
    ("web.routes",),
    ("web",),
    # The process
    ("clock", "secret", "logs", "process_figures", "environment"),
    ("process",),
    ("announce", "server"),
    ("flags",),
    ("cli",),
)

TEST_PACKAGES = (
    "tests.core",
    "tests.deploy",
    "tests.fakes",
    "tests.floors",
    "tests.process",
    "tests.protocol",
    "tests.proxies",
    "tests.service",
    "tests.store",
    "tests.web",
)
"""Folders of tests that keep to the same size."""
