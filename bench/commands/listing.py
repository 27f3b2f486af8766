"""``lobby-bench list``."""

from __future__ import annotations

import click


@click.command("list")
def list_scenarios() -> None:
    """The scenarios and their questions."""
    from bench.record.questions import ENGINE_QUESTIONS, PROMISES, PROMISES_QUESTION, QUESTIONS

    reported = list(QUESTIONS.items())
    reported.insert(-1, (PROMISES, PROMISES_QUESTION))
    by_name = list(ENGINE_QUESTIONS.items())
    width = max(len(name) for name, _ in (*reported, *by_name))
    for name, question in reported:
        click.echo(f"{name:<{width}}  {question}")
    click.echo(
        "\nBenches of the fan-out engine and of several nodes, not in the report (storm and reconnect have goals "
        "there, too):\n"
    )
    for name, question in by_name:
        click.echo(f"{name:<{width}}  {question}")
