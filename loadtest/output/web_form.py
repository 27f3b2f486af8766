"""The form of Locust's web interface as what it stands for: a command line.

The page posts every option as text, empty where nothing was filled in. Locust turns such text into the type of the
value that it had before, so an empty number is an error 500, and a wrong one is half of a start. Here the form goes
through the options' own parser first. The invariant: a start has all of what was posted, checked as on the command
line, or the answer is one sentence and nothing has changed.

* An empty field is an option that is not given: it has its default.
* A field that was not posted keeps the value of the last start, at first that of the command line.
* While a run goes on, Locust changes users and spawn rate. The swarm's own options hold from the beginning of a run to
  its end: a change of them is refused, and said on the page.
* A start is refused while another run begins, or the last one is not concluded: Locust would take the two for one.
* An edit that comes when its run has ended is refused, and begins no other. Without a worker that is connected, Locust
  would answer "success" and do nothing: that is refused, too.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Response, jsonify, request
from werkzeug.datastructures import ImmutableMultiDict, MultiDict

from loadtest.output.recording_options import add_run_options
from loadtest.output.web_state import ENDING, GOING_ON, WebState
from loadtest.results.exit_codes import UsageError
from loadtest.workload.options import add_options

if TYPE_CHECKING:  # the import would patch the standard library of this process
    from locust import LoadTestShape
    from locust.web import WebUI

_START, _INDEX = "locust.swarm", "locust.index"
_EDIT = "X-Lobby-Edit"
"""A header by which the page's own script tells the edit of a run from a start."""
_SCRIPT = Path(__file__).parent / "templates" / "web_notice.js"


@dataclass(frozen=True)
class Start:
    """What a start from the form asks for."""

    values: Mapping[str, Any]
    """Of the swarm's options, as the parser of the command line gives them."""
    host: str | None
    users: int | None
    """None: no number, which Locust says itself."""
    run_time: str | None
    """As written; empty: until it is stopped. None: not posted."""


class WebForm:
    """Between the page and Locust. Make it before a seed is drawn: what the options hold then is what was given."""

    def __init__(self, web_ui: WebUI, check: Callable[[Start], LoadTestShape | None], *, run_state: WebState) -> None:
        """`check` gives the shape of a start, None where Locust needs none, and raises `UsageError` for one that cannot
        succeed. `run_state` knows of a run that Locust's runner does not call one: before and after."""
        self._web_ui = web_ui
        self._environment = web_ui.environment
        self._check = check
        self._run_state = run_state
        self._options = vars(self._environment.parsed_options)
        self._is_at_it = False
        self._ends_s: float | None = None
        """When the run's time is over, in `time.monotonic`. None: it has no end."""
        self._given = {action.dest: self._options.get(action.dest, action.default) for action in swarm_actions()}

    def install(self) -> None:
        """Into Locust's application. Its own view does what is left to do after ours."""
        app = self._web_ui.app
        if app is None:
            return
        locusts_view, locusts_arguments = app.view_functions[_START], self._web_ui.update_template_args
        app.view_functions[_START] = self._web_ui.auth_required_if_enabled(  # type: ignore[no-untyped-call]
            lambda: self._start(locusts_view)
        )

        def update_template_args() -> None:
            locusts_arguments()  # type: ignore[no-untyped-call]
            self._show_given(self._web_ui.template_args.get("extra_options") or {})

        self._web_ui.update_template_args = update_template_args  # type: ignore[method-assign]
        app.after_request(_add_script)

    def _start(self, locusts_view: Callable[..., Any]) -> Response:
        """One at a time: a check asks the server, and what holds before it may not hold after it."""
        if self._is_at_it:
            sentence = "Another start or edit is just being checked: look again in a moment."
            return self._refusal(sentence, is_edit=_EDIT in request.headers)
        self._is_at_it = True
        try:
            return self._start_or_edit(locusts_view)
        finally:
            self._is_at_it = False

    def _start_or_edit(self, locusts_view: Callable[..., Any]) -> Response:
        environment, fields = self._environment, request.form
        state = environment.runner.state if environment.runner is not None else ""
        shape = environment.shape_class
        host = fields.get("host", environment.host)
        is_edit = state in GOING_ON or _EDIT in request.headers
        try:
            values = {**self._given, **read_form(fields)}
            if _EDIT in request.headers and state not in GOING_ON:
                raise UsageError("Nothing was changed: no run goes on now. If it has ended, start a new one.")
            if self._run_state.is_beginning and state not in GOING_ON:
                raise UsageError("A run is just beginning: look again in a moment.")
            if state in ENDING or self._run_state.is_being_concluded:
                raise UsageError("The last run is still being stopped: start again in a moment.")
            if getattr(environment.runner, "worker_count", 1) == 0:  # of a master
                raise UsageError(
                    "No worker is connected, so nobody would play: start one, or wait until lost ones are back."
                )
            if state in GOING_ON:
                self._check_edit(values, host)
            else:
                shape = self._check(
                    Start(values, host=host, users=_whole(fields.get("user_count")), run_time=fields.get("run_time"))
                )
        except UsageError as error:
            return self._refusal(str(error), is_edit=is_edit)
        before, host_before, shape_before = dict(self._options), environment.host, environment.shape_class
        environment.shape_class = shape
        if shape is not None:
            shape.runner = environment.runner  # what Locust does for one that it is started with
        if state not in GOING_ON:
            self._options.update(values)
            if fields.get("run_time") == "":
                self._options["run_time"] = None  # Locust keeps the last one
        left = [(name, text) for name, text in fields.items(multi=True) if name not in self._given]
        is_timed_by_us = state in GOING_ON and self._ends_s is not None and not fields.get("run_time")
        if is_timed_by_us and self._ends_s is not None:  # Locust forgets the end of the run when it is edited
            left += [("run_time", str(max(1, math.ceil(self._ends_s - time.monotonic()))))]
        request.form = ImmutableMultiDict(left)  # a cached property
        response: Response = locusts_view()
        answer = response.get_json() if response.is_json else {}
        if not answer.get("success"):
            self._options.clear()
            self._options.update(before)
            environment.host, environment.shape_class = host_before, shape_before
        elif is_timed_by_us:
            self._options["run_time"] = before.get("run_time")
        else:
            self._given = values
            self._ends_s = time.monotonic() + answer["run_time"] if answer.get("run_time") else None
        return response

    def _check_edit(self, values: Mapping[str, Any], host: str | None) -> None:
        """Raises `UsageError`."""
        changed = [flag_of(name) for name, value in values.items() if value != self._given[name]]
        changed += ["--host"] if (host or "") != (self._environment.host or "") else []
        if changed:
            raise UsageError(
                f"Nothing was changed: {', '.join(changed)} cannot change while a run goes on. Stop it and start a new "
                "one, or change only the number of users and the spawn rate."
            )
        if self._environment.shape_class is not None:
            raise UsageError(
                f"Nothing was changed: the load follows --shape {values['shape']} until the run ends. Stop it and "
                "start a new one with other users."
            )

    def _refusal(self, sentence: str, *, is_edit: bool) -> Response:
        """Locust's page shows the message in its form, but closes the form of an edit: that needs a notice of ours."""
        answer = {"success": False, "message": sentence, "host": self._environment.host}
        return jsonify({**answer, "notice": sentence} if is_edit else answer)

    def _show_given(self, shown: Mapping[str, dict[str, Any]]) -> None:
        """Locust would show those of the command line, also beside a run that was started with others."""
        for name, option in shown.items():
            if name in self._given:
                value = self._given[name]
                option["default_value"] = ", ".join(value) if isinstance(value, list) else value


def swarm_actions() -> list[argparse.Action]:
    """All options of the swarm."""
    return _parser()._actions


def flag_of(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def read_form(fields: MultiDict[str, str]) -> dict[str, Any]:
    """The values of the swarm's options that were posted. Raises `UsageError` in the words of the command line."""
    arguments, posted = [], []
    parser = _parser()
    for action in parser._actions:
        if action.dest not in fields:
            continue
        if not getattr(action, "include_in_web_ui", False):
            raise UsageError(f"{flag_of(action.dest)} is not in the form: give it on the command line.")
        posted.append(action.dest)
        texts = [text.strip() for text in fields.getlist(action.dest)]
        arguments += list(_arguments(action, texts))
    try:
        found = vars(parser.parse_args(arguments))
    except argparse.ArgumentError as error:
        raise UsageError(f"{error}.") from None
    return {name: found[name] for name in posted}


def _arguments(action: argparse.Action, texts: Iterable[str]) -> Iterable[str]:
    flag = flag_of(action.dest)
    for text in texts:
        if action.nargs == 0:
            if text.lower() not in ("", "true", "false"):
                raise UsageError(f"{flag} is {text!r}: give true or false.")
            yield from [flag] if text.lower() == "true" else []
        elif isinstance(action.default, list):  # one field for what a command line repeats
            yield from (f"{flag}={part.strip()}" for part in text.split(",") if part.strip())
        elif text:
            yield f"{flag}={text}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    add_options(parser)
    add_run_options(parser)
    return parser


def _whole(text: str | None) -> int | None:
    try:
        return int(text or "")
    except ValueError:
        return None


def _add_script(response: Response) -> Response:
    if request.endpoint == _INDEX and response.status_code == 200:
        script = f"<script>\n{_SCRIPT.read_text(encoding='utf-8')}</script>"
        response.set_data(response.get_data(as_text=True).replace("</head>", f"{script}</head>", 1))
    return response
