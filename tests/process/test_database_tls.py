"""TLS on the way to a real PostgreSQL, on a certificate of an authority that the test makes."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bench.processes.target import Target, TargetFailed
from tests.installed import program
from tests.process.clients import call, token_of
from tests.store.pgbouncer import PgBouncer, running_pgbouncer
from tests.store.postgres import Postgres
from tests.store.urls.test_hosting_urls import HANDED_OUT

pytestmark = pytest.mark.system

NOW = ["--database-wait-s", "0"]


@pytest.fixture(scope="module")
def certificate() -> Iterator[Path]:
    """A folder with ``cert.pem``, for localhost alone and its own authority, and ``key.pem``."""
    folder = Path(tempfile.mkdtemp(prefix="lobby-tls-"))
    folder.chmod(0o755)
    subprocess.run(
        [program("openssl", package="openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", str(folder / "key.pem"),
         "-out", str(folder / "cert.pem")],
        check=True, capture_output=True,
    )  # fmt: skip
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def pgbouncer(postgres: Postgres, certificate: Path) -> Iterator[PgBouncer]:
    """PostgreSQL out of the pip package has no TLS; a pooler before it has."""
    for name in ("cert.pem", "key.pem"):
        shutil.chown(certificate / name, postgres.folder.stat().st_uid)
    more = (
        f"client_tls_sslmode = require\nclient_tls_cert_file = {certificate}/cert.pem\n"
        f"client_tls_key_file = {certificate}/key.pem\n"
    )
    with running_pgbouncer(postgres, pool_mode="transaction", more=more) as started:
        yield started


def flags(pgbouncer: PgBouncer, database: str, host: str, parameters: str) -> list[str]:
    return ["--database-url", f"postgresql://postgres@{host}:{pgbouncer.port}/{database}?{parameters}", *NOW]


@pytest.mark.parametrize(
    "parameters",
    [
        "sslmode=verify-full&sslrootcert={cert}",
        "sslmode=require&channel_binding=require",
        "connect_timeout=4&keepalives_idle=30&keepalives_interval=5&keepalives_count=3&tcp_user_timeout=20000",
    ],
)
def test_server_runs_on_a_database_over_tls(
    pgbouncer: PgBouncer, postgres_name: str, certificate: Path, tmp_path: Path, parameters: str
) -> None:
    given = flags(pgbouncer, postgres_name, "localhost", parameters.format(cert=certificate / "cert.pem"))
    with Target(data_dir=tmp_path, flags=given) as target:
        room = call(target, "POST", "/api/rooms", {"gamemode": "ctf"}, token=token_of(target, 1, "ann"))
        assert room.status == 201
    log = target.log_path.read_text()
    assert ("channel_binding=require" in log) is ("channel_binding" in parameters)
    assert "Traceback" not in log


@pytest.mark.parametrize(
    ("host", "parameters", "because"),
    [
        ("127.0.0.1", "sslmode=verify-full&sslrootcert={cert}", "The certificate of PostgreSQL at .* does not hold"),
        ("localhost", "sslmode=verify-full&sslrootcert=system", "The certificate of PostgreSQL at .* does not hold"),
        ("localhost", "sslmode=disable", "wants TLS"),
    ],
)
def test_certificate_that_does_not_hold_is_one_sentence(
    pgbouncer: PgBouncer,
    postgres_name: str,
    certificate: Path,
    tmp_path: Path,
    host: str,
    parameters: str,
    because: str,
) -> None:
    target = Target(
        data_dir=tmp_path, flags=flags(pgbouncer, postgres_name, host, parameters.format(cert=certificate / "cert.pem"))
    )
    with pytest.raises(TargetFailed, match=rf"(?s)exit code 2\): +lobby-server: [^\n]*{because}[^\n]*\.\s*$"):
        target.start()
    target.stop()


HOSTERS = ("Supabase, pooler", "Supabase, Vercel", "Neon", "Heroku", "Heroku, Node", "DigitalOcean", "Prisma")
"""Behind whose host there is a pooler with TLS, or may be."""


@pytest.mark.parametrize("service", HOSTERS)
def test_url_of_a_hosting_service_opens_a_database_with_tls_and_a_pooler(
    pgbouncer: PgBouncer, postgres_name: str, tmp_path: Path, service: str
) -> None:
    handed_out = urlsplit(HANDED_OUT[service])
    user = handed_out.netloc.partition("@")[0]
    url = handed_out._replace(netloc=f"{user}@localhost:{pgbouncer.port}", path=f"/{postgres_name}").geturl()
    with Target(data_dir=tmp_path, flags=["--database-url", url, *NOW]) as target:
        room = call(target, "POST", "/api/rooms", {"gamemode": "ctf"}, token=token_of(target, 1, "ann"))
        assert room.status == 201
        assert call(target, "GET", "/readyz").status == 200
        assert target.stop() == 0
    log = target.log_path.read_text()
    assert "Traceback" not in log
    assert ":pw@" not in log
    assert "p4ss" not in log
