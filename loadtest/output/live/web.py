"""In Locust's web interface: ``/metrics``, and the tab *Live*, which is a page of its own in a frame.

Locust's page shows the tab, and nothing in it: a tab of an extension without a table is empty. A script of ours puts
the frame there while the tab is open. Everything is behind Locust's login, where it has one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from flask import Blueprint, Response, request

import lobby_server
from loadtest.output.conclusion import Conclusion
from loadtest.output.live.families import FamiliesNow
from loadtest.output.live.following import following
from loadtest.output.live.prometheus import CONTENT_TYPE, PATH, exposition
from loadtest.output.web_tab import Page
from loadtest.results.exit_codes import UsageError

TAB = "lobby-live"
_TEMPLATES = Path(__file__).parent.parent / "templates"
_VENDOR = Path(lobby_server.__file__).parent / "web" / "static" / "vendor" / "uplot"
"""uPlot as the lobby's operations page has it, released and unchanged, with its licence beside it."""
_FILES = {
    "live.js": (_TEMPLATES / "live.js", "text/javascript"),
    "live.css": (_TEMPLATES / "live.css", "text/css"),
    "uPlot.iife.min.js": (_VENDOR / "uPlot.iife.min.js", "text/javascript"),
    "uPlot.min.css": (_VENDOR / "uPlot.min.css", "text/css"),
}
_INDEX = "locust.index"


@dataclass(frozen=True)
class Source:
    """Where the page has it from, and whom it tells."""

    conclusion: Callable[[], Conclusion | None]
    """As of now; None before the first run."""
    families: FamiliesNow
    paused: Callable[[], tuple[str, ...]]
    set_paused: Callable[[str, bool], None]
    """Role, and whether it is paused from now on. Raises `UsageError`."""
    doubt: Callable[[], str]
    """What is not known of the workers' pauses; empty: nothing."""


def install(web_ui: Page, source: Source, *, base_path: str = "") -> None:
    """After `loadtest.output.web_tab.install`. `base_path` is Locust's own --web-base-path."""
    web_ui.template_args["extended_tabs"] = [{"title": "Live", "key": TAB}, *web_ui.template_args["extended_tabs"]]
    pages = Blueprint("lobby_swarm_live", __name__)

    def add(path: str, view: Callable[[], Response], *, methods: tuple[str, ...] = ("GET",)) -> None:
        pages.add_url_rule(
            path, endpoint=path.strip("/").replace("/", "_").replace(".", "_"), methods=list(methods),
            view_func=web_ui.auth_required_if_enabled(view),
        )  # fmt: skip

    add(PATH, lambda: Response(exposition(source.families()), content_type=CONTENT_TYPE))
    add("/lobby/live", partial(_file, _TEMPLATES / "live.html", "text/html"))
    for name, (path, kind) in _FILES.items():
        add(f"/lobby/live/{name}", partial(_file, path, kind))
    add("/lobby/live.json", partial(_following, source))
    add("/lobby/roles", partial(_set_role, source), methods=("POST",))
    if web_ui.app is not None:
        web_ui.app.register_blueprint(pages, url_prefix=base_path or None)
        web_ui.app.after_request(_add_script)


def _file(path: Path, kind: str) -> Response:
    return Response(path.read_bytes(), content_type=f"{kind}; charset=utf-8")


def _following(source: Source) -> Response:
    try:
        after_s = float(request.args.get("after_s") or 0.0)
    except ValueError:
        return _json({"message": "after_s is a number of seconds."}, status=400)
    found = following(source.conclusion(), of_run=request.args.get("run", ""), after_s=after_s, paused=source.paused())
    return _json({**found, "doubt": source.doubt()})


def _set_role(source: Source) -> Response:
    """``role=host&paused=true``."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return _json({"message": "This is for the swarm's own page."}, status=403)  # Locust lets any site ask
    wanted = {"true": True, "false": False}.get(request.form.get("paused", ""))
    if wanted is None:
        return _json({"message": "Give role, and paused as true or false."}, status=400)
    try:
        source.set_paused(request.form.get("role", ""), wanted)
    except UsageError as error:
        return _json({"message": str(error)}, status=409)
    return _json({"paused": list(source.paused())})


def _json(found: object, *, status: int = 200) -> Response:
    return Response(json.dumps(found), status=status, content_type="application/json")


def _add_script(response: Response) -> Response:
    if request.endpoint == _INDEX and response.status_code == 200:
        script = f"<script>\n{(_TEMPLATES / 'web_live.js').read_text(encoding='utf-8')}</script>"
        response.set_data(response.get_data(as_text=True).replace("</head>", f"{script}</head>", 1))
    return response
