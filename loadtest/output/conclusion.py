"""The conclusion of a run: its validity, its thresholds, its files, its exit code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from loadtest.measure.judging.thresholds import ThresholdResult, check_thresholds
from loadtest.measure.judging.validity import RunValidity, validity_of
from loadtest.measure.recorder import Recorder
from loadtest.measure.run_facts import RunFacts
from loadtest.output.junit import junit_xml
from loadtest.output.page import page
from loadtest.output.recording_options import JUNIT_FILE, PAGE_FILE, RUN_FILE, RunOptions
from loadtest.output.run_file import as_json, write_json, write_whole
from loadtest.output.summary import table
from loadtest.players.roles.figures import missing_in
from loadtest.results.exit_codes import ExitCode
from loadtest.results.run_json import RunFile
from loadtest.results.validity import Validity
from loadtest.workload.roles.book import ROLES


@dataclass(frozen=True)
class Conclusion:
    """As of one moment; during a run, of what was recorded so far."""

    recorder: Recorder
    facts: RunFacts
    validity: RunValidity
    threshold_results: tuple[ThresholdResult, ...]

    def document(self) -> RunFile:
        """run.json."""
        return as_json(self.recorder, self.facts, self.validity, self.threshold_results)

    def table(self) -> str:
        return table(self.recorder, self.facts, self.validity, self.threshold_results)

    def exit_code(self, options: RunOptions, *, has_failed: bool = False) -> ExitCode | None:
        """None where Locust's own exit code holds, and where `has_failed` says that this is 1. An invalid run says
        nothing about its thresholds."""
        level = self.validity.level
        if level is Validity.INVALID and not options.accepts_invalid:
            return ExitCode.INVALID
        if not all(result.is_met for result in self.threshold_results):
            return ExitCode.THRESHOLD_MISSED
        is_doubted = level is not Validity.VALID and not (options.accepts_suspect or options.accepts_invalid)
        return ExitCode.SUSPECT if is_doubted and not has_failed else None


def conclude(recorder: Recorder, facts: RunFacts, options: RunOptions) -> Conclusion:
    validity = validity_of(
        recorder,
        server_cpu_shares=facts.server_cpu_shares,
        server_state=facts.server_state,
        has_faults=bool(facts.faults),
        is_over=facts.is_over,
        players=sum(facts.users.values()),
        has_lines=facts.has_lines,
    )
    ended = tuple(f"the run was ended early, at {facts.duration_s:.0f} s, by {text}" for text in facts.ended_by)
    paused = ", ".join(f"{moment.text} at {moment.at_s:.0f} s" for moment in facts.moments if moment.kind == "role")
    told = [f"the load was not that of the plan: {paused}"] if paused else []
    if facts.proxy:
        told.append(
            f"{facts.proxy} listens at the address of --host: the server behind it was not watched, so whether it was "
            "busy, frozen or away is not known; --server-pid names its process"
        )
    return Conclusion(
        recorder,
        facts,
        replace(validity, notes=(*validity.notes, *_missing_of_roles(recorder, facts), *told, *ended)),
        check_thresholds(options.thresholds, recorder, duration_s=facts.duration_s, ended_by=facts.ended_by),
    )


def _missing_of_roles(recorder: Recorder, facts: RunFacts) -> list[str]:
    """What a role of somebody's own never came to, or waits for under a name that may be misspelt."""
    notes = []
    for role in (name for name in facts.users if facts.is_over and name in ROLES and not ROLES[name].is_ours):
        names = missing_in(recorder, ROLES[role].player)
        if names:
            notes.append(f"the role {role} recorded nothing of {', '.join(names)}")
        notes += [
            f"the role {role} listens to {kind}, and no message of that type came"
            for kind in sorted(ROLES[role].own_types)
            if not recorder.events[f"received {kind}"]
        ]
    return notes


def write_checkpoint(conclusion: Conclusion, *, json_file: Path | None, folder: Path | None) -> None:
    """run.json alone, of a run that goes on: if it is killed, this is what is left. The other files there would be of
    a run before. Raises `OSError`."""
    document = conclusion.document()
    if folder is not None:
        for name in (PAGE_FILE, JUNIT_FILE):
            (folder / name).unlink(missing_ok=True)
    for path in (json_file, folder / RUN_FILE if folder is not None else None):
        if path is not None:
            write_json(path, document)


def write_files(conclusion: Conclusion, *, json_file: Path | None, folder: Path | None) -> None:
    """Raises `OSError`."""
    document = conclusion.document()
    if json_file is not None:
        write_json(json_file, document)
    if folder is not None:
        write_json(folder / RUN_FILE, document)
        write_whole(folder / PAGE_FILE, page(document))
        write_whole(folder / JUNIT_FILE, junit_xml(document))


_SECRET = ("secret", "password", "token", "key", "login", "auth")
_NO_SECRET = frozenset({"tokens"})
"""The name of a file."""


def shown_arguments(parsed: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of the command line for run.json: no secrets, and of absolute paths the last part only."""
    shown: dict[str, Any] = {}
    for name, value in sorted(parsed.items()):
        is_secret = name not in _NO_SECRET and any(word in name for word in _SECRET)
        if value is None or value is False or value in ("", []) or is_secret:
            continue
        if isinstance(value, (bool, int, float)):
            shown[name] = value
        else:
            texts = [str(item) for item in value] if isinstance(value, (list, tuple)) else [str(value)]
            texts = [Path(text).name if text.startswith("/") and name != "ws_path" else text for text in texts]
            shown[name] = texts if isinstance(value, (list, tuple)) else texts[0]
    return shown
