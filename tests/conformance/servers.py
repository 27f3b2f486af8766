"""The servers under test: one real process per kind of way, started once and shared by all cases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from bench.processes.target import Target
from tests.conformance.case import Way
from tests.conformance.line import CERTIFICATE

_FLAGS = (
    "--allow-guests", "--auth-rate-per-min", "0",
    "--handshake-timeout-s", "3600", "--heartbeat-timeout-s", "3600",  # a case takes minutes on a busy machine
)  # fmt: skip
_TLS = ("--tls-cert", str(CERTIFICATE), "--tls-key", str(CERTIFICATE.with_name("key.pem")))


def flags_of(way: Way) -> tuple[str, ...]:
    return (*_FLAGS, *(_TLS if way.is_tls else ()), *(("--compression",) if way.deflates else ()))


@contextmanager
def servers(ways: Iterable[Way]) -> Iterator[dict[Way, Target]]:
    """A running server for each way; the bare one serves the split requests too."""
    running: dict[tuple[str, ...], Target] = {}
    with ExitStack() as stack:
        for way in ways:
            if flags_of(way) not in running:
                running[flags_of(way)] = stack.enter_context(Target(flags=flags_of(way)))
        yield {way: running[flags_of(way)] for way in ways}
