"""Whoever looks on while a run goes on: Prometheus, an OpenTelemetry collector, the live tab, an operator's signals. In
the process that leads."""

from __future__ import annotations

from collections.abc import Callable

from locust.env import Environment

from loadtest.output.conclusion import Conclusion
from loadtest.output.live.families import Family, families_of
from loadtest.output.live.otlp import OtlpPush
from loadtest.output.live.prometheus import MetricsServer
from loadtest.output.live.web import Source, install
from loadtest.output.recording_options import RunOptions
from loadtest.players.swarm import log, swarm_of
from loadtest.run.role_control import RoleControl


class Following:
    """From `start` to `stop`, over all runs of the process."""

    def __init__(
        self,
        environment: Environment,
        options: RunOptions,
        conclusion: Callable[[], Conclusion | None],
        roles: RoleControl,
    ) -> None:
        """`conclusion`: as of now; None before the first run."""
        self._environment = environment
        self._options = options
        self._conclusion = conclusion
        self._roles = roles
        self._server: MetricsServer | None = None
        self._push: OtlpPush | None = None

    def start(self) -> None:
        """Raises `UsageError` where the port of the metrics is taken."""
        parsed, web_ui = self._environment.parsed_options, self._environment.web_ui
        if self._options.metrics_port is not None:
            self._server = MetricsServer(self._options.metrics_host, self._options.metrics_port, self._families)
            log.info("Metrics of the swarm at %s", self._server.start())
        if self._options.otlp_endpoint:
            self._push = OtlpPush(self._options.otlp_endpoint, self._families, began=self._began)
            self._push.start()
        self._roles.obey_signals(self._options.signal_roles)
        if web_ui is not None:
            source = Source(
                conclusion=self._conclusion,
                families=self._families,
                paused=lambda: self._roles.paused,
                set_paused=lambda role, is_paused: self._roles.set_paused([role], is_paused=is_paused),
                doubt=lambda: self._roles.doubt,
            )
            install(web_ui, source, base_path=getattr(parsed, "web_base_path", None) or "")

    def run_has_stopped(self) -> None:
        """Its last figures are sent."""
        if self._push is not None:
            self._push.send()

    def stop(self) -> None:
        if self._push is not None:
            self._push.stop()
        if self._server is not None:
            self._server.stop()

    def _families(self) -> list[Family]:
        return families_of(self._conclusion())

    def _began(self) -> str | None:
        swarm = swarm_of(self._environment)
        return swarm.facts.started_at if swarm is not None and not swarm.is_called_off else None
