"""The section on the Locust swarm."""

from __future__ import annotations

import shlex
from typing import Any

from bench.analysis.derived.overview import Overview
from bench.analysis.sources import spent
from bench.analysis.sources import swarm as of_swarm
from bench.citations import cite, setting
from bench.record.findings import Stretch
from bench.report.sections.page import Section, Table
from bench.words import count, in_digits, in_ms, without_folder
from loadtest.results.validity import BUSY_SHARE


def swarm_section(figures: Overview) -> Section | None:
    found = figures.run.found("swarm")
    if found is None or found.swarm is None or found.stretch is None:
        return None
    result, load = found.swarm, found.stretch
    swarm = result.document
    requests = swarm.get("requests", [])
    total = sum(int(row["count"]) for row in requests)
    failures = sum(int(row["failures"]) for row in requests)
    sizes = figures.run.profile.swarm
    share = load.generator_cpu_s / load.wall_s if load.wall_s else 0.0
    valid = share <= BUSY_SHARE
    is_alone = figures.run.profile.is_of_a_swarm
    return Section(
        name="swarm",
        title="What does ordinary life look like?",
        shows=[
            f"{cite(count(sizes.users), setting('swarm.users'))} users, "
            f"{cite(f'{sizes.poller_share:.0%}', setting('swarm.poller_share', 'share'))} of them polling, made "
            f"{cite(count(total), of_swarm('requests.count'))} requests in "
            f"{_duration(swarm, sizes.run_s)}; {cite(count(failures), of_swarm('requests.failures'))} failed.",
            _cpu_words(load, share),
            *_reach_words(swarm.get("ledger", {})),
        ],
        validity=_own_validity(swarm)
        if valid
        else f"INVALID: Locust used {cite(f'{share:.0%}', spent('swarm', 'generator_cpu_s', share=True))} of a core",
        method=[
            _surroundings(figures.run.profile.in_one_window, is_alone=is_alone),
            "Command: " + shlex.join(map(without_folder, result.command)),
            "docs/comparison.md holds the swarm against tsung, Artillery, k6, Gatling and a Locust recipe.",
        ],
        repeat=shlex.join(result.command)
        if is_alone
        else f"lobby-bench run swarm --{figures.run.profile.name} --seed {figures.run.seed}",
        tables=(_request_table(requests), _series_table(swarm.get("series", [])), _event_table(swarm)),
    )


def _cpu_words(load: Stretch, share: float) -> str:
    server_ms = cite(f"{in_digits(1e3 * load.server_cpu_s)} ms", spent("swarm", "server_cpu_s"))
    server = f"used {server_ms} of CPU" if load.server_cpu_s else "was not watched"
    busiest = cite(f"{share:.0%}", spent("swarm", "generator_cpu_s", share=True))
    return f"The server {server}, the busiest process of the swarm used {busiest} of a core."


def _duration(swarm: dict[str, Any], planned_s: float) -> str:
    if "duration_s" not in swarm:
        return cite(f"{in_digits(planned_s)} s", setting("swarm.run_s", "s"))
    return cite(f"{in_digits(float(swarm['duration_s']))} s", of_swarm("duration_s", "s"))


def _surroundings(in_one_window: bool, *, is_alone: bool) -> str:
    if is_alone:
        return "A run of the swarm by itself, against a server of its user's."
    if in_one_window:
        return "The product's own swarm, run headless. Beside it are at most the few clients whose bytes are counted."
    return "The product's own swarm, run headless. It has the machine for itself."


def _reach_words(ledger: dict[str, Any]) -> list[str]:
    """From schema 2 of the swarm's file on."""
    words = []
    for name, what in (("presence", "another one come or go"), ("rooms", "of a change of the rooms")):
        account = ledger.get(name, {})
        if account.get("expected"):
            words.append(
                f"{cite(count(account['expected']), of_swarm(f'ledger.{name}.expected'))} times a player should have "
                f"heard {what}; {cite(count(account['lost']), of_swarm(f'ledger.{name}.lost'))} of them did not come "
                f"in time.{_unjudged(name, account)}"
            )
    return words


def _unjudged(name: str, account: dict[str, Any]) -> str:
    """Of whom nothing could be expected, so that nobody takes the others for all."""
    number = account.get("unjudged", 0)
    if not number:
        return ""
    times = cite(count(number), of_swarm(f"ledger.{name}.unjudged"))
    return f" {times} times more a player came or left meanwhile, and nothing was expected."


def _own_validity(swarm: dict[str, Any]) -> str:
    """What the swarm says of itself, which it does from schema 2 of its file on."""
    own = swarm.get("validity")
    if own is None or own["level"] == "VALID":
        return "valid"
    level = own["level"] if own["level"] == "INVALID" else own["level"].lower()
    return f"{level}: {'; '.join(own['reasons'])}"


_PERCENTILES = (("p50_ms", "p50"), ("p90_ms", "p90"), ("p99_ms", "p99"), ("max_ms", "Most"))


def _request_table(requests: list[dict[str, Any]]) -> Table:
    return Table(
        title="Requests, by Locust",
        headers=("Type", "Name", "n", "Failed", *(title for _, title in _PERCENTILES)),
        rows=[
            [row["type"], row["name"], count(row["count"]), count(row["failures"]), *_cells(row)] for row in requests
        ],
        row_marks=["fails" if row["failures"] else "" for row in requests],
    )


def _series_table(series: list[dict[str, Any]]) -> Table:
    return Table(
        title="Times that are no response times",
        headers=("Series", "n", *(title for _, title in _PERCENTILES)),
        rows=[[row["name"], count(row["count"]), *_cells(row)] for row in series],
    )


def _event_table(swarm: dict[str, Any]) -> Table:
    events = swarm.get("events", {})
    return Table(
        title="Events", headers=("Event", "n"), rows=[[name, count(number)] for name, number in sorted(events.items())]
    )


def _cells(row: dict[str, Any]) -> list[str]:
    return [in_ms(float(row[key])) if row.get(key) is not None else "–" for key, _ in _PERCENTILES]
