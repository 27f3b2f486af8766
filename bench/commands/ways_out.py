"""What to try where no number of nodes holds a plan, by what was the reason: one sentence, or none."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from bench.words import in_ms, plural

if TYPE_CHECKING:
    from bench.prediction.forecast import NoNumber
    from bench.prediction.plan import Plan

IN_NO_COMPARISON = {
    "players": "--players", "way": "--way", "presence": "--presence", "prices_file": "--prices",
}  # fmt: skip
"""Options of `predict` that mean nothing with --compare, by their parameters."""


def way_out(error: NoNumber, plan: Plan) -> list[str]:
    """Of what a lobby has once, another way or fewer players need less. Fewer players do not bring a change sooner
    where the cores are not what it waits for. More nodes than were tried need no sentence."""
    from bench.prediction.forecast import ONE_OF_A_KIND
    from bench.record.vocabulary import LATENCY

    if error.why in ONE_OF_A_KIND:
        command = comparison_like(click.get_current_context(), nodes=error.nodes)
        where = f"How many players each way carries on {plural(error.nodes, 'node')}"
        return [f"{where} says {command}; beyond that, run several lobbies."]
    if error.why == LATENCY:
        return [f"At most {in_ms(plan.level.slo_ms)} are allowed (--slo-ms).{_bounds(plan)}"]
    return []


def comparison_like(context: click.Context, *, nodes: int) -> str:
    """The command that compares the ways on so many nodes with all else as it was given on the command line."""
    words = ["lobby-bench", "predict", "--compare", "--nodes", str(nodes)]
    for parameter in context.command.params:
        name = parameter.name or ""
        is_given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if not is_given or name in (*IN_NO_COMPARISON, "compare", "nodes"):
            continue
        value = context.params[name]
        text = str(value).removesuffix(".0") if isinstance(value, float) else str(value)
        words += [parameter.opts[0]] if value is True else [parameter.opts[0], text]
    return shlex.join(words)


def _bounds(plan: Plan) -> str:
    """What is in the time to fresh, or in that of an answer, on any number of nodes."""
    found = []
    if plan.network_ms:
        found.append(f"the network's {in_ms(plan.network_ms)} one way (--network-ms)")
    if plan.on(1).has_sockets:
        found.append("the server's pause between two announcements of a list")
    return f" Part of it, on however many nodes: {' and '.join(found)}." if found else ""
