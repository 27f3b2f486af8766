"""The dashboard for Grafana names only metrics, and only labels, that are at ``/metrics``."""

from __future__ import annotations

import json
import re
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from lobby_server.web.pages import STATIC
from tests.web.conftest import Lobby

DASHBOARD: dict[str, Any] = json.loads((STATIC / "grafana" / "lobby.json").read_text(encoding="utf-8"))
QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
VARIABLES = [variable["query"]["query"] for variable in DASHBOARD["templating"]["list"] if variable["type"] == "query"]
OF_PROMETHEUS = {"job", "instance", "le"}
"""Labels that the scrape brings, and the one of every histogram."""


def metrics_of(query: str) -> set[str]:
    return set(re.findall(r"\b(?:lobby|process)_[a-z0-9_]+", query))


async def served(lobby: Lobby) -> dict[str, set[str]]:
    """Names of samples at ``/metrics`` with their labels, once everything that is counted by label has happened."""
    assert lobby.server.app is not None
    metrics = lobby.server.app.metrics
    for counts in (metrics.handshakes_refused, metrics.errors_out, metrics.events_published, metrics.events_conflated):
        counts["something"] += 1
    metrics.closes[1012] += 1
    metrics.security_events["something"] += 1
    await lobby.call("GET", "/api/stats")
    metrics.room_list_served["full"] += 1
    text = (await lobby.call("GET", "/metrics")).body.decode()
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


async def test_every_metric_and_label_of_the_dashboard_is_served(lobby: Lobby) -> None:
    found = await served(lobby)
    assert len(QUERIES) > 20
    for query in QUERIES + VARIABLES:
        names = metrics_of(query)
        assert names, query
        assert names <= set(found), query
        labels = {label for name in names for label in found[name]} | OF_PROMETHEUS
        grouped = {label.strip() for group in re.findall(r"\bby \(([^)]*)\)", query) for label in group.split(",")}
        matched = set(re.findall(r"[{,](\w+)=", query))
        assert grouped | matched <= labels, query


async def test_totals_are_shown_as_rates_and_standings_as_they_are(lobby: Lobby) -> None:
    for query in QUERIES:
        for name in metrics_of(query):
            is_total = name.endswith(("_total", "_bucket", "_sum", "_count"))
            assert (f"rate({name}" in query) == is_total, query


def test_panels_have_titles_of_their_own_and_do_not_overlap() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["title"] for panel in panels}) == len(panels)
    cells = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(set(cells)) == len(cells)
    assert all(panel["description"] for panel in panels)


def test_statuses_by_route_and_security_events_have_panels() -> None:
    assert any("by (route, status)" in query and "lobby_http_requests_total" in query for query in QUERIES)
    assert any("by (event)" in query and "lobby_security_events_total" in query for query in QUERIES)
