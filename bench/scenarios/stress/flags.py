"""Servers with a way in, and the certificate that it takes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from bench.load.sockets.raw_client import Transport
from bench.processes.certificate import can_make_certificate, certificate
from bench.processes.server_flags import server_flags

NO_OPENSSL = "there is no openssl to make a certificate with"


@contextlib.contextmanager
def flags_of(transport: Transport, flags: Sequence[str]) -> Iterator[tuple[str, ...] | None]:
    """`flags`, and what makes a server take that transport; None: it cannot be had (`NO_OPENSSL`)."""
    compression = ("--compression",) if transport.deflates else ()
    if not transport.is_tls:
        yield (*flags, *compression)
    elif not can_make_certificate():
        yield None
    else:
        with certificate() as (cert, key):
            yield (*flags, *compression, *server_flags(tls_cert=cert, tls_key=key))
