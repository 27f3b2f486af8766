"""The address of an OpenTelemetry collector as an option, and whether there is what sends to it."""

from __future__ import annotations

from importlib.util import find_spec
from urllib.parse import urlsplit

from loadtest.results.exit_codes import UsageError

METRICS_PATH = "/v1/metrics"
EXTRA = "loadtest-otlp"
_NEEDED = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")


def check_otlp(endpoint: str) -> None:
    """Raises `UsageError` for what is no address, and where the exporter is not installed."""
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"--otlp-endpoint: {endpoint!r} is no address: give one as http://collector:4318.")
    if not all(_is_installed(name) for name in _NEEDED):
        raise UsageError(f"--otlp-endpoint needs OpenTelemetry's exporter: pip install 'lobby-server[{EXTRA}]'.")


def url_of(endpoint: str) -> str:
    """With the path that a collector listens at, where none is given."""
    return endpoint.rstrip("/") + METRICS_PATH if urlsplit(endpoint).path in ("", "/") else endpoint


def _is_installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # of a package above it
        return False
