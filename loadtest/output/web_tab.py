"""The swarm in Locust's web interface: two tabs with live metrics, reach and validity, and downloads.

Locust lets extensions add tables: their structure is in the page's arguments, their rows in the answer that the page
polls every two seconds. The swarm's own routes are behind Locust's login, where it has one.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from flask import Blueprint, Flask, Response, request
from werkzeug.datastructures import Headers

from loadtest.measure.judging.tally import ReachTally
from loadtest.measure.metrics import METRICS, series_of
from loadtest.output.conclusion import Conclusion
from loadtest.output.junit import junit_xml
from loadtest.output.page import page
from loadtest.output.run_file import as_text
from loadtest.output.summary import reach_text
from loadtest.output.web_state import WebState

TIMES, STATE = "lobby-times", "lobby-state"
NO_RUN = "No run has been started yet."

_TIMES_COLUMNS = (
    ("name", "Metric (ms)"), ("count", "n"), ("p50", "p50"), ("p90", "p90"), ("p99", "p99"), ("p999", "p99.9"),
    ("max", "max"),
)  # fmt: skip
_STATE_COLUMNS = (("name", "Item"), ("found", "Result"))
_DOWNLOADS = (
    ("run.json", "Download run.json of the lobby swarm"),
    ("times.csv", "Download times.csv of the lobby swarm"),
    ("run.html", "Open the report of the lobby swarm (HTML)"),
    ("junit.xml", "Download junit.xml of the lobby swarm"),
)


class Page(Protocol):
    """What is used of Locust's `WebUI`: importing that would patch the standard library of this process."""

    template_args: dict[str, Any]

    @property
    def app(self) -> Flask | None: ...

    @property
    def auth_required_if_enabled(self) -> Callable[[Callable[[], Response]], Callable[[], Response]]: ...


def install(
    web_ui: Page,
    conclusion: Callable[[], Conclusion | None],
    files: Callable[[], str | None] = lambda: None,
    *,
    run_state: WebState,
    base_path: str = "",
) -> None:
    """`conclusion` is as of now; None before the first run. `files` says where those of the last run that stopped are,
    if there are any. `run_state` tells the page whether to go on asking. `base_path` is Locust's own
    --web-base-path."""
    web_ui.template_args["extended_tabs"] = [
        {"title": "Lobby", "key": TIMES},
        {"title": "Reach, validity", "key": STATE},
    ]
    web_ui.template_args["extended_tables"] = [
        {"key": TIMES, "structure": [{"key": key, "title": title} for key, title in _TIMES_COLUMNS]},
        {"key": STATE, "structure": [{"key": key, "title": title} for key, title in _STATE_COLUMNS]},
    ]
    web_ui.template_args["extended_csv_files"] = [
        {"href": f"./lobby/{name}", "title": title} for name, title in _DOWNLOADS
    ]
    pages = Blueprint("lobby_swarm", __name__)

    def add(name: str, kind: str, text_of: Callable[[Conclusion], str]) -> None:
        def view() -> Response:
            found = conclusion()
            if found is None:
                return Response(NO_RUN + "\n", status=404, content_type="text/plain; charset=utf-8")
            return Response(text_of(found), content_type=f"{kind}; charset=utf-8")

        pages.add_url_rule(
            f"/lobby/{name}", endpoint=name.replace(".", "_"), view_func=web_ui.auth_required_if_enabled(view)
        )

    add("run.json", "application/json", lambda found: as_text(found.document()))
    add("run.html", "text/html", lambda found: page(found.document()))
    add("junit.xml", "application/xml", lambda found: junit_xml(found.document()))
    add("times.csv", "text/csv", _times_csv)

    def add_rows(response: Response) -> Response:
        if request.path.endswith("/stats/requests") and response.status_code == 200 and response.is_json:
            answer = response.get_json()
            found = conclusion()
            answer["extended_stats"] = [
                {"key": TIMES, "data": _named(_TIMES_COLUMNS, times(found))},
                {"key": STATE, "data": _named(_STATE_COLUMNS, state(found, files()))},
            ]
            answer["state"], answer["runner_state"] = run_state.told(answer["state"]), run_state.runner_state()
            headers = Headers(response.headers)
            headers.remove("Content-Length")
            return Response(json.dumps(answer), headers=headers)  # Locust gives its own again, with its own state
        return response

    if web_ui.app is not None:  # it is there from the interface's beginning to its end
        web_ui.app.register_blueprint(pages, url_prefix=base_path or None)
        web_ui.app.after_request(add_rows)


def times(found: Conclusion | None) -> list[tuple[str, ...]]:
    if found is None:
        return []
    rows = []
    for metric in METRICS.values():
        series = series_of(found.recorder, metric)
        if series.count:
            figures = series.percentiles_ms().values()
            rows.append((metric.title, f"{series.count:,}", *(f"{figure:,.2f}" for figure in figures)))
    return rows


def state(found: Conclusion | None, files: str | None = None) -> list[tuple[str, str]]:
    """Locust sorts by the first column: the figures there keep the rows in this order. Rows of one kind have one, and
    kinds of which there is nothing have none."""
    kinds = [[("Validity", NO_RUN)]] if found is None else _kinds(found, files)
    return [
        (f"{number} {name}", text)
        for number, rows in enumerate((rows for rows in kinds if rows), start=1)
        for name, text in rows
    ]


def _kinds(found: Conclusion, files: str | None) -> list[list[tuple[str, str]]]:
    """Fewer than ten: ``10`` would be sorted before ``2``."""
    validity = found.validity
    reasons = [("Reason", reason) for reason in validity.reasons]
    notes = [("Reason (note)", note) for note in validity.notes]
    thresholds = []
    for result in found.threshold_results:
        is_pending = result.found is None and not found.facts.is_over
        thresholds.append(("Threshold", f"… {result.threshold.text}: no figure yet" if is_pending else str(result)))
    return [
        [("Validity", validity.level.value)],
        [*reasons, *notes],
        [("Bottleneck", validity.bottleneck)] if validity.bottleneck is not None else [],
        thresholds,
        list(_tally_rows("Presence", found.recorder.presence)),
        list(_tally_rows("Rooms", found.recorder.rooms)),
        [row for name, tally in found.recorder.own.items() for row in _tally_rows(name, tally)],
        [("Files", files)] if files is not None and found.facts.is_over else [],
    ]


def _tally_rows(name: str, tally: ReachTally) -> Iterable[tuple[str, str]]:
    yield f"{name}: reach", reach_text(tally.reach)
    counts = {
        "expected": tally.expected, "received": tally.received, "lost": tally.lost, "late": tally.late,
        "duplicate": tally.duplicates, "out of order": tally.out_of_order, "unexpected": tally.unexpected,
        "missed": tally.missed, "unjudged": tally.unjudged,
    }  # fmt: skip
    yield f"{name}: announcements", " · ".join(f"{number:,} {what}" for what, number in counts.items())


def _times_csv(found: Conclusion) -> str:
    """In milliseconds, without separators of thousands."""
    out = io.StringIO()
    writer = csv.writer(out)
    columns = ("name", "title", "count", "p50_ms", "p90_ms", "p99_ms", "p99_9_ms", "max_ms", "mean_ms", "clipped")
    writer.writerow(columns)
    for row in found.document().metrics:
        writer.writerow([getattr(row, column) for column in columns])
    return out.getvalue()


def _named(columns: Sequence[tuple[str, str]], rows: Iterable[tuple[str, ...]]) -> list[dict[str, str]]:
    return [dict(zip((key for key, _ in columns), row, strict=True)) for row in rows]
