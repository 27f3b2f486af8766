"""The swarm's place in Locust: options, the check of the server before the first user, the beginning and the end of a
run. What processes tell each other is in `loadtest.run.distributed`, what a run comes to in `loadtest.output.ending`.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from typing import Any

import gevent
import psutil
from locust.env import Environment
from locust.event import EventHook, Events
from locust.runners import MasterRunner, WorkerRunner

from loadtest.client.sockets.transport import address_of
from loadtest.measure.health import Pulse, ServerWatch, find_server
from loadtest.measure.history import History
from loadtest.measure.metrics import LOOP_LAG
from loadtest.measure.reach import SETTLE_S
from loadtest.measure.recorder import Recorder
from loadtest.measure.run_facts import RunFacts
from loadtest.output.ending import Conclusion, conclude, shown_arguments, write_files
from loadtest.output.run_options import RunOptions, add_run_options, read_run_options
from loadtest.output.web_tab import install as install_tab
from loadtest.players.swarm import Swarm, attach, log, new_swarm, swarm_of
from loadtest.results.exit_codes import ExitCode, UsageError
from loadtest.run.distributed import MasterSide, WorkerSide
from loadtest.run.orphans import leave_interrupts_to_master, watch_parent
from loadtest.run.probing import check_limits, probe, tokens_of
from loadtest.workload.options import SwarmOptions, add_options, read_options
from loadtest.workload.restart import Restart
from loadtest.workload.shapes import shape_for
from loadtest.workload.sharing import Sharing

LOCAL_HISTORY_S = 1.0
MASTER_HISTORY_S = 3.0
"""Workers report that often."""
_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


def install(events: Events) -> None:
    """Call it once, from the locustfile."""
    _listen(events.init_command_line_parser, _add_options)
    _listen(events.init, _init)


def _add_options(parser: Any) -> None:
    add_options(parser)
    add_run_options(parser)


def _init(environment: Environment, runner: Any, **_rest: Any) -> None:
    for name in ("loadtest.client", "loadtest.wire"):  # one line a player and loss is not for a swarm
        logging.getLogger(name).setLevel(logging.ERROR)
    hooks = _Hooks(environment)
    if not isinstance(runner, WorkerRunner):
        hooks.check_before_anything()
    hooks.listen()
    if environment.web_ui is not None:
        install_tab(environment.web_ui, hooks.conclusion)


class _Hooks:
    """Of one environment, that is of one process."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.run_options: RunOptions | None = None
        """Read before anything else; None on workers, which leave nothing behind."""
        self.sharing = Sharing(environment)
        self._began_s = 0.0
        self._pulse: Pulse | None = None
        self._restart: Restart | None = None
        runner = environment.runner
        self._master = MasterSide(environment, runner, self._recorder) if isinstance(runner, MasterRunner) else None
        if isinstance(runner, WorkerRunner):
            WorkerSide(environment, runner, self._recorder)
            if getattr(environment.parsed_options, "processes", None):
                watch_parent(on_gone=partial(self.end_alone, runner))
                leave_interrupts_to_master()

    @property
    def is_worker(self) -> bool:
        return isinstance(self.environment.runner, WorkerRunner)

    def _recorder(self) -> Recorder | None:
        swarm = swarm_of(self.environment)
        return swarm.recorder if swarm is not None else None

    def listen(self) -> None:
        events = self.environment.events
        _listen(events.test_start, self.on_test_start)
        _listen(events.test_stopping, self.on_test_stopping)
        _listen(events.test_stop, self.on_test_stop)
        _listen(events.spawning_complete, self.on_spawned)
        _listen(events.request, self.on_request)
        _listen(events.reset_stats, self.on_reset)
        _listen(events.quitting, self.on_quitting)
        _listen(events.quit, self.on_quit)

    def check_before_anything(self) -> None:
        """A wrong option or an absent server ends the program here: one sentence, exit code 2."""
        parsed = self.environment.parsed_options
        try:
            options = self.read_options()
            self.run_options = read_run_options(vars(parsed) if parsed is not None else {})
            if self.environment.host or parsed is None or parsed.headless or parsed.autostart:
                probe(self.environment.host, options)
            if parsed is not None:
                self.check_size(options)
                self.environment.shape_class = shape_for(options.load, parsed) or self.environment.shape_class
        except UsageError as error:
            print(f"loadtest: {error}", file=sys.stderr, flush=True)
            self.end_own_workers()
            sys.exit(ExitCode.USAGE)

    def end_own_workers(self) -> None:
        """Those that ``--processes`` forked: Locust leaves them looking for a master that is gone, for minutes."""
        processes = getattr(self.environment.parsed_options, "processes", None)
        if isinstance(self.environment.runner, MasterRunner) and processes:
            for worker in psutil.Process().children():
                with contextlib.suppress(psutil.NoSuchProcess):
                    worker.terminate()

    def end_alone(self, runner: WorkerRunner) -> None:
        """A worker without a master: its players say goodbye, and nobody is told."""
        self.environment.process_exit_code = ExitCode.FAILED
        runner.quit()

    def read_options(self) -> SwarmOptions:
        """The drawn seed goes back to where it was read from: workers get their options from there."""
        parsed = self.environment.parsed_options
        options = read_options(vars(parsed))
        if parsed is not None:
            parsed.seed = options.seed
        return options

    def check_size(self, options: SwarmOptions) -> None:
        """Raises `UsageError`."""
        parsed = self.environment.parsed_options
        expected = int(getattr(parsed, "expect_workers", None) or 1)
        processes = self.sharing.share.processes if self._master is None else expected
        users = int(getattr(parsed, "num_users", None) or 1)
        check_limits(options, users=users, processes=max(1, processes))

    # -- one run --------------------------------------------------------------------------------------------------

    def on_test_start(self, **_rest: Any) -> None:
        self._began_s = time.perf_counter()
        is_called_off = False
        try:
            options = self.read_options()
            if not self.is_worker:
                probe(self.environment.host, options)
            self.check_size(options)
            tokens = tokens_of(options)
        except UsageError as error:
            log.error(error)
            is_called_off, tokens = True, None
            options = read_options(_defaults())
            gevent.spawn(self.environment.runner.stop)  # type: ignore[union-attr]  # a test that started has one
        swarm = new_swarm(
            self.environment,
            options,
            share=self.sharing.share,
            tokens=tokens,
            recorder=self.new_recorder(),
            facts=self.new_facts(options),
            is_called_off=is_called_off,
        )
        attach(self.environment, swarm)
        if self._master is not None:
            self._master.begin()
        self.sharing.tell_workers()
        self.start_pulse(swarm)
        if not self.is_worker and not is_called_off:
            self._restart = Restart(options.load, host=self.environment.host or "", count=swarm.recorder.count)
            self._restart.plan()

    def new_recorder(self) -> Recorder:
        settle_s = float(getattr(self.environment.parsed_options, "settle_s", SETTLE_S))
        return Recorder(settle_s=settle_s, is_shared=self.is_worker)

    def new_facts(self, options: SwarmOptions) -> RunFacts:
        parsed = self.environment.parsed_options
        return RunFacts(
            host=self.environment.host or "",
            seed=options.seed,
            is_over=False,
            started_at=datetime.now(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z"),
            arguments=shown_arguments(vars(parsed)) if parsed is not None else {},
        )

    def start_pulse(self, swarm: Swarm) -> None:
        """Every process watches itself; the one that leads watches the server and the course of the run, too."""
        if self._pulse is not None:
            self._pulse.stop()
        recorder, facts = swarm.recorder, swarm.facts
        history = History(facts.history, every_s=LOCAL_HISTORY_S if self._master is None else MASTER_HISTORY_S)

        def settle() -> None:
            now_s = time.perf_counter()
            if self._master is None:
                recorder.reach.settle(now_s)
            if not self.is_worker:
                history.look(recorder, t_s=now_s - self._began_s)

        self._pulse = Pulse(
            recorder,
            on_lag=lambda lag_s: recorder.record(LOOP_LAG, lag_s) if self._master is None else None,
            on_settle=settle,
        )
        self._pulse.start()
        if not self.is_worker:
            gevent.spawn(self.watch_server, self._pulse, facts)

    def watch_server(self, pulse: Pulse, facts: RunFacts) -> None:
        """The process that was named, or the one that listens on the host's port where the host is this machine. It is
        looked for in a thread: players do not wait for that."""
        host, port = address_of(self.environment.host or "")
        pid = self.run_options.server_pid if self.run_options is not None else None
        try:
            if pid is None and host in _LOCAL_HOSTS:
                pid = gevent.get_hub().threadpool.apply(find_server, (port,))
            if pid is not None:
                pulse.server = ServerWatch(pid)
                facts.server_pid, facts.server_cpu_shares = pid, pulse.server.cpu_shares
        except psutil.Error as error:
            log.warning("The server's CPU is not known: %s", error)

    def on_spawned(self, **_rest: Any) -> None:
        swarm, runner = swarm_of(self.environment), self.environment.runner
        if swarm is None or runner is None or self.is_worker:
            return
        for role, count in swarm.plan.roles_of(runner.user_count).items():
            swarm.facts.users[role] = max(count, swarm.facts.users.get(role, 0))

    def on_test_stopping(self, **_rest: Any) -> None:
        self.on_spawned()  # those that came late, too
        swarm = swarm_of(self.environment)
        if swarm is not None and not swarm.facts.duration_s:
            swarm.facts.duration_s = time.perf_counter() - self._began_s
            swarm.ledger.stop()
        if swarm is not None and self._master is not None:
            self._master.finish()

    def on_test_stop(self, **_rest: Any) -> None:
        swarm = swarm_of(self.environment)
        if self._pulse is not None:
            self._pulse.stop()
            self._pulse = None
        if swarm is not None and not self.is_worker:
            swarm.recorder.reach.settle(time.perf_counter(), is_final=True)
            swarm.facts.is_over = True
        if swarm is not None:
            swarm.close()
        if self._restart is not None:
            self._restart.call_off()

    def on_request(
        self, request_type: str, name: str, response_time: float | None, exception: Any = None, **_rest: Any
    ) -> None:
        swarm = swarm_of(self.environment)
        if swarm is not None:
            duration_s = None if response_time is None else response_time / 1000
            failure = None if not exception else str(exception)
            swarm.recorder.record_request((request_type, name), duration_s, failure)

    def on_reset(self, **_rest: Any) -> None:
        swarm = swarm_of(self.environment)
        if swarm is not None:
            swarm.recorder.reset()
            self._began_s = time.perf_counter()

    # -- the end --------------------------------------------------------------------------------------------------

    def conclusion(self) -> Conclusion | None:
        """As of now; None before the first run, and on workers."""
        swarm = swarm_of(self.environment)
        if swarm is None or self.run_options is None or swarm.is_called_off:
            return None
        facts = swarm.facts
        if not facts.is_over:
            facts = replace(facts, duration_s=facts.duration_s or time.perf_counter() - self._began_s)
        return conclude(swarm.recorder, facts, self.run_options)

    def on_quitting(self, **_rest: Any) -> None:
        """Locust takes the exit code before it stops what still runs."""
        swarm, runner = swarm_of(self.environment), self.environment.runner
        if swarm is None or self.run_options is None or runner is None:
            return
        if swarm.is_called_off:
            self.environment.process_exit_code = ExitCode.USAGE
            return
        runner.stop()
        found = self.conclusion()
        code = found.exit_code(self.run_options) if found is not None else None
        if code is not None and self.environment.process_exit_code is None:
            self.environment.process_exit_code = code

    def on_quit(self, **_rest: Any) -> None:
        swarm, found = swarm_of(self.environment), self.conclusion()
        if swarm is None or found is None or self.run_options is None:
            return
        logging.getLogger("locust.stats_logger").info(found.table())
        try:
            write_files(found, json_file=swarm.options.json_file, folder=self.run_options.folder)
        except OSError as error:
            print(f"loadtest: {error.filename}: {error.strerror}.", file=sys.stderr, flush=True)
            sys.exit(ExitCode.USAGE)


def _defaults() -> dict[str, Any]:
    """For a run that is called off because its options do not hold."""
    parser = argparse.ArgumentParser()
    add_options(parser)
    return vars(parser.parse_args([]))


def _listen(hook: EventHook, listener: Callable[..., None]) -> None:
    hook.add_listener(listener)  # type: ignore[no-untyped-call]
