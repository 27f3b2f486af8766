"""What a run comes to, said in time: its conclusion as of now, its files, the exit code of the program. How it is made
is in `loadtest.output.conclusion`.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from locust.env import Environment

from loadtest.output.conclusion import Conclusion, conclude, write_checkpoint, write_files
from loadtest.output.recording_options import RunOptions
from loadtest.output.result_files import Results
from loadtest.players.swarm import log, swarm_of
from loadtest.results.exit_codes import ExitCode

WHY: dict[int, str] = {
    ExitCode.THRESHOLD_MISSED: "a threshold was missed",
    ExitCode.INVALID: "the run is INVALID (--accept-invalid lets such a run pass)",
    ExitCode.SUSPECT: "all else is good, but the run is SUSPECT (--accept-suspect lets such a run pass)",
}
"""Exit codes whose reason is in the middle of the table, not at its end."""


class Concluding:
    """Of the environment of one process; a worker has nothing to say."""

    def __init__(
        self,
        environment: Environment,
        *,
        run_options: Callable[[], RunOptions | None],
        duration_s: Callable[[], float],
    ) -> None:
        """`run_options`: those of the last run, None on workers. `duration_s`: how long the run has lasted."""
        self._environment = environment
        self._run_options = run_options
        self._duration_s = duration_s
        self._results = Results()

    @property
    def said(self) -> str | None:
        """Where the files of the last run that stopped are, or why they are nowhere. None: there are none."""
        return self._results.said

    def conclusion(self) -> Conclusion | None:
        """As of now; None before the first run, and on workers."""
        swarm, options = swarm_of(self._environment), self._run_options()
        if swarm is None or options is None or swarm.is_called_off:
            return None
        facts = swarm.facts
        if not facts.is_over:
            facts = replace(facts, duration_s=facts.duration_s or self._duration_s())
        return conclude(swarm.recorder, facts, options)

    def keep(self) -> None:
        """What there is so far of a run that goes on, in case the program is killed. Raises `OSError`."""
        swarm, options, found = swarm_of(self._environment), self._run_options(), self.conclusion()
        if swarm is None or options is None or found is None:
            return
        if self._environment.web_ui is not None:
            self._results.keep(found, json_file=swarm.options.json_file, folder=options.folder)
        else:
            write_checkpoint(found, json_file=swarm.options.json_file, folder=options.folder)

    def write(self) -> None:
        """The files of the run that has just stopped, where another may follow."""
        swarm, options, found = swarm_of(self._environment), self._run_options(), self.conclusion()
        if swarm is None or options is None or found is None:
            return
        said = self._results.write(found, json_file=swarm.options.json_file, folder=options.folder)
        if said is not None:
            log.log(logging.ERROR if self._results.has_failed else logging.INFO, "Results of this run: %s", said)

    def on_quitting(self, **_rest: Any) -> None:
        """Locust takes the exit code before it stops what still runs."""
        swarm, runner, options = swarm_of(self._environment), self._environment.runner, self._run_options()
        if swarm is None or options is None or runner is None:
            return
        if swarm.is_called_off:
            self._environment.process_exit_code = ExitCode.USAGE
            return
        runner.stop()
        found = self.conclusion()
        has_failed = bool(runner.stats.num_failures or runner.exceptions) and bool(
            getattr(self._environment.parsed_options, "exit_code_on_error", 1)
        )
        code = found.exit_code(options, has_failed=has_failed) if found is not None else None
        if code is not None and self._environment.process_exit_code is None:
            self._environment.process_exit_code = code

    def end(self) -> None:
        """The table, and the files of a run without the web interface. Where files could not be written, the program
        ends with exit code 2."""
        swarm, options, found = swarm_of(self._environment), self._run_options(), self.conclusion()
        if swarm is None or options is None or found is None:
            return
        logging.getLogger("locust.stats_logger").info(found.table())
        if self._environment.web_ui is not None:  # written when it stopped
            if self._results.has_failed:
                sys.exit(ExitCode.USAGE)
            self._say_why()
            return
        try:
            write_files(found, json_file=swarm.options.json_file, folder=options.folder)
        except OSError as error:
            print(f"loadtest: {error.filename}: {error.strerror}.", file=sys.stderr, flush=True)
            sys.exit(ExitCode.USAGE)
        self._say_why()
        places = [str(path) for path in (options.folder, swarm.options.json_file) if path is not None]
        if places:
            log.info("Results of this run: %s", " and ".join(places))

    def _say_why(self) -> None:
        """Once nothing can change the exit code any more."""
        code = self._environment.process_exit_code or 0
        if (why := WHY.get(code)) is not None:
            log.warning("Exit code %d: %s.", code, why)
