"""The swarm's place in Locust: its listeners, and the course of a run from its start to its stop. What has to hold
before is in `loadtest.run.checks.start`, what processes tell each other in `loadtest.run.distributed`, and what a run
comes to in `loadtest.run.concluding`.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from datetime import datetime, timezone
from functools import partial
from typing import Any

import gevent
from locust.env import Environment
from locust.event import EventHook, Events
from locust.runners import STATE_RUNNING, STATE_SPAWNING, MasterRunner, WorkerRunner

from loadtest.client import ServerTimers
from loadtest.measure.metrics import CALLED_OFF, LATE_WORKERS, ONLINE_BEFORE
from loadtest.measure.reach import SETTLE_S
from loadtest.measure.recorder import Recorder
from loadtest.measure.run_facts import RunFacts
from loadtest.output.conclusion import shown_arguments
from loadtest.output.recording_options import ALL_PHASES, RunOptions
from loadtest.output.web_form import WebForm
from loadtest.output.web_state import WebState
from loadtest.output.web_tab import install as install_tab
from loadtest.players.pausing import RolePauses
from loadtest.players.swarm import Swarm, attach, log, new_swarm, swarm_of
from loadtest.results.exit_codes import ExitCode, UsageError
from loadtest.run.checks.probing import online_before, timers_of, tokens_of
from loadtest.run.checks.start import StartCheck
from loadtest.run.command_line import add_all_options, defaults
from loadtest.run.concluding import Concluding
from loadtest.run.dispatching import end_ramps_with_their_runs
from loadtest.run.distributed import MasterSide, WorkerSide
from loadtest.run.following import Following
from loadtest.run.interrupts import Interrupts
from loadtest.run.marking import Marking, note_players
from loadtest.run.monitoring import RunMonitor
from loadtest.run.orphans import end_for, leave_interrupts_to_master, watch_parent
from loadtest.run.role_control import RoleControl, ignore_signals
from loadtest.run.steady_state import SteadyState, is_starting
from loadtest.run.supervision import Supervision, not_kept
from loadtest.workload.breaking import Faults
from loadtest.workload.inputs import take_several_hosts
from loadtest.workload.options import SwarmOptions, read_options
from loadtest.workload.restart import Restart
from loadtest.workload.sharing import Sharing


def install(events: Events) -> None:
    """Register the swarm with Locust. Call it once, from the locustfile."""
    _listen(events.init_command_line_parser, _add_options)
    _listen(events.init, _init)


def _add_options(parser: Any) -> None:
    take_several_hosts(parser)
    add_all_options(parser, sys.argv[1:])


def _init(environment: Environment, runner: Any, **_rest: Any) -> None:
    gevent.config.track_greenlet_tree = False  # who spawned whom: 1 KiB and 3 µs for each player
    for name in ("loadtest.client", "loadtest.wire"):  # one line a player and loss is not for a swarm
        logging.getLogger(name).setLevel(logging.ERROR)
    hooks = _Hooks(environment)
    web_ui, parsed = environment.web_ui, environment.parsed_options
    if web_ui is not None and parsed is not None:
        WebForm(web_ui, hooks.start.check_form, run_state=hooks.web_state).install()
    if not isinstance(runner, WorkerRunner):
        hooks.start.check_program()
    hooks.listen()
    if isinstance(runner, WorkerRunner) and runner.worker_state in (STATE_SPAWNING, STATE_RUNNING):
        hooks.on_test_start()  # it joined a running test, whose start came before anything of ours was there
    if web_ui is not None:
        ends = hooks.concluding
        install_tab(
            web_ui, ends.conclusion, lambda: ends.said, run_state=hooks.web_state,
            base_path=getattr(parsed, "web_base_path", None) or "",
        )  # fmt: skip
    hooks.follow()


class _Hooks:
    """The listeners of one Locust environment, that is of one process."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.sharing = Sharing(environment)
        self.start = StartCheck(environment, self.sharing)
        self.concluding = Concluding(
            environment, run_options=lambda: self.start.run_options, duration_s=self.duration_s
        )
        self._began_s = 0.0
        self._monitor: RunMonitor | None = None
        self._steady_state: SteadyState | None = None
        self._restart: Restart | None = None
        self._faults: Faults | None = None
        self._following: Following | None = None
        """None on workers, and before `follow`."""
        runner = environment.runner
        self.web_state = WebState(lambda: environment.runner.state if environment.runner is not None else "missing")
        self._master = MasterSide(environment, runner, self._recorder) if isinstance(runner, MasterRunner) else None
        self.roles = RoleControl(environment, self._master, self.duration_s)
        self._end_ramp = end_ramps_with_their_runs(environment)
        self.interrupts = Interrupts(is_worth_ending=self._has_results)
        if isinstance(runner, WorkerRunner):
            WorkerSide(environment, runner, self._recorder, self._pauses)
            ignore_signals()
            if getattr(environment.parsed_options, "processes", None):
                watch_parent(on_gone=partial(self.end_alone, runner))
                leave_interrupts_to_master(self.interrupts)
                return
        self.interrupts.obey()

    def _has_results(self) -> bool:
        """Of a run, or will have: nobody but a headless swarm waits for its first run to begin."""
        is_headless = bool(getattr(self.environment.parsed_options, "headless", False))
        return not is_headless or swarm_of(self.environment) is not None

    @property
    def is_worker(self) -> bool:
        return isinstance(self.environment.runner, WorkerRunner)

    def _recorder(self) -> Recorder | None:
        swarm = swarm_of(self.environment)
        return swarm.recorder if swarm is not None else None

    def _pauses(self) -> RolePauses | None:
        swarm = swarm_of(self.environment)
        return swarm.pauses if swarm is not None else None

    def follow(self) -> None:
        """From now on others may look on: by metrics, by the web interface's live tab, by signals. Ends the program
        with one sentence where that cannot be."""
        options = self.start.run_options
        if self.is_worker or options is None:
            return
        try:
            self._following = Following(self.environment, options, self.concluding.conclusion, self.roles)
            self._following.start()
        except UsageError as error:
            end_for(error, self.environment)

    def listen(self) -> None:
        events = self.environment.events
        _listen(events.test_start, self.web_state.beginning(self.on_test_start))
        _listen(events.test_stopping, self.on_test_stopping)
        events.test_stop._handlers.insert(0, self.web_state.stopped)  # before those of a locustfile
        _listen(events.test_stop, self.web_state.concluding(self.on_test_stop))
        _listen(events.spawning_complete, self.on_spawning_complete)
        _listen(events.request, self.on_request)
        _listen(events.reset_stats, self.on_reset)
        _listen(events.worker_connect, self.on_worker)
        _listen(events.quitting, self.concluding.on_quitting)
        _listen(events.quit, self.on_quit)

    def end_alone(self, runner: WorkerRunner) -> None:
        """A worker without a master: its players disconnect, and no report is sent."""
        self.environment.process_exit_code = ExitCode.FAILED
        runner.quit()

    # -- one run --------------------------------------------------------------------------------------------------

    def on_test_start(self, **_rest: Any) -> None:
        self._began_s = time.perf_counter()
        is_called_off = False
        try:
            options = self.start.check_run()
            tokens, timers = tokens_of(options), timers_of(self.environment.host, options)
        except UsageError as error:
            log.error(error)
            is_called_off, tokens, timers = True, None, ServerTimers()
            options = read_options(defaults())
            gevent.spawn(self.environment.runner.stop)  # type: ignore[union-attr]  # a test that started has one
        swarm = new_swarm(
            self.environment,
            options,
            share=self.sharing.share,
            tokens=tokens,
            recorder=self.new_recorder(timers),
            facts=self.new_facts(options),
            timers=timers,
            is_called_off=is_called_off,
        )
        attach(self.environment, swarm)
        if is_called_off and self.is_worker:
            swarm.recorder.count(CALLED_OFF)
        if self._master is not None:
            self._master.begin()
        self.sharing.tell_workers()
        self.start_monitor(swarm)
        if not self.is_worker and not is_called_off:
            swarm.recorder.count(ONLINE_BEFORE, online_before(self.environment.host, options, users=self.start.users()))
            self._restart = Restart(
                options.load,
                hosts=swarm.places.hosts,
                count=swarm.recorder.count,
                note=lambda text: swarm.facts.note(self.duration_s(), "restart", text),
            )
            self._restart.plan()
            self.plan_faults(swarm)
            self.keep_the_beginning(swarm)

    def keep_the_beginning(self, swarm: Swarm) -> None:
        """What was in the folder is of another run, and this one may be killed before it is saved for the first
        time."""
        options = self.start.run_options
        if options is not None and options.save_every_s:
            try:
                self.concluding.keep()
            except OSError as error:
                swarm.say_once("not kept", not_kept(error))

    def plan_faults(self, swarm: Swarm) -> None:
        """Of the process that leads the run."""

        def disturb(began_s: float, until_s: float | None) -> None:
            from_s = began_s - swarm.recorder.reach.settle_s  # what was under way then
            swarm.ledger.disturbances.tell(from_s, until_s)
            if self._master is not None:
                self._master.disturb(from_s, until_s)

        self._faults = Faults(
            swarm.options.faults,
            recovery_s=swarm.options.recovery_s,
            facts=swarm.facts.faults,
            count=swarm.recorder.count,
            disturb=disturb,
        )
        self._faults.plan()

    def new_recorder(self, timers: ServerTimers) -> Recorder:
        settle_s = float(getattr(self.environment.parsed_options, "settle_s", SETTLE_S))
        return Recorder(
            settle_s=settle_s,
            is_shared=self.is_worker,
            timers=timers,
            reports_all_phases=getattr(self.environment.parsed_options, "phase", None) == ALL_PHASES,
        )

    def new_facts(self, options: SwarmOptions) -> RunFacts:
        parsed = self.environment.parsed_options
        return RunFacts(
            host=self.environment.host or "",
            seed=options.seed,
            is_over=False,
            started_at=datetime.now(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z"),
            arguments=shown_arguments(vars(parsed)) if parsed is not None else {},
            has_lines=options.network is not None and options.network.is_emulated,
        )

    def start_monitor(self, swarm: Swarm) -> None:
        if self._monitor is not None:
            self._monitor.stop()
        self._steady_state = SteadyState(
            swarm, resets=self.environment.reset_stats, is_starting=lambda: is_starting(self.environment.runner)
        )
        options = self.start.run_options
        supervision = self.new_supervision(swarm, options) if options is not None else None
        marking = Marking(
            swarm,
            self.environment,
            duration_s=self.duration_s,
            workers=self._master.present_by_name if self._master is not None else dict,
        )

        def look() -> None:
            marking.look()
            if supervision is not None:
                supervision.look()

        self._monitor = RunMonitor(
            swarm,
            duration_s=self.duration_s,
            server_pid=options.server_pid if options is not None else None,
            steady_state=self._steady_state,
            in_place_of=self.in_place_of,
            on_second=look,
        )
        self._monitor.start()

    def in_place_of(self, pid: int) -> int | None:
        """What this run has itself started in place of a process; None: nothing."""
        started = (each.in_place_of(pid) for each in (self._faults, self._restart) if each is not None)
        return next((other for other in started if other is not None), None)

    def duration_s(self) -> float:
        """Of the run so far."""
        return time.perf_counter() - self._began_s

    def new_supervision(self, swarm: Swarm, options: RunOptions) -> Supervision:
        parsed, runner = self.environment.parsed_options, self.environment.runner
        is_headless = bool(getattr(parsed, "headless", False))
        return Supervision(
            swarm,
            options.thresholds,
            duration_s=self.duration_s,
            save=self.concluding.keep,
            save_every_s=options.save_every_s,
            end=lambda: gevent.spawn(runner.quit if is_headless else runner.stop),  # type: ignore[union-attr]
        )

    def on_spawning_complete(self, **_rest: Any) -> None:
        swarm = swarm_of(self.environment)
        if swarm is not None and self.environment.reset_stats:
            swarm.requests.drop()  # Locust has just emptied its table
        if swarm is not None and self._master is not None:
            self._master.expect_reports(swarm.recorder)
        self.on_spawned()

    def on_spawned(self) -> None:
        swarm, runner = swarm_of(self.environment), self.environment.runner
        if self._steady_state is not None:
            self._steady_state.all_are_started(time.perf_counter())
        if swarm is None or runner is None or self.is_worker:
            return
        note_players(swarm, runner)

    def on_test_stopping(self, **_rest: Any) -> None:
        self._end_ramp()
        self.on_spawned()  # those that came late, too
        swarm = swarm_of(self.environment)
        if swarm is not None:
            swarm.recorder.end_steady_state()
        if swarm is not None and not swarm.facts.duration_s:
            swarm.facts.duration_s = time.perf_counter() - self._began_s
            swarm.ledger.stop()
        if swarm is not None and self._master is not None:
            self._master.finish()

    def on_test_stop(self, **_rest: Any) -> None:
        swarm = swarm_of(self.environment)
        if self._monitor is not None:
            self._monitor.stop()
            self._monitor = None
        if swarm is not None:
            swarm.facts.is_over = not self.is_worker
            swarm.close()
        if self._restart is not None:
            self._restart.call_off()
        if self._faults is not None:
            self._faults.call_off()
        if self._following is not None:
            self._following.run_has_stopped()
        if self.environment.web_ui is not None:
            self.concluding.write()

    def on_request(
        self, request_type: str, name: str, response_time: float | None, exception: Any = None, **_rest: Any
    ) -> None:
        swarm = swarm_of(self.environment)
        if swarm is not None:
            duration_s = None if response_time is None else response_time / 1000
            failure = None if not exception else str(exception)
            swarm.recorder.record_request((request_type, name), duration_s, failure)

    def on_worker(self, **_rest: Any) -> None:
        swarm = swarm_of(self.environment)
        if self.sharing.is_late() and swarm is not None:
            swarm.recorder.count(LATE_WORKERS)
            log.warning("A worker has joined the running test: its players are others than the seed would have given.")

    def on_reset(self, **_rest: Any) -> None:
        swarm = swarm_of(self.environment)
        if swarm is not None:
            swarm.recorder.reset()
            swarm.facts.reset()
            swarm.requests.drop()
            self._began_s = time.perf_counter()

    def on_quit(self, **_rest: Any) -> None:
        if self._following is not None:
            self._following.stop()
        self.concluding.end()


def _listen(hook: EventHook, listener: Callable[..., None]) -> None:
    hook.add_listener(listener)  # type: ignore[no-untyped-call]
