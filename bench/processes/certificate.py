"""A certificate for a server under test on this machine: made by OpenSSL's command for one run, trusted by nobody."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

MAKE_TIMEOUT_S = 30.0


def can_make_certificate() -> bool:
    return shutil.which("openssl") is not None


@contextlib.contextmanager
def certificate() -> Iterator[tuple[str, str]]:
    """Paths of a certificate and its key, gone after the block. Raises `OSError` or `RuntimeError` when there is no
    OpenSSL, or it fails."""
    with tempfile.TemporaryDirectory(prefix="lobby-certificate-") as folder:
        cert, key = Path(folder, "cert.pem"), Path(folder, "key.pem")
        done = subprocess.run(
            [
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-subj", "/CN=localhost", "-days", "2", "-out", str(cert), "-keyout", str(key),
            ],
            capture_output=True,
            text=True,
            timeout=MAKE_TIMEOUT_S,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"openssl made no certificate: {done.stderr.strip()[-200:]}")
        yield str(cert), str(key)
