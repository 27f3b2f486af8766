"""The certificate of a run: one that a server can serve, and nothing of it is left."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from bench.processes.certificate import can_make_certificate, certificate
from tests.installed import program


def openssl(folder: Path, script: str) -> None:
    (folder / "openssl").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "openssl").chmod(0o755)


def test_certificate_goes_with_its_key_and_both_are_gone_after_the_block() -> None:
    program("openssl", package="openssl")
    with certificate() as (cert, key):
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(cert, key)
    assert not Path(cert).parent.exists()


def test_openssl_that_fails_is_told_in_its_own_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    openssl(tmp_path, "echo no such curve >&2; exit 1")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="no such curve"), certificate():
        pass


def test_machine_without_openssl_is_known_beforehand(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not can_make_certificate()
    with pytest.raises(OSError, match="openssl"), certificate():
        pass
