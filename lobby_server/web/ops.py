"""For operators: liveness, readiness, and the metrics in the text format of Prometheus or OpenMetrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from lobby_server.protocol.codes import ApiCode
from lobby_server.service.ports import StoreFull, StoreUnavailable
from lobby_server.web.api.operation import Caller, operation
from lobby_server.web.base import ApiFault, BaseHandler
from lobby_server.web.context import WebContext
from lobby_server.web.metrics_of_all import of_all


class HealthHandler(BaseHandler):
    """The process lives and its loop turns."""

    has_callers = False

    @operation("The process lives", answers={200: None}, caller=Caller.ANYBODY)
    def get(self) -> None:
        self.finish(b'{"status":"ok"}')


class ReadyHandler(BaseHandler):
    """New clients are welcome here."""

    has_callers = False

    @operation("New clients are welcome", answers={200: None}, caller=Caller.ANYBODY, refusals=(ApiCode.NOT_READY,))
    async def get(self) -> None:
        if self.app.drain.is_announced:
            raise ApiFault(503, ApiCode.NOT_READY, "The server is about to stop.")
        if self.app.nodes is not None and not self.app.nodes.is_ready:
            raise ApiFault(503, ApiCode.NOT_READY, "The backplane does not answer.")
        if self.app.writer.is_full:
            raise ApiFault(503, ApiCode.NOT_READY, "Too many writes wait for the database.")
        try:
            await self.app.store_probe.ask()
        except StoreFull:
            raise ApiFault(503, ApiCode.NOT_READY, "The disk of the database is full.") from None
        except StoreUnavailable:
            raise ApiFault(503, ApiCode.NOT_READY, "The database does not answer, or takes no writes.") from None
        self.finish(b'{"status":"ready"}')


class MetricsHandler(BaseHandler):
    has_callers = False
    registry: CollectorRegistry

    def initialize(self, context: WebContext, registry: CollectorRegistry | None = None) -> None:
        super().initialize(context)
        assert registry is not None
        self.registry = registry

    async def get(self) -> None:
        encode, content_type = choose_encoder(self.request.headers.get("Accept", ""))
        self.set_header("Content-Type", content_type)
        self.set_header("Vary", "Accept")
        others = self.context.others
        self.finish(encode(self.registry if others is None else await of_all(self.registry, others)))
