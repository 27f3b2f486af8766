"""The sections on coming back after a restart, and on the Locust swarm."""

from __future__ import annotations

from typing import Any

from bench.figures import Figures, returns_after_up_s
from bench.sections.page import Section, Table
from bench.stats import percentile
from bench.validity import GENERATOR_LIMIT
from bench.words import count, in_digits, in_ms, plural


def reconnect_section(figures: Figures) -> Section | None:
    result = figures.run.reconnect
    if result is None:
        return None
    retry_s = figures.run.profile.reconnect.retry_s
    waits_s = returns_after_up_s(figures.run)
    back_s = [way.back_s for way in result.returns if way.back_s is not None]
    codes = sorted({str(way.close_code) for way in result.returns})
    shows = [f"{count(len(back_s))} of {plural(result.clients, 'client')} came back by themselves."]
    if back_s:
        within_ms = 1e3 * (max(back_s) - min(back_s))
        shows.append(
            f"The server accepted again {in_digits(result.up_again_s)} s after it was stopped; the last client was "
            f"back {in_digits(max(back_s))} s after the stop, all within {in_ms(within_ms)} of each "
            "other: a fixed retry brings the whole herd back in one moment."
        )
    rows = [
        [name, *(f"{in_digits(percentile(values, q))} s" for q in (0, 50, 100)), count(len(values))]
        for name, values in (("after the stop", back_s), ("after the server accepted again", waits_s))
        if values
    ]
    return Section(
        name="reconnect",
        title="How soon are clients back after a restart?",
        shows=shows,
        validity="valid" if len(back_s) == result.clients else "suspect: not everybody came back in three retries",
        method=[
            f"{plural(result.clients, 'client')} with the seed's fixed policy, {retry_s:g} s after the loss and after "
            "every attempt that fails. The server is stopped with SIGTERM and started again on the same port. "
            f"Close codes seen: {', '.join(codes)}.",
        ],
        repeat=f"lobby-bench run reconnect --{figures.run.profile.name} --seed {figures.run.seed}",
        charts=("reconnect",),
        tables=(Table(title="Back", headers=("", "First", "Median", "Last", "n"), rows=rows),),
    )


def swarm_section(figures: Figures) -> Section | None:
    result = figures.run.swarm
    if result is None:
        return None
    swarm = result.swarm
    requests = swarm.get("requests", [])
    total = sum(int(row["count"]) for row in requests)
    failures = sum(int(row["failures"]) for row in requests)
    sizes = figures.run.profile.swarm
    share = result.load.generator_cpu_s / result.load.wall_s
    valid = share <= GENERATOR_LIMIT
    return Section(
        name="swarm",
        title="What does ordinary life look like?",
        shows=[
            f"{plural(sizes.users, 'user')}, {sizes.poller_share:.0%} of them polling, made {plural(total, 'request')} "
            f"in {in_digits(float(swarm.get('duration_s', sizes.run_s)))} s; {count(failures)} failed.",
            f"The server used {in_digits(1e3 * result.load.server_cpu_s)} ms of CPU, Locust {share:.0%} of a core.",
        ],
        validity="valid" if valid else f"INVALID: Locust used {share:.0%} of a core",
        method=[
            "The product's own swarm, run headless in the same minute as the idle clients and the restart: times here "
            "are those of a shared machine, for the picture; the section on broadcasts has the machine for itself.",
            "Command: " + " ".join(_shortened(part) for part in result.command),
        ],
        repeat=f"lobby-bench run swarm --{figures.run.profile.name} --seed {figures.run.seed}",
        tables=(_request_table(requests), _series_table(swarm.get("series", [])), _event_table(swarm)),
    )


def _shortened(part: str) -> str:
    """The temporary folder's path says nothing."""
    return part.rsplit("/", 1)[-1] if part.startswith("/") else part


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
