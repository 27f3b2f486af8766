"""Whether a run may start: by the command line, by the form of the web interface, and as Locust begins it. What cannot
succeed is one sentence before the first player.
"""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path

import psutil
from locust import LoadTestShape
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner
from locust.util.timespan import parse_timespan

from loadtest.measure.reach import SETTLE_S
from loadtest.output.recording_options import RunOptions, read_run_options
from loadtest.output.web_form import Start
from loadtest.results.exit_codes import UsageError
from loadtest.run.checks.folders import check_can_be_made, check_writable, claim
from loadtest.run.checks.ports import check_listenable
from loadtest.run.checks.probing import check_limits, probe
from loadtest.run.orphans import end_for
from loadtest.workload.faults import check_time_of_faults
from loadtest.workload.options import SwarmOptions, read_options
from loadtest.workload.shapes import SwarmShape, shape_for
from loadtest.workload.sharing import Sharing

LOCUSTS_FILES = {"--html": "html_file", "--json-file": "json_file"}
"""Of its own, written at the end: where one cannot be, Locust breaks off, and no results are written."""


class StartCheck:
    """Of the environment of one process."""

    def __init__(self, environment: Environment, sharing: Sharing) -> None:
        self._environment = environment
        self._sharing = sharing
        self.run_options: RunOptions | None = None
        """Of the last run, read before anything else; None on workers, which write no files."""
        self._is_probed = False
        """The web form has just done so for the start that comes: Locust takes no stop until that has begun."""
        self._claim: int | None = None
        """Of the folder of the results: held as long as this lives."""

    def check_program(self) -> None:
        """End the program with one sentence and exit code 2 where an option is wrong or the server does not answer."""
        environment, parsed = self._environment, self._environment.parsed_options
        try:
            options = self._read_options()
            self._read_run_options()
            self._check_places(options)
            if environment.host or parsed is None or parsed.headless or parsed.autostart:
                probe(environment.host, options)
            if parsed is not None:
                self._check_size(options, parsed)
                environment.shape_class = shape_for(options.load, parsed) or environment.shape_class
        except UsageError as error:
            end_for(error, environment)

    def check_form(self, start: Start) -> LoadTestShape | None:
        """What the web form asks for, before anything of it holds, and the shape that Locust needs for it. Raises
        `UsageError`, as the command line would."""
        parsed = argparse.Namespace(**{**vars(self._environment.parsed_options), **start.values})
        if start.users is not None:
            parsed.num_users = start.users
        if start.run_time is not None:
            with contextlib.suppress(ValueError):  # Locust refuses that itself
                parsed.run_time = parse_timespan(start.run_time) if start.run_time else None
        options = read_options(start.values)
        read_run_options(start.values)
        probe(start.host, options)
        self._check_size(options, parsed)
        shape = shape_for(options.load, parsed)
        self._is_probed = True
        return SwarmShape(options.load, self._environment.parsed_options) if shape is not None else None

    def check_run(self) -> SwarmOptions:
        """The options of a run that Locust begins. Raises `UsageError`."""
        options = self._read_options()
        if not isinstance(self._environment.runner, WorkerRunner):
            self._read_run_options()
            if not self._is_probed:
                probe(self._environment.host, options)
            self._is_probed = False
        self._check_size(options, self._environment.parsed_options)
        return options

    def users(self, parsed: argparse.Namespace | None = None) -> int:
        """How many players are asked for: by the options of the environment, or by others."""
        return int(getattr(parsed or self._environment.parsed_options, "num_users", None) or 1)

    def _read_options(self) -> SwarmOptions:
        """A drawn seed is put back among the parsed options: workers get their options from there."""
        parsed = self._environment.parsed_options
        options = read_options(vars(parsed))
        if parsed is not None:
            parsed.seed = options.seed
        return options

    def _read_run_options(self) -> None:
        parsed = self._environment.parsed_options
        self.run_options = read_run_options(vars(parsed) if parsed is not None else {})

    def _check_places(self, options: SwarmOptions) -> None:
        """Where results go and what is listened at. With the web interface each run has a folder of its own below the
        one that was given."""
        web_ui, parsed = self._environment.web_ui, self._environment.parsed_options
        folder = self.run_options.folder if self.run_options is not None else None
        server_pid = self.run_options.server_pid if self.run_options is not None else None
        if server_pid is not None and not psutil.pid_exists(server_pid):
            raise UsageError(f"--server-pid: no process of this machine has the id {server_pid}.")
        if folder is not None:
            check_writable("--run-dir", folder)
            if web_ui is None:
                self._claim = claim("--run-dir", folder)
        if options.json_file is not None:
            check_writable("--swarm-json", options.json_file.absolute().parent)
        for flag, name in LOCUSTS_FILES.items():
            if file := getattr(parsed, name, None):
                check_can_be_made(flag, Path(file).absolute().parent)
        if web_ui is not None:
            check_listenable("--web-port", web_ui.host or "", web_ui.port)

    def _check_size(self, options: SwarmOptions, parsed: argparse.Namespace | None) -> None:
        processes, runner = self._sharing.share.processes, self._environment.runner
        if isinstance(runner, MasterRunner):
            processes = max(int(getattr(parsed, "expect_workers", None) or 1), getattr(runner, "worker_count", 0))
        users = getattr(parsed, "num_users", None)
        if users is not None and users < 1:
            raise UsageError(f"-u is {users}: a run needs players, 1 or more.")
        check_limits(options, users=self.users(parsed), processes=max(1, processes))
        run_time = getattr(parsed, "run_time", None)
        settled_s = options.recovery_s + float(getattr(parsed, "settle_s", SETTLE_S))
        check_time_of_faults(options.faults, recovery_s=settled_s, run_s=float(run_time) if run_time else None)
