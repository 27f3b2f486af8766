"""What a run comes to: its judgement, its thresholds, its files, its exit code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtest.measure.recorder import Recorder
from loadtest.measure.run_facts import RunFacts
from loadtest.measure.thresholds import Verdict
from loadtest.measure.thresholds import judge as judge_thresholds
from loadtest.measure.validity import Judgement
from loadtest.measure.validity import judge as judge_validity
from loadtest.output.junit import junit_xml
from loadtest.output.page import page
from loadtest.output.run_file import as_json, write_json
from loadtest.output.run_options import JUNIT_FILE, PAGE_FILE, RUN_FILE, RunOptions
from loadtest.output.summary import table
from loadtest.results.exit_codes import ExitCode
from loadtest.results.run_json import RunFile
from loadtest.results.validity import Validity


@dataclass(frozen=True)
class Conclusion:
    """As of one moment: during a run it is of what is known so far."""

    recorder: Recorder
    facts: RunFacts
    judgement: Judgement
    verdicts: tuple[Verdict, ...]

    def document(self) -> RunFile:
        """run.json."""
        return as_json(self.recorder, self.facts, self.judgement, self.verdicts)

    def table(self) -> str:
        return table(self.recorder, self.facts, self.judgement, self.verdicts)

    def exit_code(self, options: RunOptions) -> ExitCode | None:
        """None: nothing here has something against it. An invalid run says nothing about its thresholds."""
        if self.judgement.level is Validity.INVALID and not options.is_exit_code_4_off:
            return ExitCode.INVALID
        return ExitCode.THRESHOLD_MISSED if not all(verdict.is_met for verdict in self.verdicts) else None


def conclude(recorder: Recorder, facts: RunFacts, options: RunOptions) -> Conclusion:
    return Conclusion(
        recorder,
        facts,
        judge_validity(recorder, server_cpu_shares=facts.server_cpu_shares, is_over=facts.is_over),
        judge_thresholds(options.thresholds, recorder, duration_s=facts.duration_s),
    )


def write_files(conclusion: Conclusion, *, json_file: Path | None, folder: Path | None) -> None:
    """Raises `OSError`."""
    document = conclusion.document()
    if json_file is not None:
        write_json(json_file, document)
    if folder is not None:
        write_json(folder / RUN_FILE, document)
        (folder / PAGE_FILE).write_text(page(document), encoding="utf-8")
        (folder / JUNIT_FILE).write_text(junit_xml(document), encoding="utf-8")


_SECRET = ("secret", "password", "token", "key", "login", "auth")


def shown_arguments(parsed: Mapping[str, Any]) -> dict[str, Any]:
    """Of the command line, for the file: nothing secret, and of a path its last part only."""
    shown: dict[str, Any] = {}
    for name, value in sorted(parsed.items()):
        if value in (None, "", [], False) or any(word in name for word in _SECRET):
            continue
        if isinstance(value, (bool, int, float)):
            shown[name] = value
        else:
            texts = [str(item) for item in value] if isinstance(value, (list, tuple)) else [str(value)]
            texts = [Path(text).name if text.startswith("/") and name != "ws_path" else text for text in texts]
            shown[name] = texts if isinstance(value, (list, tuple)) else texts[0]
    return shown
