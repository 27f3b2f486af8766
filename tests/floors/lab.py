"""The floors of the lab."""

from __future__ import annotations

PACKAGE = "bench"

LAYERS = (
    # Shares nothing with the others but the format of run.json and figures.json
    ("audit",),
    ("citations", "measures", "stats"),
    ("words",),
    ("record",),
    # What is made of a record: nothing there runs anything
    ("analysis",),
    ("report",),
    # What makes a record
    ("peers",),
    ("processes",),
    ("simulation.outside.loop",),
    ("simulation.outside.social_memory", "simulation.outside.admin_memory", "simulation.outside.mail_memory"),
    ("simulation.outside.account_memory",),
    ("simulation.outside.memory_store",),
    ("simulation.outside.valkey", "simulation.outside.store", "simulation.outside.wire"),
    ("simulation.outside",),
    ("simulation.nodes",),
    ("simulation.clients",),
    ("simulation.standstill",),
    ("simulation.faults", "simulation.brief_tokens"),
    ("simulation.schedule", "simulation.checks"),
    ("simulation.cast", "simulation.swarm_plan"),
    ("simulation.run",),
    ("simulation.many", "simulation.shrink", "simulation.story"),
    ("simulation",),
    # What a model comes to: nothing there measures anything
    ("prediction.cold",),
    ("prediction.fitting", "prediction.model", "prediction.mix", "prediction.prices"),
    ("prediction.virtual.setup", "prediction.virtual.measures", "prediction.virtual.core", "prediction.virtual.crowd"),
    ("prediction.virtual.commits", "prediction.virtual.door", "prediction.virtual.rooms"),
    ("prediction.virtual.log", "prediction.virtual.desk"),
    ("prediction.virtual.node",),
    ("prediction.virtual.lobby",),
    ("prediction.virtual",),
    ("prediction.plan",),
    ("prediction.steady",),
    ("prediction.forecast", "prediction.comparison"),
    ("prediction",),
    ("load",),
    ("scenarios",),
    # The command line
    ("commands.errors",),
    ("commands.runs", "commands.measuring", "commands.trial"),
    ("commands",),
    ("cli",),
)

APART = (("analysis", "report"), ("peers", "processes", "simulation", "prediction", "load", "scenarios"), ("audit",))
"""Wings, none of which imports another: a saved run is drawn without any load generator, and an auditor that used the
analysis would repeat its mistakes."""

TEST_PACKAGES = ("tests.bench",)
"""Folders of tests that keep to the same size."""
